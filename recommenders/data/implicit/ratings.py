"""From ratings to implicit data sets: what users rated well, without the rest."""

from __future__ import annotations

import numpy as np

from core.common.errors import UserError
from core.common.seeding import numpy_rng
from recommenders.data.dataset import Ratings
from recommenders.data.implicit.dataset import ImplicitDataset
from recommenders.data.implicit.options import ImplicitOptions
from recommenders.data.implicit.splitting import choose_held_out, hold_out_at_random
from recommenders.data.implicit.user_items import UserItems
from recommenders.data.labels import deduplicate


def implicit_of_ratings(
    name: str, ratings: Ratings, positive: np.ndarray, meaning: str, options: ImplicitOptions, seed: int
) -> ImplicitDataset:
    """Make a data set of the positive pairs, without a validation part unless that is made as the test part is.

    Users and items without a positive are left out.

    Args:
        name: of the data set.
        ratings: all of them.
        positive: [n] bool, which ratings are positive.
        meaning: what counts as positive, in a sentence.
        options: which items are held out for the test part.
        seed: of a random test part; the order of the rows makes no difference to it.

    Raises:
        UserError: no positives, or the last items asked for without times.
    """
    by_time = _is_by_time(name, ratings, options)
    order = slice(None) if ratings.timestamp is None else np.argsort(ratings.timestamp, kind="stable")
    user, item, positive = ratings.user[order], ratings.item[order], positive[order]
    kept, n_repeated = deduplicate(user * len(ratings.item_ids) + item, options.table.pairs)
    chosen = positive if kept is None else positive & kept
    if not chosen.any():
        raise UserError(f"data set {name}: expected ratings that count as positive, got none; lower positive_at")
    (users, user), (items, item) = (np.unique(ids[chosen], return_inverse=True) for ids in (user, item))
    pairs = UserItems.of_pairs(user, item, len(users))
    if by_time:
        assert ratings.timestamp is not None
        times = _latest(user, item, ratings.timestamp[order][chosen], pairs)
        held_out = choose_held_out(pairs, times, options.test_share, options.fewest)
    else:
        rng = numpy_rng(seed, "implicit", "test")
        held_out = hold_out_at_random(pairs, rng, options.test_share, options.fewest)
    left_out = [
        f"{n_all - n:,} of {n_all:,} {what} have no positive and are left out"
        for what, n_all, n in (
            ("users", len(ratings.user_ids), len(users)),
            ("items", len(ratings.item_ids), len(items)),
        )
        if n < n_all
    ]
    repeated = [f"{n_repeated:,} rows repeat a user and an item, which count once"] * bool(n_repeated)
    dataset = ImplicitDataset(
        name,
        pairs.take(~held_out),
        UserItems.empty(len(users)),
        pairs.take(held_out),
        ratings.user_ids[users],
        ratings.item_ids[items],
        _split(by_time, options, seed),
        (*ratings.notes, *filter(None, [meaning]), *repeated, *left_out),
    )
    if not (by_time and options.validation_as_test and options.validation_share):
        return dataset
    chosen = choose_held_out(dataset.train, times[~held_out], options.validation_share)
    how = f"validation by time, the last {options.validation_share:.0%} of each user's training items"
    return dataset.with_validation(dataset.train.take(~chosen), dataset.train.take(chosen), how)


def _is_by_time(name: str, ratings: Ratings, options: ImplicitOptions) -> bool:
    if options.held_out == "time" and ratings.timestamp is None:
        raise UserError(f"data set {name}: held_out time: expected ratings with times, got none; choose random")
    return options.held_out != "random" and ratings.timestamp is not None


def _latest(user: np.ndarray, item: np.ndarray, time: np.ndarray, pairs: UserItems) -> np.ndarray:
    """Return the last time of each of `pairs`, [m].

    Args:
        user: [n] of each row, in the order of time.
        item: [n] of each row.
        time: [n] of each row.
        pairs: the different pairs.
    """
    span = int(item.max(initial=0)) + 1
    latest = np.empty(len(pairs), dtype=time.dtype)
    latest[np.searchsorted(pairs.users() * span + pairs.items, user * span + item)] = time  # the last one written stays
    return latest


def _split(by_time: bool, options: ImplicitOptions, seed: int) -> str:
    what = "the last" if by_time else "at random"
    order = f"by time, {what} {options.test_share:.0%}" if by_time else f"{options.test_share:.0%} {what}"
    return (
        f"test {order} of each user's items{'' if by_time else f', seed {seed}'} (users with fewer than "
        f"{options.fewest} items have none)"
    )
