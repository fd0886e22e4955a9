"""A table in training, with the moments of its rows, which follow whole-table optimisers without touching whole tables.

Under Adam a row without a gradient goes on moving by its momentum. With m and v the moments after the row's last
gradient, in step a, the next k steps without one move an element by

    sum over i = 1 ... k of  lr * (b1^i m / (1 - b1^(a+i))) / (sqrt(b2^i v / (1 - b2^(a+i))) + eps)

which is lr * m / (sqrt(v) + eps') * sum of r^i c_(a+i), with r = b1 / sqrt(b2), c_t = sqrt(1 - b2^t) / (1 - b1^t), and
eps' the mean of eps sqrt((1 - b2^(a+i)) / b2^i) weighted alike, up to the square of eps / sqrt(v) times how far
these differ. So a row keeps d = m / (sqrt(v) + eps'), and where it is when somebody reads it is p - lr S(a, k) d, with
S(a, k) = F(a) - r^k F(a + k) from one table F, F(a) = r (c_(a+1) + F(a + 1)). Rows for which the approximation of eps
is not good enough are marked, and their sum is added up term by term.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.common.jit import compiled, constant
from recommenders.backends.ranking.optimisers import SGD, Adam, Optimiser, SparseAdam

#: The relative error of a momentum's sum from which on it is added up term by term, by the bytes of a number.
_TOLERANCE = {4: 1e-5, 8: 1e-12}
#: Terms below this part of the first one are left out.
_NEGLIGIBLE = 1e-20


class Table(NamedTuple):
    """A table of n rows with D dimensions in training. Arrays that the optimiser does not need have no rows."""

    state: np.ndarray
    """[n, 1 to 4, D] all about a row in one place of memory: where it was after the last step that changed it (ROW),
    and as far as the optimiser needs them its drift (DRIFT), the moving mean of its gradients (MEAN), and last of all
    the moving mean or the sum of their squares."""
    last: np.ndarray
    """[n] int64, the number of that step, from 1; 0: none."""
    by_terms: np.ndarray
    """[n] uint8, 1 where momentum has to be added up term by term."""


#: Where things stand in the state of a row.
ROW, DRIFT, MEAN = 0, 1, 2


class Momentum(NamedTuple):
    """Sums that momentum takes from, for the steps t of an epoch and the one before."""

    total: np.ndarray
    """[steps + 1] F(t)."""
    epsilon: np.ndarray
    """[steps + 1] the weighted mean eps' after a gradient in step t."""
    spread: np.ndarray
    """[steps + 1] how far the first of them is from it."""
    powers: np.ndarray
    """[n] r^k as long as it matters, which may be shorter than the epoch."""
    of_mean: np.ndarray
    """[steps + 1] b1^k."""
    of_squares: np.ndarray
    """[steps + 1] b2^k."""


class Rule(NamedTuple):
    """An optimiser with its constants, in the type of the table."""

    code: int
    rate: np.floating
    beta1: np.floating
    beta2: np.floating
    epsilon: np.floating
    tolerance: np.floating
    root: np.ndarray
    """[steps + 1] sqrt(1 - b2^t), for t from the step before the epoch to its last one."""
    length: np.ndarray
    """[steps + 1] the same by 1 - b1^t."""
    start: int
    """The number of steps before the epoch."""
    momentum: Momentum


def new_table(rows: np.ndarray, optimiser: Optimiser) -> Table:
    """Return a table that no step has changed yet.

    Args:
        rows: [n, D] where it begins.
        optimiser: decides what is kept beside it.
    """
    parts = 1 if isinstance(optimiser, SGD) else 4 if isinstance(optimiser, Adam) else 2
    state = np.zeros((len(rows), parts, rows.shape[1]), dtype=rows.dtype)
    state[:, ROW] = rows
    n_exact = len(rows) if is_exact(optimiser) else 0
    return Table(state, np.zeros(n_exact, dtype=np.int64), np.zeros(n_exact, dtype=np.uint8))


def is_exact(optimiser: Optimiser) -> bool:
    """Tell whether rows without a gradient move."""
    return isinstance(optimiser, Adam) and not isinstance(optimiser, SparseAdam)


