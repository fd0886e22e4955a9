"""Compiled parts of a step: scores and gradients. Each works on a range of examples or rows, which threads share.

Shapes: B examples, of which a block has b, N negatives of each (or M of the batch), D dimensions, E negatives with a
gradient.
"""

from __future__ import annotations

import numpy as np

from core.common.jit import SUMS, compiled, constant
from recommenders.backends.ranking import epochs
from recommenders.backends.ranking.compiled import prefetch as prefetching
from recommenders.backends.ranking.compiled import rows as rows_of_tables
from recommenders.backends.ranking.compiled import rules, tables
from recommenders.backends.ranking.compiled.prefetch import AHEAD
from recommenders.backends.ranking.compiled.rows import from_unit, to_unit
from recommenders.backends.ranking.compiled.tables import BENT, DRIFT, ROW, STRAIGHT, ask_for, read_curved, read_row
from recommenders.backends.ranking.epochs import mask
from recommenders.models.vectors.model import SHORTEST


@compiled(uses=(rows_of_tables, epochs), fastmath=SUMS)
def place_users(rows, first, number, seed, dropout, masks, before, cosine, users, inverse):
    """Write the vectors of the users of some examples as they are in scores, with elements dropped.

    Args:
        rows: of users, read.
        first: the number of the first example in the batch.
        number: its number in the epoch.
        seed: of the dropped elements of the epoch.
        dropout: the share of elements that are dropped.
        masks: [b, D] overwritten with factors of the elements of b examples; [0, D]: nothing is dropped.
        before: whether elements are dropped before vectors are brought to length 1.
        cosine: whether they are.
        users: [b, D] overwritten.
        inverse: [b] overwritten: what vectors were multiplied by.
    """
    if len(masks):
        mask(seed, number, dropout, masks)
    drops, named, now, unit, inverses = len(masks) > 0, rows.named, rows.now, rows.unit, rows.inverse
    for b in range(len(users)):
        u = named[first + b]
        if drops and before:
            for j in range(users.shape[1]):
                users[b, j] = now[u, j] * masks[b, j]
            inverse[b] = to_unit(users, b, cosine, users, b)
            continue
        inverse[b] = inverses[u]
        for j in range(users.shape[1]):
            users[b, j] = unit[u, j] * masks[b, j] if drops else unit[u, j]


@compiled(fastmath=SUMS)
def score_positives(users, items, first, scores):
    """Write the scores [b] of positives.

    Args:
        users: [b, D] of the examples, in scores.
        items: rows of items, read; examples name their positives first.
        first: the number of the first example.
        scores: [b] overwritten.
    """
    named, unit = items.named, items.unit
    for b in range(len(users)):
        i, dot = named[first + b], constant(0, users[0, 0])
        for j in range(users.shape[1]):
            dot += users[b, j] * unit[i, j]
        scores[b] = dot


@compiled(uses=(tables, rules, prefetching), fastmath=SUMS)
def score_rows(table, step, rule, travel, users, items, cosine, scores):
    """Write the scores of every example's own items, straight from the table: most will not be needed again.

    Args:
        table: of items.
        step: the number of the step.
        rule: of the epoch.
        travel: of the step.
        users: [b, D] of the examples, in scores.
        items: [b, N] rows of the table.
        cosine: whether vectors in scores have length 1.
        scores: [b, N] overwritten.
    """
    rows, bends, last, path = table.rows, table.bends, table.last, table.path
    along, across, start, moves = travel.along, travel.across, rule.start, len(last) > 0
    now, shortest = np.empty((1, users.shape[1]), users.dtype), constant(SHORTEST, users[0, 0])
    for b in range(len(users)):
        for n in range(items.shape[1]):
            if n + AHEAD < items.shape[1]:
                ask_for(rows, bends, path, items[b, n + AHEAD])
            row = items[b, n]
            if not moves:
                dot, square = _products(users, b, rows[row], ROW)
            elif path[row] == STRAIGHT:  # as in read_row, without writing it down: here is where the time goes
                dot, square = _products_ahead(users, b, rows, row, along[max(last[row] - start, 0)])
            elif path[row] == BENT:
                a = max(last[row] - start, 0)
                dot, square = _products_around(users, b, rows, bends, row, along[a], across[a])
            else:
                scores[b, n] = score_row(table, row, step, rule, travel, users, b, cosine, now)
                continue
            scores[b, n] = dot / max(np.sqrt(square), shortest) if cosine else dot


@compiled(uses=(tables, rules), fastmath=SUMS)
def score_row(table, row, step, rule, travel, users, b, cosine, now):
    """Return the score of one row of a table.

    Args:
        table: of items.
        row: its number.
        step: the number of the step.
        rule: of the epoch.
        travel: of the step.
        users: [b, D] of the examples, in scores.
        b: which of them.
        cosine: whether vectors in scores have length 1.
        now: [1, D] overwritten.
    """
    along, across, shortest = travel.along, travel.across, constant(SHORTEST, users[0, 0])
    if not read_row(table.rows, table.bends, table.last, table.path, rule.start, along, across, row, now, 0):
        read_curved(table, row, step, rule, travel, now, 0)
    dot, square = _products(users, b, now, 0)
    return dot / max(np.sqrt(square), shortest) if cosine else dot


