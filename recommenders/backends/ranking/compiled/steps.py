"""Compiled parts of a step. Each works on a range of examples or rows, so that several threads share a step.

Shapes: B examples, N negatives of each (or M of the batch), D dimensions, n_u and n_i different users and items.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.common.jit import SUMS, compiled, constant
from recommenders.backends.ranking.compiled import tables
from recommenders.backends.ranking.compiled.tables import Table, read_row, update_row
from recommenders.models.vectors.model import SHORTEST


class Rows(NamedTuple):
    """The different rows of a table that a batch names, n of them, in m namings."""

    table: Table
    numbers: np.ndarray
    """[n] in the table."""
    named: np.ndarray
    """[m] for each naming the number among these."""
    now: np.ndarray
    """[n, D] as they are."""
    unit: np.ndarray
    """[n, D] as they are in scores."""
    inverse: np.ndarray
    """[n] what they are multiplied by for that."""
    gradient: np.ndarray
    """[n, D] the gradient of those that are named by something with a gradient."""
    starts: np.ndarray
    """[n + 1] where the namings of each begin in `order`."""
    order: np.ndarray
    """[m] namings."""


@compiled()
def find_rows(ids, place, rows, index):
    """Number the different ids in the order in which they occur first.

    Args:
        ids: [n].
        place: [number of rows] -1 everywhere, and again afterwards.
        rows: [at least the number of different ids], overwritten with them.
        index: [n] overwritten with the number of every id.

    Returns:
        How many different ones there are.
    """
    n = 0
    for i in range(len(ids)):
        if place[ids[i]] < 0:
            place[ids[i]] = n
            rows[n] = ids[i]
            n += 1
        index[i] = place[ids[i]]
    for i in range(n):
        place[rows[i]] = -1
    return n


@compiled()
def group(index, n, starts, order):
    """Sort positions by their number, those of equal number as they come.

    Args:
        index: [m] numbers from 0 to n - 1; others are left out.
        n: how many numbers there are.
        starts: [n + 1] overwritten: where the positions of each number begin in `order`.
        order: [m] overwritten with positions.
    """
    starts[: n + 1] = 0
    for i in range(len(index)):
        if index[i] >= 0:
            starts[index[i] + 1] += 1
    for r in range(n):
        starts[r + 1] += starts[r]
    for i in range(len(index)):
        if index[i] >= 0:
            order[starts[index[i]]] = i
            starts[index[i]] += 1
    for r in range(n, 0, -1):
        starts[r] = starts[r - 1]
    starts[0] = 0


@compiled(uses=(tables,), fastmath=SUMS)
def read_rows(rows, first, stop, step, rule, cosine):
    """Read rows of a table, as they are and as they are in scores.

    Args:
        rows: whose `now`, `unit` and `inverse` are filled.
        first: the first of the rows that are read.
        stop: behind the last one.
        step: the number of the step.
        rule: of the epoch.
        cosine: whether vectors in scores have length 1.
    """
    for r in range(first, stop):
        read_row(rows.table, rows.numbers[r], step, rule, rows.now, r)
        rows.inverse[r] = _to_unit(rows.now, r, cosine, rows.unit, r)


@compiled(fastmath=SUMS, inline=True)
def _to_unit(vectors, r, cosine, unit, to):
    """Write a vector as it is in scores; return what it was multiplied by."""
    factor = constant(1, vectors[r, 0])
    if cosine:
        norm = constant(0, vectors[r, 0])
        for j in range(vectors.shape[1]):
            norm += vectors[r, j] * vectors[r, j]
        factor /= max(np.sqrt(norm), constant(SHORTEST, norm))
    for j in range(vectors.shape[1]):
        unit[to, j] = factor * vectors[r, j]
    return factor


@compiled(fastmath=SUMS, inline=True)
def _from_unit(gradient, r, unit, u, inverse, cosine):
    """Turn the gradient of a vector in scores, a row, into that of the vector as it is."""
    along = constant(0, inverse)
    if cosine and inverse * constant(SHORTEST, inverse) < 1:
        for j in range(unit.shape[1]):
            along += gradient[r, j] * unit[u, j]
    for j in range(unit.shape[1]):
        gradient[r, j] = inverse * (gradient[r, j] - along * unit[u, j])


@compiled(fastmath=SUMS)
def place_users(rows, first, masks, before, cosine, users, inverse):
    """Write the vectors of the users of some examples as they are in scores, with elements dropped.

    Args:
        rows: of users, read.
        first: the number of the first example.
        masks: [b, D] factors of the elements of b examples; [0, D]: nothing is dropped.
        before: whether elements are dropped before vectors are brought to length 1.
        cosine: whether they are.
        users: [b, D] overwritten.
        inverse: [b] overwritten: what vectors were multiplied by.
    """
    drops = len(masks) > 0
    for b in range(len(users)):
        u = rows.named[first + b]
        if drops and before:
            for j in range(users.shape[1]):
                users[b, j] = rows.now[u, j] * masks[b, j]
            inverse[b] = _to_unit(users, b, cosine, users, b)
            continue
        inverse[b] = rows.inverse[u]
        for j in range(users.shape[1]):
            users[b, j] = rows.unit[u, j] * masks[b, j] if drops else rows.unit[u, j]


@compiled(fastmath=SUMS)
def score_positives(users, items, first, scores):
    """Write the scores [b] of positives.

    Args:
        users: [b, D] of the examples, in scores.
        items: rows of items, read; examples name their positives first.
        first: the number of the first example.
        scores: [b] overwritten.
    """
    for b in range(len(users)):
        i, dot = items.named[first + b], constant(0, users[0, 0])
        for j in range(users.shape[1]):
            dot += users[b, j] * items.unit[i, j]
        scores[b] = dot


@compiled(fastmath=SUMS)
def score_private(users, items, index, scores):
    """Write the scores of every example's own negatives.

    Args:
        users: [b, D] of the examples, in scores.
        items: [n_i, D] in scores.
        index: [b, N] the numbers of their negatives.
        scores: [b, N] overwritten.
    """
    for b in range(len(users)):
        for n in range(index.shape[1]):
            i, dot = index[b, n], constant(0, users[0, 0])
            for j in range(users.shape[1]):
                dot += users[b, j] * items[i, j]
            scores[b, n] = dot


@compiled(fastmath=SUMS)
def gather_private(gradients, index, items, out):
    """Write the gradient of users from their own negatives.

    Args:
        gradients: [b, N] by the scores of negatives.
        index: [b, N] the numbers of the negatives.
        items: [n_i, D] in scores.
        out: [b, D] overwritten.
    """
    out[:] = 0
    for b in range(len(out)):
        for n in range(index.shape[1]):
            if gradients[b, n] != 0:
                for j in range(out.shape[1]):
                    out[b, j] += gradients[b, n] * items[index[b, n], j]


@compiled(fastmath=SUMS)
def finish_users(rows, items, first, masks, before, cosine, users, inverse, of_positive, out):
    """Turn the gradients of examples' users in scores into those of the rows as they are.

    Args:
        rows: of users, read.
        items: of items, read.
        first: see `place_users`.
        masks: see `place_users`.
        before: see `place_users`.
        cosine: see `place_users`.
        users: [b, D] in scores, from there.
        inverse: [b] from there.
        of_positive: [b] the gradient by the score of the positive.
        out: [b, D] the gradient from negatives; overwritten.
    """
    drops = len(masks) > 0
    for b in range(len(out)):
        i, u = items.named[first + b], rows.named[first + b]
        for j in range(out.shape[1]):
            out[b, j] += of_positive[b] * items.unit[i, j]
        if drops and before:
            _from_unit(out, b, users, b, inverse[b], cosine)
        if drops:
            for j in range(out.shape[1]):
                out[b, j] *= masks[b, j]
        if not (drops and before):
            _from_unit(out, b, rows.unit, u, inverse[b], cosine)


@compiled(fastmath=SUMS)
def sum_users(rows, first, stop, of_example, share, decay):
    """Sum the gradients of users over their examples.

    Args:
        rows: of users, grouped, whose `gradient` is filled.
        first: the first of them.
        stop: behind the last one.
        of_example: [B, D] gradients by example.
        share: of an example in the mean, 1 / B.
        decay: the weight decay of a row, for each time that it is named.
    """
    out, starts = rows.gradient, rows.starts
    for r in range(first, stop):
        shrink = decay * (starts[r + 1] - starts[r]) * share
        for j in range(out.shape[1]):
            out[r, j] = shrink * rows.now[r, j]
        for at in range(starts[r], starts[r + 1]):
            b = rows.order[at]
            for j in range(out.shape[1]):
                out[r, j] += share * of_example[b, j]


@compiled(fastmath=SUMS)
def sum_items(rows, first, stop, sources, share, decay, cosine):
    """Sum the gradients of items over the examples that name them.

    Args:
        rows: of items, grouped by the positives [B], then the negatives; their `gradient` is filled.
        first: the first of them.
        stop: behind the last one.
        sources: users [B, D] in scores; gradients by the positive's score [B]; by the negatives' scores [B, N], where
            they are private; and gradients of shared negatives [blocks, M, D], without blocks where they are private.
        share: of an example in the mean, 1 / B.
        decay: the weight decay of a row, for each time that it is named.
        cosine: whether vectors in scores have length 1.
    """
    users, of_positive, of_negative, of_shared = sources
    n, out, starts = len(users), rows.gradient, rows.starts
    for r in range(first, stop):
        if starts[r] == starts[r + 1]:
            continue
        times = constant(0, share)
        for j in range(out.shape[1]):
            out[r, j] = 0
        for at in range(starts[r], starts[r + 1]):
            source = rows.order[at]
            if source >= n and len(of_shared):
                times += n
                for block in range(len(of_shared)):
                    for j in range(out.shape[1]):
                        out[r, j] += of_shared[block, source - n, j]
                continue
            b = source if source < n else (source - n) // of_negative.shape[1]
            by = of_positive[b] if source < n else of_negative[b, (source - n) % of_negative.shape[1]]
            times += 1
            for j in range(out.shape[1]):
                out[r, j] += by * users[b, j]
        _from_unit(out, r, rows.unit, r, rows.inverse[r], cosine)
        shrink = decay * times
        for j in range(out.shape[1]):
            out[r, j] = share * (out[r, j] + shrink * rows.now[r, j])


@compiled(fastmath=SUMS)
def squared_norm(rows):
    """Return the sum of squares of the gradients of rows that are named, float64."""
    total, gradient = 0.0, rows.gradient
    for r in range(len(rows.numbers)):
        if rows.starts[r] < rows.starts[r + 1]:
            of_row = constant(0, gradient[0, 0])
            for j in range(gradient.shape[1]):
                of_row += gradient[r, j] * gradient[r, j]
            total += of_row
    return total


@compiled(uses=(tables,))
def update_rows(rows, first, stop, step, rule, factor):
    """Take a step of the rows that have a gradient; one of zeros is none, to lazy optimisers and to others alike.

    Args:
        rows: with gradients, which are overwritten.
        first: the first of them.
        stop: behind the last one.
        step: the number of the step.
        rule: of the epoch.
        factor: what gradients are multiplied by.
    """
    gradient = rows.gradient
    for r in range(first, stop):
        some = False
        if rows.starts[r] < rows.starts[r + 1]:
            for j in range(gradient.shape[1]):
                gradient[r, j] *= factor
                some |= gradient[r, j] != 0
        if some:
            update_row(rows.table, rows.numbers[r], step, rule, rows.now, gradient, r)