def new_rule(optimiser: Optimiser, rate: float, start: int, steps: int, dtype: np.dtype) -> Rule:
    """Return an optimiser's constants for an epoch.

    Args:
        optimiser: its settings.
        rate: the learning rate of the epoch.
        start: the number of steps before it.
        steps: the number of its steps.
        dtype: of the table.
    """
    kind = dtype.type
    beta1, beta2, epsilon = (kind(getattr(optimiser, name, 0.0)) for name in ("beta1", "beta2", "epsilon"))
    momentum = _momentum(optimiser, start, steps) if is_exact(optimiser) else _NO_MOMENTUM
    root = length = np.ones(steps + 1)
    if isinstance(optimiser, Adam):
        t = np.maximum(np.arange(start, start + steps + 1), 1)
        root, length = np.sqrt(1 - optimiser.beta2**t), np.sqrt(1 - optimiser.beta2**t) / (1 - optimiser.beta1**t)
    tolerance = kind(_TOLERANCE[dtype.itemsize])
    return Rule(optimiser.code, kind(rate), beta1, beta2, epsilon, tolerance, root, length, start, momentum)


_NO_MOMENTUM = Momentum(*(np.zeros(1) for _ in range(6)))


def _momentum(adam: Optimiser, start: int, steps: int) -> Momentum:
    assert isinstance(adam, Adam)
    b1, b2 = adam.beta1, adam.beta2
    r, r_of_epsilon = b1 / b2**0.5, b1 / b2
    n = next(n for n in range(1, 100_000) if max(r, r_of_epsilon) ** n < _NEGLIGIBLE)
    t = np.arange(start, start + steps + n + 2, dtype=np.float64)
    t[0] = max(t[0], 1)  # no gradient comes before the first step
    with np.errstate(divide="ignore"):
        corrections = np.sqrt(1 - b2**t) / (1 - b1**t), (1 - b2**t) / (1 - b1**t)
    total, of_epsilon = (_tails(c, ratio) for c, ratio in zip(corrections, (r, r_of_epsilon), strict=True))
    kept = slice(0, steps + 1)
    nothing = total[kept] == 0  # without momentum
    mean = adam.epsilon * np.divide(of_epsilon[kept], total[kept], out=np.zeros(steps + 1), where=~nothing)
    first = adam.epsilon * np.sqrt((1 - b2 ** t[1 : steps + 2]) / b2)
    k = np.arange(max(n, steps + 1), dtype=np.float64)
    powers = (r ** k[:n], *(np.where(b**k > _NEGLIGIBLE, b**k, 0)[: steps + 1] for b in (b1, b2)))
    return Momentum(total[kept].copy(), mean, np.abs(first - mean), *powers)


def _tails(corrections: np.ndarray, ratio: float) -> np.ndarray:
    """Return the sums over i >= 1 of ratio^i corrections[a + i] for all a, as far as the numbers go."""
    tails = np.zeros_like(corrections)
    for a in range(len(tails) - 2, -1, -1):
        tails[a] = ratio * (corrections[a + 1] + tails[a + 1])
    return tails


@compiled(inline=True)
def read_row(table, row, step, rule, now, r):
    """Write where a row is before a step.

    Args:
        table: the table.
        row: the number of the row.
        step: the number of the step, from 1.
        rule: of the epoch.
        now: [n, D] whose row is overwritten.
        r: which one.
    """
    state, distance = table.state, constant(0, rule.rate)
    if rule.code == 1 and table.last[row] > 0:
        a = table.last[row]
        missed = step - 1 - a
        if missed > 0 and table.by_terms[row]:
            _move_by_terms(table, row, missed, rule, now, r)
            return
        if missed > 0:
            own = rule.momentum
            total = own.total[a - rule.start]
            if missed < len(own.powers):
                total -= own.powers[missed] * own.total[a + missed - rule.start]
            distance = constant(total * rule.rate, rule.rate)
    if distance == 0:
        for j in range(state.shape[2]):
            now[r, j] = state[row, ROW, j]
    else:
        for j in range(state.shape[2]):
            now[r, j] = state[row, ROW, j] - distance * state[row, DRIFT, j]


