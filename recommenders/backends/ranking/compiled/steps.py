"""Compiled parts of a step: scores, and which negatives count. Each works on a range of examples, which threads share.

Shapes: B examples, of which a block has b, N negatives of each (or M of the batch), D dimensions, E negatives with a
gradient.
"""

from __future__ import annotations

import numpy as np

from core.common.jit import SUMS, compiled, constant
from recommenders.backends.ranking import epochs
from recommenders.backends.ranking.compiled import instructions, rules, tables
from recommenders.backends.ranking.compiled import rows as rows_of_tables
from recommenders.backends.ranking.compiled.instructions import AHEAD
from recommenders.backends.ranking.compiled.rows import to_unit
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


@compiled(uses=(tables, rules, instructions), fastmath=SUMS)
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
def choose_best(items, scores, best, best_scores):
    """Keep the highest scored items of every example, of equal ones those that come first.

    Args:
        items: [b, pool].
        scores: [b, pool] theirs.
        best: [b, N] overwritten with items.
        best_scores: [b, N] overwritten with theirs.
    """
    last = best.shape[1] - 1
    for b in range(len(items)):
        for k in range(items.shape[1]):
            if k > last and not scores[b, k] > best_scores[b, last]:
                continue  # as nearly all: items come in random order
            at = min(k, last)
            while at > 0 and scores[b, k] > best_scores[b, at - 1]:
                best[b, at], best_scores[b, at] = best[b, at - 1], best_scores[b, at - 1]
                at -= 1
            best[b, at], best_scores[b, at] = items[b, k], scores[b, k]


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
