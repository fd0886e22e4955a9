"""A table in training, with the moments of its rows, which follow whole-table optimisers without touching whole tables.

Under Adam a row without a gradient goes on moving by its momentum. With m and v the moments after the row's last
gradient, in step a, the next k steps without one move an element by

    sum over i = 1 ... k of  lr * (b1^i m / (1 - b1^(a+i))) / (sqrt(b2^i v / (1 - b2^(a+i))) + eps)

With r = b1 / sqrt(b2) and c_t = sqrt(1 - b2^t) / (1 - b1^t) a term is lr r^i c_(a+i) m / (sqrt(v) + e_i), where
e_i = eps sqrt((1 - b2^(a+i)) / b2^i) hardly changes from term to term. Let eps' be the mean of all e_i, weighted by r^i
c_(a+i). Then the sum is

    lr (S d + (S eps' - W) d' + (V - 2 eps' W + eps'^2 S) d''),
    d = m / (sqrt(v) + eps'),   d' = m / (sqrt(v) + eps')^2,   d'' = m / (sqrt(v) + eps')^3,

up to the cube of (e_i - eps') / (sqrt(v) + eps'). S, W and V are the sums of r^i c_(a+i), of the same times e_i, and
times e_i^2, which come from tables, as in S(a, k) = F(a) - r^k F(a + k) with F(a) = r (c_(a+1) + F(a + 1)). So a row
keeps its drift d and its bend d', and where it is is computed when somebody reads it: for one step the factors of d, d'
and d'' depend on the step of the last gradient alone. Where d' or d'' is below what the numbers of a row can show, it
is left out. Rows with elements for which that cube is too large have their sum added up term by term.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.common.jit import compiled, constant
from recommenders.backends.ranking.compiled import instructions, rules
from recommenders.backends.ranking.compiled.instructions import from_magnitude, magnitude, prefetch
from recommenders.backends.ranking.compiled.rules import is_exact
from recommenders.backends.ranking.optimisers import SGD, Adam, Optimiser, RowWiseAdam


class Table(NamedTuple):
    """A table of n rows with D dimensions in training. Arrays that the optimiser does not need have no rows.

    What reading needs, mostly, lies in one place of memory and apart from the rest: the less of it, the more of the
    table stays in the caches.
    """

    rows: np.ndarray
    """[n, 1 or 2, D] where every row was after the last step that changed it (ROW); where rows without a gradient move,
    its drift d, too (DRIFT)."""
    means: np.ndarray
    """[n, D] of Adam with momentum: the moving means of gradients."""
    squares: np.ndarray
    """[n, D] of Adam: the moving means of their squares, [n, 1] where rows have one together; of Adagrad their sums."""
    bends: np.ndarray
    """[n, D] where rows without a gradient move: their bend d', of those that do not go straight."""
    last: np.ndarray
    """[n] int64 likewise, the number of the last step that changed a row, from 1; 0: none."""
    path: np.ndarray
    """[n] uint8 likewise, how they move: STRAIGHT by d alone, BENT by d', too, CURVED by d'', too, or BY_TERMS."""


ROW, DRIFT = range(2)
STRAIGHT, BENT, CURVED, BY_TERMS = range(4)
_ADAM = Adam.code


def new_table(rows: np.ndarray, optimiser: Optimiser) -> Table:
    """Return a table that no step has changed yet.

    Args:
        rows: [n, D] where it begins.
        optimiser: decides what is kept beside it.
    """
    (n, d), moves = rows.shape, is_exact(optimiser)
    widths = {
        "means": d if isinstance(optimiser, Adam) and (moves or optimiser.beta1 > 0) else 0,
        "squares": 0 if isinstance(optimiser, SGD) else 1 if isinstance(optimiser, RowWiseAdam) else d,
        "bends": d if moves else 0,
    }
    arrays = {name: np.zeros((n if width else 0, width), dtype=rows.dtype) for name, width in widths.items()}
    placed, marked = np.zeros((n, 2 if moves else 1, d), dtype=rows.dtype), n if moves else 0
    placed[:, ROW] = rows
    return Table(placed, **arrays, last=np.zeros(marked, dtype=np.int64), path=np.zeros(marked, dtype=np.uint8))


class Travel(NamedTuple):
    """The way that rows have gone by themselves when a step begins, by the step of the epoch in which each set out."""

    along: np.ndarray
    """[steps + 1] how many of its drifts d."""
    across: np.ndarray
    """[steps + 1] how many of its bends d'."""
    around: np.ndarray
    """[steps + 1] how many of its d''."""


def new_travel(steps: int, dtype: np.dtype) -> Travel:
    """Return arrays for an epoch.

    Args:
        steps: their number.
        dtype: of the table.
    """
    return Travel(*(np.zeros(steps + 1, dtype=dtype) for _ in Travel._fields))


@compiled(uses=(rules,))
def find_travel(step, rule, travel):
    """Find how far rows have moved before a step.

    Args:
        step: its number, from 1.
        rule: of the epoch.
        travel: overwritten as far as it is needed.
    """
    own, rate, before = rule.momentum, rule.rate, step - 1 - rule.start
    along, across, around = travel.along, travel.across, travel.around
    total, weighted, squared, epsilon = own.total, own.weighted, own.squared, own.epsilon
    powers, weighted_powers, squared_powers = own.powers, own.weighted_powers, own.squared_powers
    if rule.code != _ADAM:
        return
    for a in range(before):
        s, w, v, mean, missed = total[a], weighted[a], squared[a], epsilon[a], before - a
        if missed < len(powers):
            s -= powers[missed] * total[before]
            w -= weighted_powers[missed] * weighted[before]
            v -= squared_powers[missed] * squared[before]
        along[a], across[a], around[a] = s * rate, (s * mean - w) * rate, (v - 2 * mean * w + mean * mean * s) * rate
    along[before] = across[before] = around[before] = 0


