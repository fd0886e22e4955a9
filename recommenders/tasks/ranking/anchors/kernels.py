"""Compiled loops of anchors, over sparse matrices given as (indptr, items), see `UserItems`."""

from __future__ import annotations

import numpy as np

from core.common.jit import SUMS, compiled


@compiled()
def add_gram(rows, columns, gram):
    """Add X X^T to a matrix.

    Args:
        rows: X, [n, m] of zeros and ones.
        columns: its transpose.
        gram: [n, n], added to.
    """
    indptr, items = rows
    starts, users = columns
    for row in range(len(indptr) - 1):
        out = gram[row]
        for i in items[indptr[row] : indptr[row + 1]]:
            for other in users[starts[i] : starts[i + 1]]:
                out[other] += 1


@compiled()
def quadratic(columns, matrix, out):
    """Compute x^T M x for every column x of zeros and ones.

    Args:
        columns: [m, n] the rows that are 1, for each column.
        matrix: M, [n, n].
        out: [m] float64, overwritten.
    """
    starts, users = columns
    for j in range(len(out)):
        own = users[starts[j] : starts[j + 1]]
        total = 0.0
        for u in own:
            row = matrix[u]
            for v in own:
                total += row[v]
        out[j] = total


@compiled()
def nearest(rows, columns, factors, scales, k, ids, weights):
    """Find for every item i the k items j with the largest scales[j] * sum of factors[u] over their common users u.

    Args:
        rows: the items of every user.
        columns: the users of every item.
        factors: [n_users].
        scales: [n_items].
        k: how many are kept; of equal ones those with lower numbers.
        ids: [n_items, k], overwritten: ascending, -1 where there are fewer.
        weights: [n_items, k], overwritten.
    """
    indptr, items = rows
    starts, users = columns
    total, found = np.zeros(len(scales)), np.empty(len(scales), np.int64)
    for i in range(len(scales)):
        n = 0
        for u in users[starts[i] : starts[i + 1]]:
            for j in items[indptr[u] : indptr[u + 1]]:
                if total[j] == 0 and j != i:
                    found[n] = j
                    n += 1
                total[j] += factors[u]
        near = np.sort(found[:n])
        value = total[near] * scales[near]
        total[near], total[i] = 0, 0
        kept = min(n, k)
        border = np.partition(value, n - kept)[n - kept] if kept else 0.0
        room = kept - (value > border).sum()
        at = 0
        ids[i], weights[i] = -1, 0
        for one in range(n):
            if value[one] > border or (value[one] == border and room > 0):
                room -= value[one] == border
                ids[i, at], weights[i, at] = near[one], value[one]
                at += 1


@compiled()
def add_neighbours(users, rows, ids, weights, out):
    """Add up the weights of the neighbours of each user's items.

    Args:
        users: [b].
        rows: the items of every user.
        ids: [n_items, k] neighbours, -1 after the last one.
        weights: [n_items, k].
        out: [b, n_items], added to.
    """
    indptr, items = rows
    for b in range(len(users)):
        row = out[b]
        for i in items[indptr[users[b]] : indptr[users[b] + 1]]:
            for at in range(ids.shape[1]):
                if ids[i, at] < 0:
                    break
                row[ids[i, at]] += weights[i, at]


@compiled(fastmath=SUMS)
def solve_rows(rows, others, gram, penalties, out):
    """Solve (sum of h h^T + gram + penalty) w = sum of h for every row, by Cholesky.

    Args:
        rows: the others that belong to every row.
        others: [m, D] their vectors h.
        gram: [D, D].
        penalties: [n] added to the diagonal.
        out: [n, D], overwritten: w.
    """
    indptr, items = rows
    d = others.shape[1]
    a = np.empty((d, d), gram.dtype)
    for row in range(len(out)):
        a[:], w = gram, out[row]
        w[:] = 0
        for i in items[indptr[row] : indptr[row + 1]]:
            h = others[i]
            for p in range(d):
                w[p] += h[p]
                for q in range(p, d):
                    a[p, q] += h[p] * h[q]
        for p in range(d):
            a[p, p] += penalties[row]
        _solve(a, w)


@compiled(fastmath=SUMS, inline=True)
def _solve(a, w):
    """Solve a x = w in place, for the upper half of a positive definite matrix [D, D], which is overwritten."""
    d = len(w)
    for p in range(d):  # a = R^T R, row by row of R; w = R^-T w on the way
        inverse = 1 / np.sqrt(a[p, p])
        for q in range(p, d):
            a[p, q] *= inverse
        w[p] *= inverse
        for r in range(p + 1, d):
            scaled = a[p, r]
            w[r] -= scaled * w[p]
            for q in range(r, d):
                a[r, q] -= scaled * a[p, q]
    for p in range(d - 1, -1, -1):
        for q in range(p + 1, d):
            w[p] -= a[p, q] * w[q]
        w[p] /= a[p, p]