@compiled(fastmath=SUMS, inline=True)
def _products(users, b, vectors, r):
    """Return the dot product of user b and vector r, and that of the vector with itself."""
    dot, square = constant(0, users[b, 0]), constant(0, users[b, 0])
    for j in range(users.shape[1]):
        dot += users[b, j] * vectors[r, j]
        square += vectors[r, j] * vectors[r, j]
    return dot, square


@compiled(fastmath=SUMS, inline=True)
def _products_ahead(users, b, rows, row, by):
    """Return the same for the row of a table that has moved by so many drifts, which stand behind it."""
    dot, square = constant(0, users[b, 0]), constant(0, users[b, 0])
    for j in range(users.shape[1]):
        now = rows[row, ROW, j] - by * rows[row, DRIFT, j]
        dot += users[b, j] * now
        square += now * now
    return dot, square


@compiled(fastmath=SUMS, inline=True)
def _products_around(users, b, rows, bends, row, by, across):
    """Return the same for one that has moved by bends, too."""
    dot, square = constant(0, users[b, 0]), constant(0, users[b, 0])
    for j in range(users.shape[1]):
        now = rows[row, ROW, j] - by * rows[row, DRIFT, j] - across * bends[row, j]
        dot += users[b, j] * now
        square += now * now
    return dot, square


@compiled()
def choose(gradients, negatives, every, named, examples, factors, starts):
    """List the negatives that have a gradient, behind the positives.

    Args:
        gradients: [B, N] by their scores.
        negatives: [B, N] items.
        every: whether all are listed.
        named: [at least B + E], overwritten from B on with items.
        examples: likewise, with the numbers of their examples.
        factors: likewise, with their gradients.
        starts: [B + 1] overwritten: where those of each example begin, from 0.

    Returns:
        B + E.
    """
    n = len(gradients)
    m = n
    for b in range(n):
        starts[b] = m - n
        for k in range(gradients.shape[1]):
            if every or gradients[b, k] != 0:
                named[m], examples[m], factors[m] = negatives[b, k], b, gradients[b, k]
                m += 1
    starts[n] = m - n
    return m


@compiled(fastmath=SUMS)
def gather_negatives(factors, index, starts, items, out):
    """Write the gradient of users from their own negatives.

    Args:
        factors: [E] gradients by the scores of the negatives.
        index: [E] their numbers among the rows that are read.
        starts: [b + 1] where those of each example begin.
        items: [n_i, D] in scores.
        out: [b, D] overwritten.
    """
    out[:] = 0
    for b in range(len(out)):
        for e in range(starts[b], starts[b + 1]):
            for j in range(out.shape[1]):
                out[b, j] += factors[e] * items[index[e], j]


@compiled(uses=(rows_of_tables,), fastmath=SUMS)
def finish_users(rows, items, first, masks, before, cosine, users, inverse, of_positive, out):
    """Convert the gradients of examples' users in scores into those of the rows as they are.

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
    drops, positives, of_items = len(masks) > 0, items.named, items.unit
    named, unit = rows.named, rows.unit
    for b in range(len(out)):
        i, u = positives[first + b], named[first + b]
        for j in range(out.shape[1]):
            out[b, j] += of_positive[b] * of_items[i, j]
        if drops and before:
            from_unit(out, b, users, b, inverse[b], cosine)
        if drops:
            for j in range(out.shape[1]):
                out[b, j] *= masks[b, j]
        if not (drops and before):
            from_unit(out, b, unit, u, inverse[b], cosine)


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
    out, starts, order, now = rows.gradient, rows.starts, rows.order, rows.now
    for r in range(first, stop):
        shrink = decay * (starts[r + 1] - starts[r]) * share
        for j in range(out.shape[1]):
            out[r, j] = shrink * now[r, j]
        for at in range(starts[r], starts[r + 1]):
            b = order[at]
            for j in range(out.shape[1]):
                out[r, j] += share * of_example[b, j]


@compiled(uses=(rows_of_tables,), fastmath=SUMS)
def sum_items(rows, first, stop, users, examples, factors, of_shared, share, decay, cosine):
    """Sum the gradients of items over the examples that name them.

    Args:
        rows: of items, grouped by m namings, or by m - M and then the shared negatives; their `gradient` is filled.
        first: the first of them.
        stop: behind the last one.
        users: [B, D] in scores.
        examples: [m or m - M] of every naming.
        factors: likewise, the gradient by its score.
        of_shared: [blocks, M, D] gradients of shared negatives; without blocks where they are private.
        share: of an example in the mean, 1 / B.
        decay: the weight decay of a row, for each time that it is named.
        cosine: whether vectors in scores have length 1.
    """
    n, out, starts, order = len(examples), rows.gradient, rows.starts, rows.order
    now, unit, inverse = rows.now, rows.unit, rows.inverse
    for r in range(first, stop):
        times = constant(0, share)
        for j in range(out.shape[1]):
            out[r, j] = 0
        for at in range(starts[r], starts[r + 1]):
            named = order[at]
            if named < n:
                b, by = examples[named], factors[named]
                times += 1
                for j in range(out.shape[1]):
                    out[r, j] += by * users[b, j]
                continue
            times += len(users)
            for block in range(len(of_shared)):
                for j in range(out.shape[1]):
                    out[r, j] += of_shared[block, named - n, j]
        from_unit(out, r, unit, r, inverse[r], cosine)
        shrink = decay * times
        for j in range(out.shape[1]):
            out[r, j] = share * (out[r, j] + shrink * now[r, j])