@compiled()
def _move_by_terms(table, row, missed, rule, now, r):
    """Write where a row is after so many steps of momentum, added up term by term."""
    state, of_mean, of_squares = table.state, 1.0, 1.0
    gone = np.float64(rule.beta1) ** table.last[row], np.float64(rule.beta2) ** table.last[row]
    for j in range(state.shape[2]):
        now[r, j] = state[row, ROW, j]
    for _ in range(missed):
        of_mean *= rule.beta1
        of_squares *= rule.beta2
        if of_mean < _NEGLIGIBLE:
            return
        factor = constant(rule.rate * of_mean / (1 - gone[0] * of_mean), rule.rate)
        share = constant(np.sqrt(of_squares / (1 - gone[1] * of_squares)), rule.rate)
        for j in range(state.shape[2]):
            now[r, j] -= factor * state[row, MEAN, j] / (share * np.sqrt(state[row, 3, j]) + rule.epsilon)


@compiled(inline=True)
def _remember(table, row, step, rule):
    """Compute the drift of a row whose moments are those of a step."""
    own, state = rule.momentum, table.state
    epsilon, smallest = constant(own.epsilon[step - rule.start], rule.rate), constant(np.inf, rule.rate)
    for j in range(state.shape[2]):
        root = np.sqrt(state[row, 3, j])
        state[row, DRIFT, j] = state[row, MEAN, j] / (root + epsilon)
        smallest = min(smallest, root if root > 0 else smallest)
    table.last[row] = step
    table.by_terms[row] = own.spread[step - rule.start] > rule.tolerance * smallest


@compiled(inline=True)
def update_row(table, row, step, rule, now, gradient, r):
    """Take a step of a row that has a gradient.

    Args:
        table: the table.
        row: the number of the row.
        step: the number of the step, from 1.
        rule: of the epoch.
        now: [n, D] in whose row r it is, from `read_row`.
        gradient: [n, D] in whose row r its gradient is.
        r: which one.
    """
    state, code, rate = table.state, rule.code, rule.rate
    if code == 0:
        for j in range(state.shape[2]):
            state[row, ROW, j] = now[r, j] - rate * gradient[r, j]
    elif code == 3:
        for j in range(state.shape[2]):
            squares = state[row, 1, j] + gradient[r, j] * gradient[r, j]
            state[row, 1, j] = squares
            state[row, ROW, j] = now[r, j] - rate * gradient[r, j] / (np.sqrt(squares) + rule.epsilon)
    else:
        _adam(table, row, step, rule, now, gradient, r)


@compiled(inline=True)
def _adam(table, row, step, rule, now, gradient, r):
    """See update_row."""
    state, rate, one = table.state, rule.rate, constant(1, rule.rate)
    of_mean, of_squares, epsilon = rule.beta1, rule.beta2, rule.epsilon
    root, length = rule.root[step - rule.start], constant(rule.length[step - rule.start] * rate, rate)
    if rule.code == 1:
        missed = step - table.last[row] if table.last[row] else 0  # a row without moments has none to decay
        of_mean = constant(rule.momentum.of_mean[missed], rate)
        of_squares = constant(rule.momentum.of_squares[missed], rate)
        epsilon = constant(epsilon * root, rate)
    of_row = constant(0, rate)
    if rule.code == 4:
        for j in range(state.shape[2]):
            of_row += gradient[r, j] * gradient[r, j]
        of_row /= constant(state.shape[2], rate)
    for j in range(state.shape[2]):
        g = gradient[r, j]
        square = of_row if rule.code == 4 else g * g
        mean = of_mean * state[row, MEAN, j] + (one - rule.beta1) * g
        squares = of_squares * state[row, 3, j] + (one - rule.beta2) * square
        state[row, MEAN, j], state[row, 3, j] = mean, squares
        state[row, ROW, j] = now[r, j] - length * mean / (np.sqrt(squares) + epsilon)
    if rule.code == 1:
        _remember(table, row, step, rule)


@compiled()
def settle(table, step, rule):
    """Move all rows to where they are after a step, the last one of an epoch.

    Args:
        table: the table.
        step: the number of the step.
        rule: of the epoch.
    """
    if rule.code != 1:
        return
    state, own = table.state, rule.momentum
    now = np.empty((1, state.shape[2]), state.dtype)
    for row in range(len(state)):
        missed = step - table.last[row]
        if table.last[row] == 0 or missed == 0:
            continue
        read_row(table, row, step + 1, rule, now, 0)
        of_mean, of_squares = own.of_mean[missed], own.of_squares[missed]
        for j in range(state.shape[2]):
            state[row, ROW, j] = now[0, j]
            state[row, MEAN, j] *= constant(of_mean, rule.rate)
            state[row, 3, j] *= constant(of_squares, rule.rate)
        _remember(table, row, step, rule)
