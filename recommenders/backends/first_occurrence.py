"""Find the users and items that occur several times in a batch: their gradients are summed at the first occurrence."""

from __future__ import annotations

import numpy as np

from core.common.jit import compiled


def first_occurrence(ids: np.ndarray, batch_size: int) -> np.ndarray:
    """Return for every id the index in its batch at which it occurs first.

    Args:
        ids: non-negative integers [n], in training order.
        batch_size: examples per batch; the last one may be smaller.

    Returns:
        [n] int32, counted from 0 in each batch.
    """
    return _first_occurrence(ids, batch_size, int(ids.max(initial=-1)) + 1)


@compiled()
def _first_occurrence(ids, batch_size, n_rows):
    latest = np.full(n_rows, -1, np.int64)  # id -> its first occurrence in the last batch that had it
    first = np.empty(len(ids), np.int32)
    for i in range(len(ids)):
        start = i // batch_size * batch_size
        if latest[ids[i]] < start:
            latest[ids[i]] = i
        first[i] = latest[ids[i]] - start
    return first


@compiled()
def unique_in_batch(first_user, first_item, batch_size):
    """Return for every example whether both its user and its item occur once in its batch, as booleans [n].

    Args:
        first_user: see `first_occurrence` [n].
        first_item: see `first_occurrence` [n].
        batch_size: examples per batch.
    """
    result = np.ones(len(first_user), np.bool_)
    for i in range(len(result)):
        start = i // batch_size * batch_size
        for first in (start + first_user[i], start + first_item[i]):
            if first != i:
                result[first] = result[i] = False
    return result
