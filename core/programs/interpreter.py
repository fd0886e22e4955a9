"""Programs run by compiled code: values and gradients, line after line over a batch.

Every slot is a row of `values` and one of `tangents` (d value / d y_hat), both [4 + n_lines, B]: y_hat, y, 1
and the smoothing term, then a row for each line. A program is data (`core.programs.encoded`), so nothing is compiled
for it. What an operator does to an example is the scalar function of its row in `core.programs.operators`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from core.common.jit import compiled, part
from core.programs.encoded import CLAMP_RULES, CLOSED_FORMS, OPERATIONS, EncodedProgram
from core.programs.operators import OPERATORS

#: Rows before those of the lines.
N_INPUTS = 4

_BCE, _MSE, _HINGE, _FOCAL = range(len(OPERATIONS), len(OPERATIONS) + len(CLOSED_FORMS))
_NO_CLAMP, _PAPER, _SIGNED = range(len(CLAMP_RULES))

#: What machine code depends on.
_USES = (EncodedProgram, *(row.scalar for row in OPERATORS.values()))

# Numba takes a literal for a float64, and a float32 with it: hence `one`, which has the type of the rest.


@compiled(uses=_USES)
def _no_operator(v, t, row, n):
    """Nothing is known of a result whose number no operator has."""
    for i in range(n):
        v[row, i], t[row, i] = math.nan, math.nan
    return False


def _operators(first: int, end: int) -> Any:
    """The operators of these numbers, as a tree of halves: the one that is wanted fills a row by the rows a and b.

    The tree is merged into one function with a loop for each operator, which runs in vector registers. It returns
    whether the result is to be clamped.
    """
    if end - first > 1:
        middle = (first + end) // 2
        lower, upper = _operators(first, middle), _operators(middle, end)

        def half(operation, v, t, row, a, b, epsilon, n):
            if operation < middle:
                return lower(operation, v, t, row, a, b, epsilon, n)
            return upper(operation, v, t, row, a, b, epsilon, n)

        return part(half, merged=True)
    operator = OPERATORS[OPERATIONS[first]]
    scalar, is_clamped = part(operator.scalar), not operator.transparent

    def leaf(operation, v, t, row, a, b, epsilon, n):
        if operation == first:
            for i in range(n):
                v[row, i], t[row, i] = scalar(v[a, i], t[a, i], v[b, i], t[b, i], epsilon)
            return is_clamped
        return _no_operator(v, t, row, n)

    return part(leaf, merged=True)


_operate = _operators(0, len(OPERATIONS))


@compiled(uses=_USES)
def _apply(operation, v, t, row, a, b, epsilon, n):
    """Fill a row by an operator of the rows a and b; returns whether it is to be clamped."""
    # Unsigned: numba would count negative indices from the end, which costs a comparison each time.
    return _operate(operation, v, t, np.uint64(row), np.uint64(a), np.uint64(b), epsilon, n)


@compiled(uses=_USES)
def _clamp(rule, v, t, row, low, high, n):
    """Bring the values of a line under the rule; where that moves one, its gradient is 0."""
    one = v.dtype.type(1)
    for i in range(n):
        side = -one if rule == _SIGNED and v[row, i] < 0 else one
        size = v[row, i] * side
        if size < low:
            v[row, i], t[row, i] = low * side, 0
        elif size > high:
            v[row, i], t[row, i] = high * side, 0


@compiled(uses=_USES)
def run(lines, rule, constants, values, tangents, n):
    """Fill the rows of the lines over n examples, those of y_hat and y being filled; the loss is not scaled yet.

    Args:
        lines: [n_lines, 3], operation and operands.
        rule: the clamp's number.
        constants: smoothing term, bounds of the clamp and scale [4].
        values: [4 + n_lines, at least n].
        tangents: the same.
        n: examples.
    """
    epsilon, low, high = constants[0], constants[1], constants[2]
    values[2, :n], values[3, :n] = 1, epsilon
    tangents[0, :n], tangents[1:4, :n] = 1, 0
    for line in range(len(lines)):
        row = N_INPUTS + line
        is_clamped = _apply(lines[line, 0], values, tangents, row, lines[line, 1], lines[line, 2], epsilon, n)
        if rule != _NO_CLAMP and is_clamped:
            _clamp(rule, values, tangents, row, low, high, n)


@compiled(uses=_USES)
def sigmoid(x, one):
    """1 / (1 + e^-x)."""
    return one / (one + math.exp(-x))


@compiled(uses=_USES)
def _closed_form(form, logit, y, gradient, n):
    """Gradients of the losses that are exact in the logit, see `recommenders.tasks.losses`."""
    one = logit.dtype.type(1)
    two = one + one
    for i in range(n):
        p = sigmoid(logit[i], one)
        if form == _BCE:
            gradient[i] = p - y[i]
        elif form == _MSE:
            gradient[i] = two * (p - y[i]) * p * (one - p)
        elif form == _HINGE:
            gradient[i] = one - y[i] - (y[i] if logit[i] < one else 0)
        elif form == _FOCAL:
            side = two * y[i] - one
            towards = side * logit[i]
            wrong = sigmoid(-towards, one)
            log_right = min(towards, 0) - math.log1p(math.exp(-abs(towards)))
            gradient[i] = side * wrong * wrong * (two * (one - wrong) * log_right - wrong)
        else:
            gradient[i] = math.nan


@compiled(uses=_USES)
def gradients(lines, rule, constants, logit, y, values, tangents, gradient, n):
    """Fill gradient [at least n] with d loss / d logit over n examples; the other arguments are those of `run`."""
    one, scale = logit.dtype.type(1), constants[3]
    if lines[0, 0] >= len(OPERATIONS):
        _closed_form(lines[0, 0], logit, y, gradient, n)
        if scale != one:
            for i in range(n):
                gradient[i] *= scale
        return
    for i in range(n):
        values[0, i], values[1, i] = sigmoid(logit[i], one), y[i]
    run(lines, rule, constants, values, tangents, n)
    root = N_INPUTS + len(lines) - 1
    for i in range(n):
        gradient[i] = tangents[root, i] * scale * (values[0, i] * (one - values[0, i]))


@compiled(uses=_USES)
def run_all(lines, ends, rules, constants, y_hat, y, losses, gradients):
    """Many programs on one batch.

    Args:
        lines: the lines of all programs, one program after the other [n, 3].
        ends: where the lines of each end [K].
        rules: the number of the clamp of each [K].
        constants: of each [K, 4].
        y_hat: [B].
        y: [B].
        losses: filled, [K, B].
        gradients: d loss / d y_hat, filled, [K, B].
    """
    start, most = 0, 0
    for end in ends:
        start, most = end, max(most, end - start)
    values = np.empty((N_INPUTS + most, len(y)), y_hat.dtype)
    tangents = np.empty_like(values)
    values[0], values[1] = y_hat, y
    start = 0
    for k in range(len(ends)):
        run(lines[start : ends[k]], rules[k], constants[k], values, tangents, len(y))
        root = N_INPUTS + ends[k] - start - 1
        losses[k], gradients[k] = values[root] * constants[k, 3], tangents[root] * constants[k, 3]
        start = ends[k]
