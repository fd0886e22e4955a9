"""Draw negatives for a table in which every row is a positive: items that the user does not have.

Every positive gets the same number, drawn uniformly from the items that its user has in no part. A user gets no item
twice while there are enough; otherwise every item about equally often.
"""

from __future__ import annotations

import numpy as np

from core.common.errors import UserError

#: Users who need more than this share of their unobserved items get them by shuffling, others by rejection sampling.
_DENSE = 0.25


def draw_negatives(
    user: np.ndarray, item: np.ndarray, n_items: int, n_each: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw negative items.

    Args:
        user: [n] int64, of every positive.
        item: [n] int64, of every positive.
        n_items: the number of items.
        n_each: negatives for each positive.
        rng: draws them.

    Returns:
        [n, n_each] int64, the items.

    Raises:
        UserError: a user has so many items that fewer than `n_each` are left.
    """
    observed = np.unique(user * n_items + item)
    n_positives = np.bincount(user)
    left = n_items - np.bincount(observed // n_items, minlength=len(n_positives))
    short = np.flatnonzero((n_positives > 0) & (left < n_each))
    if len(short):
        raise TooFewItems(int(short[0]), int(left[short[0]]), len(short))
    dense = n_positives * n_each > _DENSE * left
    drawn = np.empty((len(user), n_each), dtype=np.int64)
    sparse = np.flatnonzero(~dense[user])
    drawn[sparse] = _by_rejection(np.repeat(user[sparse], n_each), observed, n_items, rng).reshape(-1, n_each)
    rows = np.flatnonzero(dense[user])
    rows = rows[np.argsort(user[rows], kind="stable")]
    for of_user in np.split(rows, np.flatnonzero(np.diff(user[rows])) + 1) if len(rows) else ():
        drawn[of_user] = _by_shuffling(int(user[of_user[0]]), len(of_user), n_each, observed, n_items, rng)
    return drawn


class TooFewItems(UserError):
    """Raised if a user has nearly all items.

    Args:
        user: index of the first such user.
        left: the number of items that this user does not have.
        n_users: the number of such users.
    """

    def __init__(self, user: int, left: int, n_users: int) -> None:
        super().__init__(f"user number {user} has all items but {left}")
        self.user, self.left, self.n_users = user, left, n_users


def _by_rejection(user: np.ndarray, observed: np.ndarray, n_items: int, rng: np.random.Generator) -> np.ndarray:
    """Return [n] an item for each row by rejection sampling: none observed, none twice for a user."""
    base = user * n_items
    taken = observed
    key = np.empty_like(base)
    pending = np.arange(len(user))
    while len(pending):
        tried = base[pending] + rng.integers(n_items, size=len(pending))
        distinct, first = np.unique(tried, return_index=True)
        place = np.searchsorted(taken, distinct)
        new = taken[np.minimum(place, len(taken) - 1)] != distinct
        good = first[new]
        key[pending[good]] = tried[good]
        taken = np.sort(np.concatenate([taken, distinct[new]]), kind="stable")
        pending = np.delete(pending, good)
    return key - base


def _by_shuffling(
    user: int, n: int, n_each: int, observed: np.ndarray, n_items: int, rng: np.random.Generator
) -> np.ndarray:
    """Return [n, n_each] items: the unobserved ones of a user, shuffled again whenever they are used up."""
    low, high = np.searchsorted(observed, [user * n_items, (user + 1) * n_items])
    left = np.setdiff1d(np.arange(n_items), observed[low:high] - user * n_items, assume_unique=True)
    if n * n_each <= len(left):
        return rng.permutation(left)[: n * n_each].reshape(n, n_each)
    a_round = len(left) // n_each  # positives for which a round of the list is enough: no item twice for one of them
    rounds = [rng.permutation(left)[: a_round * n_each].reshape(-1, n_each) for _ in range(-(-n // a_round))]
    return np.concatenate(rounds)[:n]
