"""The rows of a table that a batch names: which they are, and reading them, in compiled code.

D dimensions, n different rows, m namings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.common.jit import SUMS, compiled, constant
from recommenders.backends.ranking.compiled import instructions, rules, tables
from recommenders.backends.ranking.compiled.instructions import AHEAD
from recommenders.backends.ranking.compiled.tables import Table, ask_for, read_curved, read_row
from recommenders.models.vectors.model import SHORTEST


class Rows(NamedTuple):
    """The different rows of a table that a batch names: the first n of what there is room for, in the first m namings.

    What is behind them is of no meaning.
    """

    table: Table
    place: np.ndarray
    """[rows of the table] int32, -1 everywhere, see `find_rows`."""
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
    """[n, D] their gradients."""
    starts: np.ndarray
    """[n + 1] where the namings of each begin in `order`."""
    order: np.ndarray
    """[m] namings."""


def new_rows(table: Table, namings: int) -> Rows:
    """Return room for the rows of a batch; memory that is never used is never taken.

    Args:
        table: the table.
        namings: the most of a batch.
    """
    (n_rows, _, d), kind = table.rows.shape, table.rows.dtype
    n = min(n_rows, namings)
    place, numbers, named = np.full(n_rows, -1, dtype=np.int32), np.empty(n, np.int32), np.empty(namings, np.int32)
    now, unit, gradient = (np.empty((n, d), kind) for _ in range(3))
    starts, order = np.empty(n + 1, np.int32), np.empty(namings, np.int32)
    return Rows(table, place, numbers, named, now, unit, np.empty(n, kind), gradient, starts, order)


@compiled()
def find_rows(ids, place, rows, index):
    """Find the different ids, in the order in which they occur first.

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
        index: [m] numbers from 0 to n - 1.
        n: how many numbers there are.
        starts: [n + 1] overwritten: where the positions of each number begin in `order`.
        order: [m] overwritten with positions.
    """
    starts[: n + 1] = 0
    for i in range(len(index)):
        starts[index[i] + 1] += 1
    for r in range(n):
        starts[r + 1] += starts[r]
    for i in range(len(index)):
        order[starts[index[i]]] = i
        starts[index[i]] += 1
    for r in range(n, 0, -1):
        starts[r] = starts[r - 1]
    starts[0] = 0


@compiled(fastmath=SUMS, inline=True)
def to_unit(vectors, r, cosine, unit, to):
    """Write a vector as it is in scores.

    Args:
        vectors: [n, D] in whose row r it is.
        r: which one.
        cosine: whether it has length 1 there.
        unit: [n', D] overwritten in row `to`.
        to: which one.

    Returns:
        What it was multiplied by.
    """
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
def from_unit(gradient, r, unit, u, inverse, cosine):
    """Convert the gradient of a vector in scores into that of the vector as it is.

    Args:
        gradient: [n, D] overwritten in row r.
        r: which one.
        unit: [n', D] in whose row u the vector is as it is in scores.
        u: which one.
        inverse: what it was multiplied by for that.
        cosine: whether it has length 1 there.
    """
    along = constant(0, inverse)
    if cosine and inverse * constant(SHORTEST, inverse) < 1:
        for j in range(unit.shape[1]):
            along += gradient[r, j] * unit[u, j]
    for j in range(unit.shape[1]):
        gradient[r, j] = inverse * (gradient[r, j] - along * unit[u, j])


@compiled(uses=(tables, rules, instructions), fastmath=SUMS)
def read_rows(found, first, stop, step, rule, travel, cosine):
    """Read rows of a table, as they are and as they are in scores.

    Args:
        found: whose `now`, `unit` and `inverse` are filled.
        first: the first of the rows that are read.
        stop: behind the last one.
        step: the number of the step.
        rule: of the epoch.
        travel: of the step.
        cosine: whether vectors in scores have length 1.
    """
    now, unit, inverse, numbers = found.now, found.unit, found.inverse, found.numbers
    rows, bends, last, path = found.table.rows, found.table.bends, found.table.last, found.table.path
    along, across, start = travel.along, travel.across, rule.start
    for r in range(first, stop):
        if r + AHEAD < stop:
            ask_for(rows, bends, path, numbers[r + AHEAD])
        if not read_row(rows, bends, last, path, start, along, across, numbers[r], now, r):
            read_curved(found.table, numbers[r], step, rule, travel, now, r)
        inverse[r] = to_unit(now, r, cosine, unit, r)


@compiled(fastmath=SUMS)
def squared_norm(gradient, n):
    """Return the sum of squares of gradients, float64.

    Args:
        gradient: [rows, D].
        n: how many rows count, the first ones.
    """
    total = 0.0
    for r in range(n):
        of_row = constant(0, gradient[0, 0])
        for j in range(gradient.shape[1]):
            of_row += gradient[r, j] * gradient[r, j]
        total += of_row
    return total
