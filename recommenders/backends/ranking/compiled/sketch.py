"""Rows of a table in 8 bits, which prove that most negatives score below a threshold.

A row r with its drift d is where(t) = r - t d, t being how far it has travelled. Of both, every element is kept as a
whole number from -127 to 127 times a unit: a row takes a quarter of its memory, and what is lost is at most half a
unit. So

    u . where(t)  <=  unit_r (u . codes_r) - t unit_d (u . codes_d) + (unit_r + |t| unit_d) / 2 * (|u_1| + ... + |u_D|),

and its length follows from r . r, r . d and d . d. The bend of a row that has one adds at most its largest element to
every element. Where the quotient is below the threshold, the negative has neither
a part in the loss nor a gradient, see `SetLoss.threshold`, and its row is not read; otherwise it is scored.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.common.jit import SUMS, compiled, constant
from recommenders.backends.ranking.compiled import instructions, rules, steps, tables
from recommenders.backends.ranking.compiled.instructions import AHEAD, prefetch
from recommenders.backends.ranking.compiled.steps import score_row, score_rows
from recommenders.backends.ranking.compiled.tables import BENT, DRIFT, ROW, Table

_MOST = 127
#: What rounding adds to the sum of D products, as a part of half a unit, by D: in float32 more than 127 D roundings.
_OF_SUM = 2e-5
#: What it adds to a length, as a part of it, as long as that is not far below the lengths of the row and the way.
_OF_LENGTH, _CANCELLED = 1e-4, 0.1


class Sketch(NamedTuple):
    """A table in 8 bits. All about a row lies in one place of memory, so that it is waited for once."""

    codes: np.ndarray
    """[n, 2 or 3, D or more] int8: of rows, of drifts where rows move, and the bytes of what follows."""
    sizes: np.ndarray
    """[n, 6] the units of row and drift, r . r, r . d, d . d, and the largest element of the bend, which is infinite
    for rows that are not told by their bends alone."""
    last: np.ndarray
    """[n] int32, the step of the last gradient."""


#: Numbers in `sizes`, and their bytes with those of `last`.
_SIZES, _BYTES = 6, {4: 32, 8: 64}


def new_sketch(table: Table, is_needed: bool) -> Sketch:
    """Return a sketch of which nothing is drawn yet.

    Args:
        table: of which it will be.
        is_needed: whether it has rows.
    """
    n, parts, d = table.rows.shape
    kind = table.rows.dtype
    codes = np.zeros((n if is_needed else 0, parts + 1, max(d, _BYTES[kind.itemsize])), dtype=np.int8)
    rest = codes[:, parts, : _BYTES[kind.itemsize]]
    return Sketch(codes, rest.view(kind)[:, :_SIZES], rest.view(np.int32)[:, -1])


@compiled(fastmath=SUMS, inline=True)
def _encode(rows, row, part, codes):
    """Write the codes of a row or of its drift; return their unit."""
    most = constant(0, rows[0, 0, 0])
    for j in range(rows.shape[2]):
        most = max(most, abs(rows[row, part, j]))
    unit = most / constant(_MOST, most)
    by = constant(1, most) / unit if unit > 0 else constant(0, most)
    for j in range(rows.shape[2]):
        codes[row, part, j] = np.int8(np.rint(rows[row, part, j] * by))
    return unit


@compiled(uses=(tables,), fastmath=SUMS)
def sketch_rows(table, sketch, numbers, first, stop):
    """Draw some rows of a sketch anew.

    Args:
        table: the table.
        sketch: of it.
        numbers: [n] of its rows.
        first: the first of those that are brought up to date.
        stop: behind the last one.
    """
    rows, bends, path, last, moves = table.rows, table.bends, table.path, table.last, len(table.path) > 0
    codes, sizes, lasts = sketch.codes, sketch.sizes, sketch.last
    d, zero = rows.shape[2], constant(0, rows[0, 0, 0])
    for r in range(first, stop):
        row = numbers[r]
        sizes[row, 0] = _encode(rows, row, ROW, codes)
        own, mixed, drift = zero, zero, zero
        for j in range(d):
            own += rows[row, ROW, j] * rows[row, ROW, j]
        if moves:
            sizes[row, 1], lasts[row] = _encode(rows, row, DRIFT, codes), last[row]
            for j in range(d):
                mixed += rows[row, ROW, j] * rows[row, DRIFT, j]
                drift += rows[row, DRIFT, j] * rows[row, DRIFT, j]
            bent = zero if path[row] <= BENT else constant(np.inf, zero)
            if path[row] == BENT:
                for j in range(d):
                    bent = max(bent, abs(bends[row, j]))
            sizes[row, 5] = bent
        sizes[row, 2], sizes[row, 3], sizes[row, 4] = own, mixed, drift


@compiled(uses=(tables, rules, instructions, steps), fastmath=SUMS)
def score_above(table, sketch, threshold, step, rule, travel, users, items, cosine, scores):
    """Write the scores of every example's own items that may be above a threshold, and minus infinity for others.

    Args:
        table: of items.
        sketch: of the table.
        threshold: a score.
        step: the number of the step.
        rule: of the epoch.
        travel: of the step.
        users: [b, D] of the examples, in scores.
        items: [b, N] rows of the table.
        cosine: whether vectors in scores have length 1.
        scores: [b, N] overwritten.
    """
    codes, sizes, last, along, across = sketch.codes, sketch.sizes, sketch.last, travel.along, travel.across
    start, moves, d = rule.start, len(table.last) > 0, users.shape[1]
    zero = constant(0, users[0, 0])
    half, width = constant(0.5 + 0.5 * _OF_SUM * d, zero), constant(np.sqrt(d), zero)
    of_length, cancelled, lowest = constant(_OF_LENGTH, zero), constant(_CANCELLED, zero), constant(-np.inf, zero)
    now = np.empty((1, d), users.dtype)
    for b in range(len(users)):
        reach = zero
        for j in range(d):
            reach += abs(users[b, j])
        for n in range(items.shape[1]):
            if n + AHEAD < items.shape[1]:
                prefetch(codes, items[b, n + AHEAD])
            row, by, bent, dot, drift = items[b, n], zero, zero, zero, zero
            for j in range(d):
                dot += users[b, j] * constant(codes[row, ROW, j], zero)
            if moves:
                a = max(last[row] - start, 0)
                by, bent = along[a], abs(across[a]) * sizes[row, 5]
                for j in range(d):
                    drift += users[b, j] * constant(codes[row, DRIFT, j], zero)
            unit, drift_unit = sizes[row, 0], by * sizes[row, 1]
            most = unit * dot - drift_unit * drift + reach * (half * (unit + abs(drift_unit)) + bent)
            if cosine:
                parts = sizes[row, 2] + by * by * sizes[row, 4]
                square = parts - (by + by) * sizes[row, 3]
                length = np.sqrt(square)
                most += abs(threshold) * (of_length * length + width * bent)
                below = square > cancelled * parts and most <= threshold * length
            else:
                below = most <= threshold
            if below:
                scores[b, n] = lowest
            else:
                scores[b, n] = score_row(table, row, step, rule, travel, users, b, cosine, now)


@compiled(uses=(tables, rules, steps), fastmath=SUMS)
def score_private(table, sketch, threshold, step, rule, travel, users, positives, negatives, cosine, scores):
    """Write the scores of the positives and negatives of a block of examples.

    Args:
        table: of items.
        sketch: of the table; without rows: all scores are computed.
        threshold: a score at and below which they need not be.
        step: the number of the step.
        rule: of the epoch.
        travel: of the step.
        users: [b, D] in scores.
        positives: [b] items.
        negatives: [b, N] items.
        cosine: whether vectors in scores have length 1.
        scores: of positives [b] and of negatives [b, N], overwritten.
    """
    score_rows(table, step, rule, travel, users, positives.reshape(-1, 1), cosine, scores[0].reshape(-1, 1))
    if len(sketch.codes):
        score_above(table, sketch, threshold, step, rule, travel, users, negatives, cosine, scores[1])
    else:
        score_rows(table, step, rule, travel, users, negatives, cosine, scores[1])
