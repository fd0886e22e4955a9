"""Positive leave-one-out: paper, section 5.1.1, by the exact rule of the published files.

Interactions are sorted by time. Of every user, the last positive and everything after it (negatives) is the test part;
of the rest, again the last positive and everything after it is the validation part; what remains is the training part.
Users without a positive are in the training part only.

The published ML-100K files were sorted by an unstable quicksort, which left equal times in an arbitrary order. To
reproduce them takes the same sort (`classic_quicksort`).
"""

from __future__ import annotations

import numpy as np

from recommenders.data.dataset import Interactions

_SMALL = 16


def classic_quicksort(keys: np.ndarray) -> np.ndarray:
    """Return the order in which NumPy's scalar quicksort (up to version 1.23) sorts `keys` [n], ties included.

    Median of three, the larger partition postponed, insertion sort for up to 16 elements.

    Departure: where partitions stay too large (in no published file), NumPy changes to heapsort and this to a stable
    sort, at the same depth; otherwise such a file would take quadratic time.
    """
    order = list(range(len(keys)))
    v = keys.tolist()
    pending = [(0, len(order) - 1, 2 * (len(order).bit_length() - 1))]
    while pending:
        lo, hi, depth = pending.pop()
        if depth < 0:
            order[lo : hi + 1] = sorted(order[lo : hi + 1], key=v.__getitem__)
            continue
        while hi - lo >= _SMALL:
            split = _partition(order, v, lo, hi)
            depth -= 1
            larger, smaller = (
                ((lo, split - 1), (split + 1, hi)) if split - lo > hi - split else ((split + 1, hi), (lo, split - 1))
            )
            pending.append((*larger, depth))
            lo, hi = smaller
        for i in range(lo + 1, hi + 1):
            element, j = order[i], i
            key = v[element]
            while j > lo and key < v[order[j - 1]]:
                order[j] = order[j - 1]
                j -= 1
            order[j] = element
    return np.array(order, dtype=np.int64)


def _partition(order: list[int], v: list[int], lo: int, hi: int) -> int:
    """Partition order[lo..hi] around a median of three; return the final index of the pivot."""
    middle = lo + (hi - lo) // 2
    for a, b in ((middle, lo), (hi, middle), (middle, lo)):
        if v[order[a]] < v[order[b]]:
            order[a], order[b] = order[b], order[a]
    pivot = v[order[middle]]
    order[middle], order[hi - 1] = order[hi - 1], order[middle]
    i, j = lo, hi - 1
    while True:
        i += 1
        while v[order[i]] < pivot:
            i += 1
        j -= 1
        while pivot < v[order[j]]:
            j -= 1
        if i >= j:
            break
        order[i], order[j] = order[j], order[i]
    order[i], order[hi - 1] = order[hi - 1], order[i]
    return i


def positive_leave_one_out(ordered: Interactions) -> tuple[Interactions, Interactions, Interactions]:
    """Split interactions in order of time into training, validation and test parts, each in that order."""
    held_out = _from_last_positive(ordered, np.ones(len(ordered), dtype=bool))
    validation = _from_last_positive(ordered, ~held_out)
    return ordered.take(~held_out & ~validation), ordered.take(validation), ordered.take(held_out)


def _from_last_positive(ordered: Interactions, among: np.ndarray) -> np.ndarray:
    """Return [n] bool: rows among `among` [n] that are their user's last positive of these, or come after it."""
    rows = np.flatnonzero(among)
    positive = rows[ordered.label[rows] > 0.5]
    last = np.full(ordered.user.max(initial=-1) + 1, len(ordered))
    last[ordered.user[positive]] = positive  # rows ascend, so the last one written stays; no positive: none
    return among & (np.arange(len(ordered)) >= last[ordered.user])


def random_split(
    interactions: Interactions, rng: np.random.Generator, held_out: float = 0.1
) -> tuple[Interactions, Interactions, Interactions]:
    """Split interactions at random into training, validation and test parts, each in the given order.

    Args:
        interactions: all of them.
        rng: draws the rows.
        held_out: the share of rows for validation, and that for test.
    """
    order = rng.permutation(len(interactions))
    n = int(len(order) * held_out)
    return (
        interactions.take(np.sort(order[2 * n :])),
        interactions.take(np.sort(order[:n])),
        interactions.take(np.sort(order[n : 2 * n])),
    )
