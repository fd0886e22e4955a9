"""Compiled parts of a step. Each works on a range of examples or rows, so that several threads share a step.

Shapes: B examples, N negatives of each (or M of the batch), D dimensions, n_u and n_i different users and items.
"""

from __future__ import annotations

import numpy as np

from core.common.jit import SUMS, compiled, constant
from recommenders.backends.ranking.compiled import tables
from recommenders.backends.ranking.compiled.tables import read_row, update_row
from recommenders.models.vectors.model import SHORTEST


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
def read_rows(table, rows, first, stop, step, rule, cosine, now, unit, inverse):
    """Read rows of a table, as they are and as they are in scores.

    Args:
        table: the table.
        rows: [n] their numbers.
        first: the first of the rows that are read.
        stop: behind the last one.
        step: the number of the step.
        rule: of the epoch.
        cosine: whether vectors in scores have length 1.
        now: [n, D] overwritten: as they are.
        unit: [n, D] overwritten: as they are in scores.
        inverse: [n] overwritten: what they are multiplied by for that.
    """
    for r in range(first, stop):
        read_row(table, rows[r], step, rule, now, r)
        inverse[r] = _to_unit(now, r, cosine, unit, r)


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
def place_users(index, first, now, unit, inverse, masks, before, cosine, users, inverse_users):
    """Write the vectors of the users of some examples as they are in scores, with elements dropped.

    Args:
        index: [B] the number of each example's user.
        first: the number of the first example.
        now: [n_u, D] users as they are.
        unit: [n_u, D] users in scores, without dropout.
        inverse: [n_u] what they were multiplied by.
        masks: [b, D] factors of the elements of b examples; [0, D]: nothing is dropped.
        before: whether elements are dropped before vectors are brought to length 1.
        cosine: whether they are.
        users: [b, D] overwritten.
        inverse_users: [b] overwritten: what vectors were multiplied by.
    """
    drops = len(masks) > 0
    for b in range(len(users)):
        u = index[first + b]
        if drops and before:
            for j in range(users.shape[1]):
                users[b, j] = now[u, j] * masks[b, j]
            inverse_users[b] = _to_unit(users, b, cosine, users, b)
            continue
        inverse_users[b] = inverse[u]
        for j in range(users.shape[1]):
            users[b, j] = unit[u, j] * masks[b, j] if drops else unit[u, j]


@compiled(fastmath=SUMS)
def score_positives(users, items, index, first, scores):
    """Write the scores [b] of positives.

    Args:
        users: [b, D] of the examples, in scores.
        items: [n_i, D] in scores.
        index: [B] the number of each example's item.
        first: the number of the first example.
        scores: [b] overwritten.
    """
    for b in range(len(users)):
        i, dot = index[first + b], constant(0, users[0, 0])
        for j in range(users.shape[1]):
            dot += users[b, j] * items[i, j]
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
def finish_users(
    index, first, unit, masks, before, cosine, users, inverse_users, of_positive, positive, items, out
):
    """Turn the gradients of examples' users in scores into those of the rows as they are.

    Args:
        index: see `place_users`.
        first: see `place_users`.
        unit: see `place_users`.
        masks: see `place_users`.
        before: see `place_users`.
        cosine: see `place_users`.
        users: [b, D] in scores, from there.
        inverse_users: [b] from there.
        of_positive: [b] the gradient by the score of the positive.
        positive: [B] the number of each example's item.
        items: [n_i, D] in scores.
        out: [b, D] the gradient from negatives; overwritten.
    """
    drops = len(masks) > 0
    for b in range(len(out)):
        i, u = positive[first + b], index[first + b]
        for j in range(out.shape[1]):
            out[b, j] += of_positive[b] * items[i, j]
        if drops and before:
            _from_unit(out, b, users, b, inverse_users[b], cosine)
        if drops:
            for j in range(out.shape[1]):
                out[b, j] *= masks[b, j]
        if not (drops and before):
            _from_unit(out, b, unit, u, inverse_users[b], cosine)


@compiled(fastmath=SUMS)
def sum_users(first, stop, starts, order, of_example, share, decay, now, out):
    """Sum the gradients of users over their examples.

    Args:
        first: the first of the users' rows.
        stop: behind the last one.
        starts: [n_u + 1] from `group`.
        order: [B] likewise.
        of_example: [B, D] gradients of rows by example.
        share: of an example in the mean, 1 / B.
        decay: the weight decay of a row, for each time that it is named.
        now: [n_u, D] rows as they are.
        out: [n_u, D] overwritten.
    """
    for r in range(first, stop):
        for j in range(out.shape[1]):
            out[r, j] = decay * (starts[r + 1] - starts[r]) * share * now[r, j]
        for at in range(starts[r], starts[r + 1]):
            for j in range(out.shape[1]):
                out[r, j] += share * of_example[order[at], j]


@compiled(fastmath=SUMS)
def sum_items(first, stop, starts, order, sources, share, decay, cosine, now, unit, inverse, out):
    """Sum the gradients of items over the examples that name them.

    Args:
        first: the first of the items' rows.
        stop: behind the last one.
        starts: [n_i + 1] from `group` of the positives [B], then the negatives.
        order: likewise.
        sources: users [B, D] in scores; gradients by the positive's score [B]; by the negatives' scores [B, N], where
            they are private; and gradients of shared negatives [blocks, M, D], without blocks where they are private.
        share: of an example in the mean, 1 / B.
        decay: the weight decay of a row, for each time that it is named.
        cosine: whether vectors in scores have length 1.
        now: [n_i, D] rows as they are.
        unit: [n_i, D] in scores.
        inverse: [n_i] what they were multiplied by.
        out: [n_i, D] overwritten, where an item is named.
    """
    users, of_positive, of_negative, of_shared = sources
    n = len(users)
    for r in range(first, stop):
        if starts[r] == starts[r + 1]:
            continue
        times = constant(0, share)
        for j in range(out.shape[1]):
            out[r, j] = 0
        for at in range(starts[r], starts[r + 1]):
            source = order[at]
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
        _from_unit(out, r, unit, r, inverse[r], cosine)
        for j in range(out.shape[1]):
            out[r, j] = share * (out[r, j] + decay * times * now[r, j])


@compiled(fastmath=SUMS)
def squared_norm(starts, gradients):
    """Return the sum of squares of the rows [n, D] that are named, float64.

    Args:
        starts: [n + 1] from `group`.
        gradients: [n, D].
    """
    total = 0.0
    for r in range(len(starts) - 1):
        if starts[r] < starts[r + 1]:
            of_row = constant(0, gradients[0, 0])
            for j in range(gradients.shape[1]):
                of_row += gradients[r, j] * gradients[r, j]
            total += of_row
    return total


@compiled(uses=(tables,))
def update_rows(table, rows, first, stop, starts, step, rule, now, gradients, factor):
    """Take a step of the rows that have a gradient; one of zeros is none, to lazy optimisers and to others alike.

    Args:
        table: the table.
        rows: [n] the numbers of rows.
        first: the first of them.
        stop: behind the last one.
        starts: [n + 1] from `group`.
        step: the number of the step.
        rule: of the epoch.
        now: [n, D] rows as they are.
        gradients: [n, D], overwritten.
        factor: what gradients are multiplied by.
    """
    for r in range(first, stop):
        some = False
        if starts[r] < starts[r + 1]:
            for j in range(gradients.shape[1]):
                gradients[r, j] *= factor
                some |= gradients[r, j] != 0
        if some:
            update_row(table, rows[r], step, rule, now, gradients, r)
