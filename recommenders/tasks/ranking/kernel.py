"""Rank held-out items by counting, and list the best items, in compiled code: nothing sorts all scores."""

from __future__ import annotations

import numpy as np

from core.common.jit import compiled

#: Scores that are compared with all held-out items of a user before the next ones: they stay in the first cache.
_CHUNK = 512
#: Scores that are passed over together where none belongs to the best.
_SKIP = 64


@compiled()
def rank_users(scores, n_items, users, left_out, held_out, place, item, rank, tied, top):
    """Rank the held-out items of a block of users among all items that are not left out.

    The results are written into the last four arrays. Best comes first: the higher score, and of equal scores first the
    items that are not held out, then the held-out ones in the order of their numbers. NaN comes last of all, a held-out
    item behind all others. In `top`, equal scores are in the order of their numbers, NaN is not listed, and -1 stands
    where no item is left.

    Args:
        scores: [B, n] with n >= n_items; overwritten.
        n_items: the number of items.
        users: [B].
        left_out: the items that are not ranked: indptr and items, see `UserItems`.
        held_out: the items that are ranked, likewise.
        place: [B] where the results of each user begin in `item`, `rank` and `tied`.
        item: [m] the held-out items of each user, best first.
        rank: [m] their ranks, from 1.
        tied: [m] how many items that are not held out have the same score.
        top: [B, k] the best items.
    """
    for b in range(len(users)):
        user, row = users[b], scores[b][:n_items]
        gone, own = _of(left_out, user), _of(held_out, user)
        row[gone] = np.nan
        if top.shape[1]:
            list_best(row, top[b])
        borders = row[own]
        row[own] = np.nan
        order = np.argsort(-borders, kind="mergesort")  # stable, NaN last
        first, stop = place[b], place[b] + len(own)
        item[first:stop] = own[order]
        _count(row, borders[order], n_items - len(gone) - len(own), rank[first:stop], tied[first:stop])


@compiled(inline=True)
def _of(rows, user):
    """Return the items of a user."""
    indptr, items = rows
    return items[indptr[user] : indptr[user + 1]]


@compiled()
def _count(row, borders, n_others, rank, tied):
    """Compute ranks [m] and ties [m] of held-out scores, best first, among `n_others` numbers of row [n].

    NaN in the row, which is also where numbers do not belong to the others, comes after all numbers.
    """
    rank[:], tied[:] = 0, 0
    n_numbers = len(borders) - np.isnan(borders).sum()
    for start in range(0, len(row), _CHUNK):
        part = row[start : start + _CHUNK]
        for j in range(n_numbers - 1, -1, -1):
            reached = same = np.int32(0)
            for i in range(len(part)):  # 32 bits, so that as many as possible are counted by one instruction
                reached = np.int32(reached + np.int32(part[i] >= borders[j]))
                same = np.int32(same + np.int32(part[i] == borders[j]))
            if not reached:  # nor is any higher border
                break
            rank[j] += reached
            tied[j] += same
    rank[n_numbers:] = n_others
    for j in range(len(rank)):
        rank[j] += 1 + j


@compiled()
def list_best(row, best):
    """List the best scores of a row, best first; NaN is not listed.

    Args:
        row: [n] scores.
        best: [k] overwritten with their numbers, -1 where there are no more.
    """
    k, n_found = len(best), 0
    found = np.empty(k, row.dtype)
    best[:] = -1
    for start in range(0, len(row), _SKIP):
        part = row[start : start + _SKIP]
        if n_found == k:
            above = np.int32(0)
            for i in range(len(part)):
                above = np.int32(above + np.int32(part[i] > found[k - 1]))
            if not above:
                continue
        for i in range(len(part)):
            if np.isnan(part[i]) or (n_found == k and part[i] <= found[k - 1]):
                continue
            at = min(n_found, k - 1)
            while at > 0 and found[at - 1] < part[i]:
                found[at], best[at] = found[at - 1], best[at - 1]
                at -= 1
            found[at], best[at] = part[i], start + i
            n_found = min(n_found + 1, k)
