"""An implicit data set that is made, not read, for tests and for trying things out."""

from __future__ import annotations

import numpy as np

from core.common.seeding import numpy_rng
from recommenders.data.implicit.dataset import ImplicitDataset
from recommenders.data.implicit.splitting import hold_out_at_random
from recommenders.data.implicit.user_items import UserItems


def planted_items(n_users: int = 300, n_items: int = 200, rank: int = 4, mean_items: int = 20) -> ImplicitDataset:
    """Make users who choose items with a probability that grows with a hidden low-rank score and with popularity.

    Args:
        n_users: the number of users.
        n_items: the number of items.
        rank: of the score.
        mean_items: items of a user on average; a user has a half of it at least, and twice as many at most.
    """
    rng = numpy_rng("implicit", "synthetic", n_users, n_items, mean_items)
    users, items = rng.normal(size=(n_users, rank)), rng.normal(size=(n_items, rank))
    score = 2 * users @ items.T / np.sqrt(rank) + rng.normal(size=n_items)
    score += rng.gumbel(
        size=score.shape
    )  # the largest of these are a draw without replacement, by softmax of the score
    order = np.argsort(-score, axis=1, kind="stable")
    n_each = np.minimum((mean_items * 2.0 ** rng.uniform(-1, 1, size=n_users)).astype(np.int64), n_items)
    chosen = np.arange(n_items) < n_each[:, None]
    pairs = UserItems.of_pairs(np.nonzero(chosen)[0], order[chosen], n_users)
    held_out = hold_out_at_random(pairs, rng, 0.2)
    return ImplicitDataset(
        "synthetic",
        pairs.take(~held_out),
        UserItems.empty(n_users),
        pairs.take(held_out),
        np.arange(n_users),
        np.arange(n_items),
        "test 20% of each user's items at random",
    )
