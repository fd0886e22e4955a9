"""Operations on registers in compiled code, forwards and backwards, see `core.programs.sets.interpreter`.

A register has a number of each of m examples, or of each of their N negatives. Arrays come whole, with the numbers of
registers: numba would count a view. These are unsigned: it would count negative ones from the end.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from core.common.jit import SUMS, compiled, constant, part
from core.programs.sets import encoded, expression, functions
from core.programs.sets.encoded import CODES, NUMBERS, REDUCED, ROWS
from core.programs.sets.expression import INPUTS, OPERATIONS
from core.programs.sets.functions import exp

_ADD, _MUL, _DIV, _MEAN, _SUM, _MAX, _LOG_MEAN_EXP, _LOG_SUM_EXP, _FIRST = list(CODES.values())[:9]
_P = list(INPUTS).index("p")
#: Numbers that are compared side by side.
_LANES = 16
_USES = (encoded, expression, functions)


def _functions(first: int, end: int) -> Any:
    """Return a function that fills a register by one of the functions first to end - 1, found by bisection.

    Numba merges the tree of branches into one function with a loop for each of them, which LLVM vectorises.
    """
    if end - first > 1:
        middle = (first + end) // 2
        lower, upper = _functions(first, middle), _functions(middle, end)

        def half(code, x, slope, a, to, m, scale, shift, factor):
            if code < middle:
                lower(code, x, slope, a, to, m, scale, shift, factor)
            else:
                upper(code, x, slope, a, to, m, scale, shift, factor)

        return part(half, merged=True)
    function = part(_table[first].function)

    def leaf(code, x, slope, a, to, m, scale, shift, factor):
        for t in range(m):
            for j in range(x.shape[2]):
                value, derivative = function(x[a, t, j] * scale + shift)
                x[to, t, j], slope[to, t, j] = value * factor, derivative * (factor * scale)

    return part(leaf, merged=True)


_table: Any = list(OPERATIONS.values())
_by_function = _functions(_FIRST, len(OPERATIONS))


@compiled(uses=_USES)
def _apply(code, x, slope, a, to, m, scale, shift, factor):
    """Fill register `to` of m examples with f(x * scale + shift) * factor of register a, and its derivatives."""
    _by_function(code, x, slope, a, to, m, scale, shift, factor)


@compiled(uses=_USES)
def run_forwards(lines, number, number_slope, row, slope, m):
    """Compute all registers.

    Args:
        lines: [L, 7] of the expression.
        number: [registers, T, 1]; those of inputs and constants are given.
        number_slope: likewise, overwritten with derivatives of functions.
        row: [registers, T, N]; that of the negatives is given.
        slope: likewise, overwritten with derivatives of functions, and with softmax.
        m: examples, at most T.
    """
    first = len(number) - len(lines)
    for i in range(len(lines)):
        code, kind, a, b = lines[i, 0], lines[i, 1], np.uint64(lines[i, 2]), np.uint64(lines[i, 3])
        to = np.uint64(first + i)
        if kind == NUMBERS:
            _of_numbers(code, number, number_slope, a, b, to, m)
        elif kind == REDUCED:
            _reduced(code, number, row, slope, a, to, m)
        elif code >= _FIRST:
            scale, shift, factor = number[lines[i, 4], 0, 0], number[lines[i, 5], 0, 0], number[lines[i, 6], 0, 0]
            _apply(code, row, slope, a, to, m, scale, shift, factor)
        elif kind == ROWS:
            _of_rows(code, row, a, b, to, m)
        else:
            _of_row_and_number(code, number, row, a, b, to, m)


@compiled(uses=_USES)
def run_backwards(lines, number, number_slope, of_number, row, slope, of_row, m):
    """Compute the derivatives by all registers; numbers of no line but the positive are constants.

    Args:
        lines: [L, 7] of the expression.
        number: [registers, T, 1], computed.
        number_slope: likewise.
        of_number: likewise, 0 but for the last one; overwritten.
        row: [registers, T, N], computed.
        slope: likewise.
        of_row: likewise, 0 for the negatives; overwritten.
        m: examples, at most T.
    """
    first = len(number) - len(lines)
    for i in range(len(lines)):
        if lines[i, 1] != NUMBERS and lines[i, 1] != REDUCED:
            for t in range(m):
                for j in range(row.shape[2]):
                    of_row[first + i, t, j] = 0
    for i in range(len(lines) - 1, -1, -1):
        code, kind, a, b = lines[i, 0], lines[i, 1], np.uint64(lines[i, 2]), np.uint64(lines[i, 3])
        to = np.uint64(first + i)
        if kind == NUMBERS:
            _of_numbers_backwards(code, number, number_slope, of_number, a, b, to, m)
        elif kind == REDUCED:
            _reduced_backwards(code, number, of_number, row, slope, of_row, a, to, m)
        elif code >= _FIRST:
            _add_product(of_row, a, to, slope, to, m)
        elif kind == ROWS:
            _of_rows_backwards(code, row, of_row, a, b, to, m)
        else:
            _of_row_and_number_backwards(code, number, row, of_row, a, b, to, m)
            if b == _P or b >= first:
                _sum_of_row(code, number, of_number, row, of_row, a, b, to, m)


@compiled(uses=_USES)
def _of_numbers(code, number, slope, a, b, to, m):
    """Compute a number of every example."""
    if code >= _FIRST:
        zero, one = constant(0, number[0, 0, 0]), constant(1, number[0, 0, 0])
        _apply(code, number, slope, a, to, m, one, zero, one)
        return
    for t in range(m):
        x, y = number[a, t, 0], number[b, t, 0]
        number[to, t, 0] = x + y if code == _ADD else x * y if code == _MUL else x / y


@compiled(uses=_USES)
def _of_numbers_backwards(code, number, slope, of, a, b, to, m):
    """Give the derivatives by a number of every example on."""
    for t in range(m):
        by, x, y = of[to, t, 0], number[a, t, 0], number[b, t, 0]
        if code == _ADD:
            of[a, t, 0] += by
            of[b, t, 0] += by
        elif code == _MUL:
            of[a, t, 0] += by * y
            of[b, t, 0] += by * x
        elif code == _DIV:
            of[a, t, 0] += by / y
            of[b, t, 0] -= by * number[to, t, 0] / y
        else:
            of[a, t, 0] += by * slope[to, t, 0]


@compiled(uses=_USES)
def _of_rows(code, row, a, b, to, m):
    """Compute the sum or the product of two numbers of every negative."""
    for t in range(m):
        if code == _ADD:
            for j in range(row.shape[2]):
                row[to, t, j] = row[a, t, j] + row[b, t, j]
        else:
            for j in range(row.shape[2]):
                row[to, t, j] = row[a, t, j] * row[b, t, j]


@compiled(uses=_USES)
def _of_rows_backwards(code, row, of_row, a, b, to, m):
    """Give the derivatives by that on."""
    if code == _ADD:
        _add(of_row, a, to, m)
        _add(of_row, b, to, m)
    else:
        _add_product(of_row, a, to, row, b, m)
        _add_product(of_row, b, to, row, a, m)


@compiled(uses=_USES)
def _of_row_and_number(code, number, row, a, b, to, m):
    """Compute the sum, product or quotient of a number of every negative and one of the example."""
    for t in range(m):
        by = number[b, t, 0]
        if code == _ADD:
            for j in range(row.shape[2]):
                row[to, t, j] = row[a, t, j] + by
        else:
            by = by if code == _MUL else constant(1, by) / by
            for j in range(row.shape[2]):
                row[to, t, j] = row[a, t, j] * by


@compiled(uses=_USES)
def _of_row_and_number_backwards(code, number, row, of_row, a, b, to, m):
    """Give the derivatives by that on to the number of every negative."""
    for t in range(m):
        by = number[b, t, 0]
        by = constant(1, by) if code == _ADD else by if code == _MUL else constant(1, by) / by
        for j in range(row.shape[2]):
            of_row[a, t, j] += of_row[to, t, j] * by


@compiled(uses=_USES, fastmath=SUMS)
def _sum_of_row(code, number, of_number, row, of_row, a, b, to, m):
    """Give the derivatives by that on to the number of the example."""
    for t in range(m):
        total, by = constant(0, number[0, 0, 0]), number[b, t, 0]
        if code == _ADD:
            for j in range(row.shape[2]):
                total += of_row[to, t, j]
        else:
            for j in range(row.shape[2]):
                total += of_row[to, t, j] * row[a, t, j]
        of_number[b, t, 0] += -total / (by * by) if code == _DIV else total


@compiled(inline=True)
def _largest(row, a, t, tops):
    """Return the largest number of example t in register a; `tops` [lanes] is overwritten.

    It goes lane by lane, since a comparison of neighbours waits for the one before.
    """
    n, top = row.shape[2], row[a, t, 0]
    whole = n - n % _LANES
    for k in range(_LANES):
        tops[k] = top
    for j in range(0, whole, _LANES):
        for k in range(_LANES):
            x = row[a, t, np.uint64(j + k)]
            tops[k] = x if x > tops[k] else tops[k]
    for k in range(_LANES):
        top = tops[k] if tops[k] > top else top
    for j in range(whole, n):
        top = row[a, t, j] if row[a, t, j] > top else top
    return top


@compiled(uses=_USES, fastmath=SUMS)
def _reduced(code, number, row, softmax, a, to, m):
    """Compute what a register of negatives is reduced to, and the softmax where there is one."""
    n, tops, zero = row.shape[2], np.empty(_LANES, row.dtype), constant(0, row[a, 0, 0])
    for t in range(m):
        total = zero
        if code in (_MEAN, _SUM):
            for j in range(n):
                total += row[a, t, j]
            number[to, t, 0] = total / constant(n, total) if code == _MEAN else total
            continue
        top = _largest(row, a, t, tops)
        number[to, t, 0] = top
        if code == _MAX:
            continue
        for j in range(n):
            softmax[to, t, j] = exp(row[a, t, j] - top)
        for j in range(n):
            total += softmax[to, t, j]
        by = constant(1, total) / total
        for j in range(n):
            softmax[to, t, j] *= by
        number[to, t, 0] += math.log(total / constant(n, total) if code == _LOG_MEAN_EXP else total)


@compiled(uses=_USES, fastmath=SUMS)
def _reduced_backwards(code, number, of_number, row, softmax, of_row, a, to, m):
    """Give the derivatives by that on; of the largest negative that to the first of them."""
    n = row.shape[2]
    for t in range(m):
        by = of_number[to, t, 0] / constant(n if code == _MEAN else 1, of_number[to, t, 0])
        if code in (_MEAN, _SUM):
            for j in range(n):
                of_row[a, t, j] += by
        elif code == _MAX:
            for j in range(n):
                if row[a, t, j] == number[to, t, 0]:
                    of_row[a, t, j] += by
                    break
        else:
            for j in range(n):
                of_row[a, t, j] += by * softmax[to, t, j]


@compiled()
def _add(of_row, a, to, m):
    """Add the derivatives by one register to those by another one."""
    for t in range(m):
        for j in range(of_row.shape[2]):
            of_row[a, t, j] += of_row[to, t, j]


@compiled()
def _add_product(of_row, a, to, factors, b, m):
    """Add the derivatives by one register, times factors, to those by another one."""
    for t in range(m):
        for j in range(of_row.shape[2]):
            of_row[a, t, j] += of_row[to, t, j] * factors[b, t, j]