@compiled(inline=True)
def read_row(rows, bends, last, path, start, along, across, row, now, r):
    """Write where a row is before a step, if it is near enough to a straight line: see `read_curved` for others.

    Arrays do not come in their tuples, where taking one out would be counted for every row.

    Args:
        rows: of the table.
        bends: of the table.
        last: of the table.
        path: of the table.
        start: the number of the step before the epoch.
        along: of the travel.
        across: of the travel.
        row: its number.
        now: [n, D] overwritten in row r.
        r: which one.

    Returns:
        Whether it is written.
    """
    d = now.shape[1]
    if not len(last):
        for j in range(d):
            now[r, j] = rows[row, ROW, j]
        return True
    a = max(last[row] - start, 0)  # a row that has never had a gradient has no drift
    by = along[a]
    if path[row] == STRAIGHT:
        for j in range(d):
            now[r, j] = rows[row, ROW, j] - by * rows[row, DRIFT, j]
    elif path[row] == BENT or by == 0:
        for j in range(d):
            now[r, j] = rows[row, ROW, j] - by * rows[row, DRIFT, j] - across[a] * bends[row, j]
    else:
        return False
    return True


@compiled(uses=(rules,))
def read_curved(table, row, step, rule, travel, now, r):
    """Write where a row is before a step.

    Args:
        table: the table.
        row: its number.
        step: the number of the step, from 1.
        rule: of the epoch.
        travel: of the step.
        now: [n, D] overwritten in row r.
        r: which one.
    """
    rows, squares, bends = table.rows, table.squares, table.bends
    a = max(table.last[row] - rule.start, 0)
    along, across, around = travel.along[a], travel.across[a], travel.around[a]
    epsilon = constant(rule.momentum.epsilon[a], along)
    if table.path[row] == BY_TERMS:
        _add_terms(table, row, step, rule, now, r)
        return
    for j in range(now.shape[1]):
        bend, slow = bends[row, j], np.sqrt(squares[row, j]) + epsilon
        now[r, j] = rows[row, ROW, j] - along * rows[row, DRIFT, j] - across * bend - around * (bend / slow)


@compiled(uses=(rules,))
def _add_terms(table, row, step, rule, now, r):
    """See `read_curved`."""
    rows, means, roots, last, d = table.rows, table.means, np.sqrt(table.squares[row]), table.last[row], now.shape[1]
    of_mean, of_squares = 1.0, 1.0
    gone = np.float64(rule.beta1) ** last, np.float64(rule.beta2) ** last
    for j in range(d):
        now[r, j] = rows[row, ROW, j]
    for _ in range(step - 1 - last):
        of_mean *= rule.beta1
        of_squares *= rule.beta2
        if of_mean < rule.negligible:
            return
        factor = constant(rule.rate * of_mean / (1 - gone[0] * of_mean), rule.rate)
        share = constant(np.sqrt(of_squares / (1 - gone[1] * of_squares)), rule.rate)
        for j in range(d):
            now[r, j] -= factor * means[row, j] / (share * roots[j] + rule.epsilon)


@compiled(uses=(instructions,), inline=True)
def ask_for(rows, bends, path, row):
    """Ask for what `read_row` will read.

    Args:
        rows: of the table.
        bends: of the table.
        path: of the table.
        row: its number.
    """
    prefetch(rows, row)
    if len(path) and path[row] != STRAIGHT:
        prefetch(bends, row)


@compiled(inline=True)
def set_out(rows, means, squares, bends, path, row, epsilon, spread, reach):
    """Compute drift and bend of a row from its moments, and how it moves.

    Args:
        rows: of the table.
        means: of the table.
        squares: of the table.
        bends: of the table.
        path: of the table.
        row: its number.
        epsilon: the mean of e_i.
        spread: how far the first of them is from it.
        reach: how many drifts a row moves at most, as a multiple of what its numbers can show.
    """
    d, zero = bends.shape[1], constant(0, epsilon)
    length = bent = curved = rest = magnitude(zero)
    for j in range(d):
        slowness = constant(1, epsilon) / (np.sqrt(squares[row, j]) + epsilon)
        part, drift = spread * slowness, means[row, j] * slowness
        rows[row, DRIFT, j] = drift
        length, bent = max(length, magnitude(rows[row, ROW, j])), max(bent, magnitude(drift * part))
        curved, rest = max(curved, magnitude(drift * part * part)), max(rest, magnitude(drift * part * part * part))
    most = from_magnitude(length, zero)
    if reach * from_magnitude(bent, zero) <= most:
        path[row] = STRAIGHT
        return
    is_bent, is_curved = reach * from_magnitude(curved, zero) <= most, reach * from_magnitude(rest, zero) <= most
    path[row] = BENT if is_bent else CURVED if is_curved else BY_TERMS
    for j in range(d):
        bends[row, j] = rows[row, DRIFT, j] / (np.sqrt(squares[row, j]) + epsilon)
