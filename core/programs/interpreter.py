"""Interpret encoded programs in compiled code: values and gradients (forward mode), line after line over a batch.

Every slot is a row of `values` and a row of `tangents` (d value / d y_hat), both [4 + n_lines, B]: y_hat, y, 1
and the smoothing term, then a row for each line. A program is data (`core.programs.encoded`), so a new one needs no
compilation. An operator is applied to each example by the scalar function of its row in `core.programs.operators`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from core.common.jit import compiled, part
from core.programs.encoded import CLAMP_RULES, CLOSED_FORMS, OPERATIONS, EncodedProgram
from core.programs.operators import OPERATORS

#: Number of rows before those of the lines.
N_INPUTS = 4

_BCE, _MSE, _HINGE, _FOCAL = range(len(OPERATIONS), len(OPERATIONS) + len(CLOSED_FORMS))
_NO_CLAMP, _PAPER, _SIGNED = range(len(CLAMP_RULES))

#: What the compiled code depends on.
_USES = (EncodedProgram, *(row.scalar for row in OPERATORS.values()))

# Numba types a literal as float64 and promotes float32 to it: hence `one`, which has the type of the other numbers.


@compiled(uses=_USES)
def _no_operator(v, t, row, n):
    """Fill a row with NaN, for an unknown operation."""
    for i in range(n):
        v[row, i], t[row, i] = math.nan, math.nan
    return False


def _operators(first: int, end: int) -> Any:
    """Return a function that applies one of the operators first to end - 1 to rows a and b, found by bisection.

    Numba merges the binary tree of branches into one function with a vectorised loop for each operator. The function
    returns whether the result is to be clamped.
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
    """Fill a row with an operator applied to the rows a and b; return whether the row is to be clamped."""
    # Unsigned: numba would count negative indices from the end, which costs a comparison each time.
    return _operate(operation, v, t, np.uint64(row), np.uint64(a), np.uint64(b), epsilon, n)


@compiled(uses=_USES)
def _clamp(rule, v, t, row, low, high, n):
    """Clamp the values of a row; where that changes a value, its tangent becomes 0."""
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
    """Run a program on n examples: fill all rows of values and tangents but those of y_hat and y. Applies no scale.

    Args:
        lines: operation and operands of each line [n_lines, 3].
        rule: index of the clamp rule.
        constants: smoothing term, bounds of the clamp and scale [4].
        values: [4 + n_lines, at least n]; rows 0 and 1 hold y_hat and y.
        tangents: d value / d y_hat, of the same shape.
        n: number of examples.
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
    """Return 1 / (1 + e^-x).

    Args:
        x: a number.
        one: 1 in the type of x.
    """
    return one / (one + math.exp(-x))


@compiled(uses=_USES)
def _closed_form(form, logit, y, gradient, n):
    """Fill gradient with d loss / d logit of a loss in closed form, see `core.losses.closed_forms`."""
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
    """Fill gradient with d loss / d logit of n examples, scale included.

    Args:
        lines: operation and operands of each line [n_lines, 3].
        rule: index of the clamp rule.
        constants: smoothing term, bounds of the clamp and scale [4].
        logit: [at least n].
        y: labels [at least n].
        values: scratch buffer [at least 4 + n_lines, at least n].
        tangents: scratch buffer of the same shape.
        gradient: the result [at least n].
        n: number of examples.
    """
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
    """Run K programs on one batch and fill their losses and gradients.

    Args:
        lines: the lines of all programs, one program after the other [n, 3].
        ends: for each program, the row of `lines` after its last line [K].
        rules: index of the clamp rule of each program [K].
        constants: smoothing term, bounds of the clamp and scale of each program [K, 4].
        y_hat: predictions [B].
        y: labels [B].
        losses: the result [K, B].
        gradients: the result, d loss / d y_hat [K, B].
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
