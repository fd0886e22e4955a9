"""A table in training, with the moments of its rows, which follow whole-table optimisers without touching whole tables.

Under Adam a row without a gradient goes on moving by its momentum. With m and v the moments after the row's last
gradient, in step a, the next k steps without one move an element by

    sum over i = 1 ... k of  lr * (b1^i m / (1 - b1^(a+i))) / (sqrt(b2^i v / (1 - b2^(a+i))) + eps)

With r = b1 / sqrt(b2) and c_t = sqrt(1 - b2^t) / (1 - b1^t) a term is lr r^i c_(a+i) m / (sqrt(v) + e_i), where
e_i = eps sqrt((1 - b2^(a+i)) / b2^i) hardly changes from term to term. Let eps' be the mean of all e_i, weighted by r^i
c_(a+i). Then the sum is

    lr (S d + (S eps' - W) d'),   d = m / (sqrt(v) + eps'),   d' = m / (sqrt(v) + eps')^2,

up to the square of (e_i - eps') / sqrt(v). S and W are the sums of r^i c_(a+i) and of r^i c_(a+i) e_i, which come from
tables, as in S(a, k) = F(a) - r^k F(a + k) with F(a) = r (c_(a+1) + F(a + 1)). So a row keeps its drift d and its bend
d', and where it is is computed when somebody reads it. Rows with elements for which that square is too large are
marked, and their sum is added up term by term.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.common.jit import compiled, constant
from recommenders.backends.ranking.compiled import rules
from recommenders.backends.ranking.compiled.rules import NEGLIGIBLE, is_exact
from recommenders.backends.ranking.optimisers import SGD, Adagrad, Optimiser


class Table(NamedTuple):
    """A table of n rows with D dimensions in training. Arrays that the optimiser does not need have no rows."""

    state: np.ndarray
    """[n, 1 to 5, D] all about a row in one place of memory: where it was after the last step that changed it (ROW); of
    Adam the moving means of its gradients (MEAN) and of their squares (SQUARES), of Adagrad the sum of these (SUM); and
    where rows without a gradient move its drift (DRIFT) and its bend (BEND)."""
    last: np.ndarray
    """[n] int64, the number of that step, from 1; 0: none."""
    by_terms: np.ndarray
    """[n] uint8, 1 where momentum has to be added up term by term."""


#: Where things stand in the state of a row.
ROW, MEAN, SQUARES, DRIFT, BEND = range(5)
SUM = 1


def new_table(rows: np.ndarray, optimiser: Optimiser) -> Table:
    """Return a table that no step has changed yet.

    Args:
        rows: [n, D] where it begins.
        optimiser: decides what is kept beside it.
    """
    parts = (
        1 if isinstance(optimiser, SGD) else 2 if isinstance(optimiser, Adagrad) else 5 if is_exact(optimiser) else 3
    )
    state = np.zeros((len(rows), parts, rows.shape[1]), dtype=rows.dtype)
    state[:, ROW] = rows
    n_exact = len(rows) if is_exact(optimiser) else 0
    return Table(state, np.zeros(n_exact, dtype=np.int64), np.zeros(n_exact, dtype=np.uint8))


@compiled(uses=(rules,))
def read(table, numbers, first, stop, step, rule, now):
    """Write where some rows are before a step.

    Arrays are taken out of their tuples before the loop: in it, each would be counted for every row.

    Args:
        table: the table.
        numbers: [n] of its rows.
        first: the first of those that are read.
        stop: behind the last one.
        step: the number of the step, from 1.
        rule: of the epoch.
        now: [n, D] overwritten from first to stop.
    """
    state, last, by_terms, rate, start = table.state, table.last, table.by_terms, rule.rate, rule.start
    total, weighted, epsilon = rule.momentum.total, rule.momentum.weighted, rule.momentum.epsilon
    powers, weighted_powers = rule.momentum.powers, rule.momentum.weighted_powers
    for r in range(first, stop):
        row, missed = numbers[r], np.int64(0)
        if rule.code == 1 and last[row] > 0:
            missed = step - 1 - last[row]
        if missed == 0:
            for j in range(state.shape[2]):
                now[r, j] = state[row, ROW, j]
        elif by_terms[row]:
            _move_by_terms(state, row, last[row], missed, rule, now, r)
        else:
            a = last[row] - start
            s, w = total[a], weighted[a]
            if missed < len(powers):
                s -= powers[missed] * total[a + missed]
                w -= weighted_powers[missed] * weighted[a + missed]
            along, across = constant(s * rate, rate), constant((s * epsilon[a] - w) * rate, rate)
            for j in range(state.shape[2]):
                now[r, j] = state[row, ROW, j] - along * state[row, DRIFT, j] - across * state[row, BEND, j]


@compiled(uses=(rules,))
def _move_by_terms(state, row, last, missed, rule, now, r):
    """Write where a row is after so many steps of momentum, added up term by term."""
    of_mean, of_squares = 1.0, 1.0
    gone = np.float64(rule.beta1) ** last, np.float64(rule.beta2) ** last
    for j in range(state.shape[2]):
        now[r, j] = state[row, ROW, j]
    for _ in range(missed):
        of_mean *= rule.beta1
        of_squares *= rule.beta2
        if of_mean < NEGLIGIBLE:
            return
        factor = constant(rule.rate * of_mean / (1 - gone[0] * of_mean), rule.rate)
        share = constant(np.sqrt(of_squares / (1 - gone[1] * of_squares)), rule.rate)
        for j in range(state.shape[2]):
            now[r, j] -= factor * state[row, MEAN, j] / (share * np.sqrt(state[row, SQUARES, j]) + rule.epsilon)


@compiled(inline=True)
def _smallest_root(state, row, epsilon):
    """Compute drift and bend of a row from its moments; return the root of its smallest mean of squares above 0."""
    smallest = constant(np.inf, epsilon)
    for j in range(state.shape[2]):
        root = np.sqrt(state[row, SQUARES, j])
        drift = state[row, MEAN, j] / (root + epsilon)
        state[row, DRIFT, j] = drift
        state[row, BEND, j] = drift / (root + epsilon)
        smallest = min(smallest, root if root > 0 else smallest)
    return smallest


@compiled(inline=True)
def _squared(gradient, r):
    """Return the sum of squares of a row."""
    total = constant(0, gradient[r, 0])
    for j in range(gradient.shape[1]):
        total += gradient[r, j] * gradient[r, j]
    return total


@compiled(uses=(rules,))
def update(table, numbers, first, stop, step, rule, now, gradient, named):
    """Take a step of the rows that have a gradient; one of zeros is none, to lazy optimisers and to others alike.

    Args:
        table: the table.
        numbers: [n] of its rows.
        first: the first of those that are updated.
        stop: behind the last one.
        step: the number of the step, from 1.
        rule: of the epoch.
        now: [n, D] where they are, from `read`.
        gradient: [n, D].
        named: [n + 1] ascending; rows r with named[r] = named[r + 1] have no gradient.
    """
    state, last, by_terms, rate, code, start = table.state, table.last, table.by_terms, rule.rate, rule.code, rule.start
    own, one, rule_epsilon = rule.momentum, constant(1, rule.rate), rule.epsilon
    means, squares, epsilons, spreads = own.of_mean, own.of_squares, own.epsilon, own.spread
    root, length = rule.root[step - start], constant(rule.length[step - start] * rate, rate)
    for r in range(first, stop):
        row, norm = numbers[r], _squared(gradient, r) if named[r] < named[r + 1] else constant(0, rate)
        if norm == 0:
            continue
        if code == 0:
            for j in range(state.shape[2]):
                state[row, ROW, j] = now[r, j] - rate * gradient[r, j]
        elif code == 3:
            for j in range(state.shape[2]):
                sum_ = state[row, SUM, j] + gradient[r, j] * gradient[r, j]
                state[row, SUM, j] = sum_
                state[row, ROW, j] = now[r, j] - rate * gradient[r, j] / (np.sqrt(sum_) + rule_epsilon)
        else:
            b1, b2, epsilon = rule.beta1, rule.beta2, rule_epsilon
            of_mean, of_squares, of_row = b1, b2, norm / constant(state.shape[2], rate)
            if code == 1:
                missed = step - last[row] if last[row] else 0  # a row without moments has none to decay
                of_mean, of_squares = constant(means[missed], rate), constant(squares[missed], rate)
                epsilon = constant(epsilon * root, rate)
            for j in range(state.shape[2]):
                g = gradient[r, j]
                mean = of_mean * state[row, MEAN, j] + (one - b1) * g
                square = of_squares * state[row, SQUARES, j] + (one - b2) * (of_row if code == 4 else g * g)
                state[row, MEAN, j], state[row, SQUARES, j] = mean, square
                state[row, ROW, j] = now[r, j] - length * mean / (np.sqrt(square) + epsilon)
            if code == 1:
                smallest = _smallest_root(state, row, constant(epsilons[step - start], rate))
                last[row] = step
                by_terms[row] = spreads[step - start] ** 2 > rule.tolerance * smallest * smallest


@compiled(uses=(rules,))
def settle(table, step, rule):
    """Move all rows to where they are after a step, the last one of an epoch.

    Args:
        table: the table.
        step: the number of the step.
        rule: of the epoch.
    """
    if rule.code != 1:
        return
    state, last, by_terms, rate, own = table.state, table.last, table.by_terms, rule.rate, rule.momentum
    now, epsilon = np.empty((1, state.shape[2]), state.dtype), constant(own.epsilon[step - rule.start], rate)
    number = np.empty(1, np.int64)
    for row in range(len(state)):
        missed = step - last[row]
        if last[row] == 0 or missed == 0:
            continue
        number[0] = row
        read(table, number, 0, 1, step + 1, rule, now)
        of_mean, of_squares = constant(own.of_mean[missed], rate), constant(own.of_squares[missed], rate)
        for j in range(state.shape[2]):
            state[row, ROW, j] = now[0, j]
            state[row, MEAN, j] *= of_mean
            state[row, SQUARES, j] *= of_squares
        smallest = _smallest_root(state, row, epsilon)
        last[row] = step
        by_terms[row] = own.spread[step - rule.start] ** 2 > rule.tolerance * smallest * smallest
