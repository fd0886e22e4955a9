"""Draw items by given weights in compiled code: Walker's alias method, as built by Vose (IEEE TSE 17(9), 1991)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.common import splitmix
from core.common.errors import UserError
from core.common.jit import compiled
from core.common.splitmix import below, drawn

#: A user who has nearly every item gets one of them after so many attempts.
_ATTEMPTS = 100
#: What lies between the seeds of two attempts.
_ANOTHER = np.uint64(0xD1342543DE82EF95)
_LOW = np.uint64(0xFFFFFFFF)


class Alias(NamedTuple):
    """A distribution over n items: draw one uniformly, then keep it with probability `keep`, or take `other`."""

    n: int
    """The number of items."""
    keep: np.ndarray
    """[n] uint64, the probability times 2^32; 2^32 where it is always kept. Empty where all are."""
    other: np.ndarray
    """[n] int32, or empty likewise."""


def alias_table(weights: np.ndarray) -> Alias:
    """Build the table of a distribution.

    Args:
        weights: [n] at least 0, of any sum.

    Raises:
        UserError: weights below 0, not finite, or all 0.
    """
    total = weights.sum() if len(weights) else 0.0
    if not (np.isfinite(total) and total > 0 and weights.min() >= 0):
        raise UserError("weights of items: expected finite numbers from 0, not all 0, got others")
    keep, other = np.ones(len(weights)), np.arange(len(weights), dtype=np.int32)
    _fill(np.asarray(weights, dtype=np.float64) * (len(weights) / total), keep, other)
    always = 0 if (keep == 1).all() else len(keep)
    return Alias(len(keep), np.rint(keep * 2.0**32).astype(np.uint64)[:always], other[:always])


@compiled()
def _fill(shares, keep, other):
    """Fill a table from weights [n] with mean 1, which are overwritten."""
    n, n_small, n_large = len(shares), 0, 0
    small, large = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        if shares[i] < 1:
            small[n_small], n_small = i, n_small + 1
        else:
            large[n_large], n_large = i, n_large + 1
    while n_small and n_large:
        little, much = small[n_small - 1], large[n_large - 1]
        keep[little], other[little] = shares[little], much
        shares[much] -= 1 - shares[little]
        n_small -= 1
        if shares[much] < 1:
            n_large -= 1
            small[n_small], n_small = much, n_small + 1


@compiled(uses=(splitmix,), inline=True)
def _one(seed, number, n, keep, other):
    """Draw item number `number` from the parts of an alias table."""
    bits = drawn(seed, number)
    i = below(bits, n)
    return i if not len(keep) or (bits & _LOW) < keep[i] else np.int64(other[i])


@compiled(uses=(splitmix,))
def draw_shared(seed, first, alias, items):
    """Draw items [m] for a batch whose first example has the number `first`.

    Args:
        seed: uint64.
        first: the number.
        alias: the distribution.
        items: [m], overwritten.
    """
    start, (n, keep, other) = drawn(seed, first), alias
    for j in range(len(items)):
        items[j] = _one(start, j, n, keep, other)


@compiled(uses=(splitmix,))
def draw_private(seed, first, users, alias, excluded, none, items):
    """Draw items [B, n] for every example of a batch.

    Args:
        seed: uint64.
        first: the number of the first example.
        users: [B].
        alias: the distribution.
        excluded: indptr and items of users, see `UserItems`; an item of the user is drawn again.
        none: whether nothing is excluded.
        items: [B, n], overwritten.
    """
    (indptr, owned), (n, keep, other) = excluded, alias
    for b in range(len(users)):
        start = drawn(seed, first + b)
        if none and not len(keep):  # the most common way, in a loop that runs on several items at once
            for j in range(items.shape[1]):
                items[b, j] = below(drawn(start, j), n)
            continue
        for j in range(items.shape[1]):
            found, again = _one(start, j, n, keep, other), start
            if not none:
                own = owned[indptr[users[b]] : indptr[users[b] + 1]]
                for _ in range(_ATTEMPTS):
                    at = np.searchsorted(own, found)
                    if at == len(own) or own[at] != found:
                        break
                    again += _ANOTHER
                    found = _one(again, j, n, keep, other)
            items[b, j] = found
