"""Steps of optimisers on the rows of a table that have a gradient, in compiled code.

A gradient of zeros is none, to lazy optimisers and to others alike.
"""

from __future__ import annotations

import numpy as np

from core.common.jit import compiled, constant
from recommenders.backends.ranking.compiled import instructions, rules, tables
from recommenders.backends.ranking.compiled.instructions import AHEAD, prefetch
from recommenders.backends.ranking.compiled.tables import ROW, read_curved, read_row, set_out
from recommenders.backends.ranking.optimisers import SGD, Adagrad, Adam, RowWiseAdam

_SGD, _ADAGRAD, _ROW_WISE, _ADAM = SGD.code, Adagrad.code, RowWiseAdam.code, Adam.code


@compiled(uses=(rules, tables))
def update(table, numbers, first, stop, step, rule, now, gradient):
    """Take a step of the rows that have a gradient.

    Args:
        table: the table.
        numbers: [n] of its rows.
        first: the first of those that are updated.
        stop: behind the last one.
        step: the number of the step, from 1.
        rule: of the epoch.
        now: [n, D] where they are.
        gradient: [n, D].
    """
    if rule.code == _SGD:
        rows = table.rows
        for r in range(first, stop):
            for j in range(now.shape[1]):
                rows[numbers[r], ROW, j] = now[r, j] - rule.rate * gradient[r, j]
    elif rule.code == _ADAGRAD:
        _adagrad(table, numbers, first, stop, rule, now, gradient)
    elif rule.code == _ROW_WISE:
        _row_wise_adam(table, numbers, first, stop, step, rule, now, gradient)
    else:
        _adam(table, numbers, first, stop, step, rule, now, gradient)


@compiled()
def scale(gradient, first, stop, factor):
    """Multiply gradients [n, D] of some rows by a factor.

    Args:
        gradient: overwritten.
        first: the first of them.
        stop: behind the last one.
        factor: the factor.
    """
    for r in range(first, stop):
        for j in range(gradient.shape[1]):
            gradient[r, j] *= factor


@compiled(inline=True)
def _squared(gradient, r):
    """Return the sum of squares of a row."""
    total = constant(0, gradient[r, 0])
    for j in range(gradient.shape[1]):
        total += gradient[r, j] * gradient[r, j]
    return total


@compiled(uses=(rules, tables))
def _adagrad(table, numbers, first, stop, rule, now, gradient):
    """See `update`."""
    rows, sums, rate, epsilon = table.rows, table.squares, rule.rate, rule.epsilon
    for r in range(first, stop):
        row = numbers[r]
        if _squared(gradient, r) != 0:
            for j in range(now.shape[1]):
                total = sums[row, j] + gradient[r, j] * gradient[r, j]
                sums[row, j] = total
                rows[row, ROW, j] = now[r, j] - rate * gradient[r, j] / (np.sqrt(total) + epsilon)


@compiled(uses=(rules, tables))
def _row_wise_adam(table, numbers, first, stop, step, rule, now, gradient):
    """See `update`."""
    rows, means, squares, rate, epsilon = table.rows, table.means, table.squares, rule.rate, rule.epsilon
    one, b1, b2 = constant(1, rate), rule.beta1, rule.beta2
    length, d = constant(rule.length[step - rule.start] * rate, rate), constant(now.shape[1], rate)
    for r in range(first, stop):
        row, norm = numbers[r], _squared(gradient, r)
        if norm == 0:
            continue
        square = b2 * squares[row, 0] + (one - b2) * (norm / d)
        squares[row, 0] = square
        by = length / (np.sqrt(square) + epsilon)
        if len(means):
            for j in range(now.shape[1]):
                means[row, j] = b1 * means[row, j] + (one - b1) * gradient[r, j]
                rows[row, ROW, j] = now[r, j] - by * means[row, j]
        else:
            for j in range(now.shape[1]):
                rows[row, ROW, j] = now[r, j] - by * gradient[r, j]


@compiled(uses=(rules, tables, instructions))
def _adam(table, numbers, first, stop, step, rule, now, gradient):
    """See `update`."""
    rows, means, squares, bends, last, path = table
    rate, b1, b2, exact, own = rule.rate, rule.beta1, rule.beta2, rule.code == _ADAM, rule.momentum
    gone_means, gone_squares, at = own.of_mean, own.of_squares, step - rule.start
    one, length = constant(1, rate), constant(rule.length[at] * rate, rate)
    epsilon = constant(rule.epsilon * rule.root[at], rate) if exact else rule.epsilon
    mean_epsilon, spread, reach = _ways(rule, at if exact else 0)
    for r in range(first, stop):
        if r + AHEAD < stop:
            prefetch(rows, numbers[r + AHEAD])
            prefetch(means, numbers[r + AHEAD])
            prefetch(squares, numbers[r + AHEAD])
        if _squared(gradient, r) == 0:
            continue
        row, of_mean, of_square, momentum = numbers[r], b1, b2, len(means) > 0
        if exact:
            missed = step - last[row] if last[row] else 0  # a row without moments has none to decay
            of_mean, of_square = constant(gone_means[missed], rate), constant(gone_squares[missed], rate)
        for j in range(now.shape[1]):
            g = gradient[r, j]
            mean = of_mean * means[row, j] + (one - b1) * g if momentum else g
            square = of_square * squares[row, j] + (one - b2) * g * g
            squares[row, j] = square
            rows[row, ROW, j] = now[r, j] - length * mean / (np.sqrt(square) + epsilon)
            if momentum:
                means[row, j] = mean
        if exact:
            set_out(rows, means, squares, bends, path, row, mean_epsilon, spread, reach)
            last[row] = step


@compiled(uses=(rules,), inline=True)
def _ways(rule, at):
    """Return what `set_out` is told of a step of the epoch: the mean of e_i, their spread, and the reach."""
    own, rate = rule.momentum, rule.rate
    reach = constant(rate * own.total[at], rate) / rule.unseen
    return constant(own.epsilon[at], rate), constant(own.spread[at], rate), reach


@compiled(uses=(rules, tables))
def begin(table, rule):
    """Set out all rows for an epoch.

    Args:
        table: the table.
        rule: of the epoch.
    """
    if rule.code != _ADAM:
        return
    rows, means, squares, bends, last, path = table
    epsilon, spread, reach = _ways(rule, 0)
    for row in range(len(rows)):
        if last[row] > 0:
            set_out(rows, means, squares, bends, path, row, epsilon, spread, reach)


@compiled(uses=(rules, tables))
def settle(table, step, rule, travel):
    """Move all rows to where they are after a step, the last one of an epoch.

    Args:
        table: the table.
        step: the number of the step.
        rule: of the epoch.
        travel: found for the step after it.
    """
    if rule.code != _ADAM:
        return
    rows, means, squares, bends, last, path = table
    rate, along, across, start = rule.rate, travel.along, travel.across, rule.start
    gone_means, gone_squares = rule.momentum.of_mean, rule.momentum.of_squares
    now = np.empty((1, means.shape[1]), means.dtype)
    for row in range(len(rows)):
        missed = step - last[row]
        if last[row] == 0 or missed == 0:
            continue
        if not read_row(rows, bends, last, path, start, along, across, row, now, 0):
            read_curved(table, row, step + 1, rule, travel, now, 0)
        of_mean, of_square = constant(gone_means[missed], rate), constant(gone_squares[missed], rate)
        for j in range(now.shape[1]):
            rows[row, ROW, j] = now[0, j]
            means[row, j] *= of_mean
            squares[row, j] *= of_square
        last[row] = step
