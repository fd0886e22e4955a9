"""Holding out a share of every user's items."""

from __future__ import annotations

import numpy as np

from core.common.seeding import numpy_rng
from recommenders.data.implicit.dataset import ImplicitDataset
from recommenders.data.implicit.user_items import UserItems


def choose_held_out(items: UserItems, key: np.ndarray, share: float, fewest: int = 2) -> np.ndarray:
    """Choose a share of every user's items: those with the largest keys, and the last ones of equal keys.

    Args:
        items: all items of every user.
        key: [n] numbers, such as times or random draws.
        share: from 0 to 1; the nearest whole number of a user's items, but at least one, and never all.
        fewest: users with fewer items, and those with one item, keep all of them.

    Returns:
        [n] bool, True for what is held out. All False for a share of 0.
    """
    counts, held_out = items.counts, np.zeros(len(items), dtype=bool)
    n_held = np.clip(np.rint(share * counts).astype(np.int64), 1, np.maximum(counts - 1, 1))
    n_held[counts < max(fewest, 2)] = 0
    if share == 0 or not n_held.any():
        return held_out
    user = items.users()
    order = np.lexsort((key, user))  # of a user, so that rows stay where the user's were
    place_from_end = np.repeat(items.indptr[1:], counts) - np.arange(len(items))
    held_out[order] = place_from_end <= np.repeat(n_held, counts)
    return held_out


def hold_out_at_random(items: UserItems, rng: np.random.Generator, share: float, fewest: int = 2) -> np.ndarray:
    """Choose a share of every user's items at random.

    Args:
        items: all items of every user.
        rng: draws a number for every item.
        share: see `choose_held_out`.
        fewest: see `choose_held_out`.

    Returns:
        [n] bool, True for what is held out.
    """
    return choose_held_out(items, rng.random(len(items)), share, fewest)


def cut_validation(data: ImplicitDataset, share: float, seed: int) -> ImplicitDataset:
    """Cut a validation part from the training part, at random for every user.

    Args:
        data: a data set without a validation part.
        share: of a user's training items, from 0 (no validation part) to 1; see `choose_held_out`.
        seed: the same seed gives the same part on every machine.
    """
    if share == 0:
        return data
    chosen = hold_out_at_random(data.train, numpy_rng(seed, "implicit", "validation"), share)
    how = f"validation {share:.0%} of each user's training items at random, seed {seed}"
    return data.with_validation(data.train.take(~chosen), data.train.take(chosen), how)
