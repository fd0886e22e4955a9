"""Operations on registers in compiled code, forwards and backwards, see `core.programs.sets.interpreter`.

A register has a number of each of m examples, or of each of their N negatives. Arrays are handed on whole, with the
numbers of registers: numba would count a view. These numbers are unsigned: it would count negative ones from the end.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from core.common.jit import SUMS, compiled, constant, part
from core.programs.sets import encoded, expression, functions
from core.programs.sets.encoded import CODES
from core.programs.sets.expression import OPERATIONS
from core.programs.sets.functions import exp

ADD, MUL, DIV, MEAN, SUM, MAX, LOG_MEAN_EXP, LOG_SUM_EXP, FIRST = list(CODES.values())[:9]
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

        def half(code, x, slope, a, to, m):
            if code < middle:
                lower(code, x, slope, a, to, m)
            else:
                upper(code, x, slope, a, to, m)

        return part(half, merged=True)
    function = part(_table[first].function)

    def leaf(code, x, slope, a, to, m):
        for t in range(m):
            for j in range(x.shape[2]):
                x[to, t, j], slope[to, t, j] = function(x[a, t, j])

    return part(leaf, merged=True)


_table: Any = list(OPERATIONS.values())
_by_function = _functions(FIRST, len(OPERATIONS))


@compiled(uses=_USES)
def apply(code, x, slope, a, to, m):
    """Fill register `to` of m examples with a function of register a, and its derivatives."""
    _by_function(code, x, slope, a, to, m)


@compiled(uses=_USES)
def of_numbers(code, number, slope, a, b, to, m):
    """Compute a number of every example."""
    if code >= FIRST:
        apply(code, number, slope, a, to, m)
        return
    for t in range(m):
        x, y = number[a, t, 0], number[b, t, 0]
        number[to, t, 0] = x + y if code == ADD else x * y if code == MUL else x / y


@compiled(uses=_USES)
def of_numbers_backwards(code, number, slope, of, a, b, to, m):
    """Hand the derivatives by a number of every example on."""
    for t in range(m):
        by, x, y = of[to, t, 0], number[a, t, 0], number[b, t, 0]
        if code == ADD:
            of[a, t, 0] += by
            of[b, t, 0] += by
        elif code == MUL:
            of[a, t, 0] += by * y
            of[b, t, 0] += by * x
        elif code == DIV:
            of[a, t, 0] += by / y
            of[b, t, 0] -= by * number[to, t, 0] / y
        else:
            of[a, t, 0] += by * slope[to, t, 0]


@compiled(uses=_USES)
def of_rows(code, row, a, b, to, m):
    """Compute the sum or the product of two numbers of every negative."""
    for t in range(m):
        if code == ADD:
            for j in range(row.shape[2]):
                row[to, t, j] = row[a, t, j] + row[b, t, j]
        else:
            for j in range(row.shape[2]):
                row[to, t, j] = row[a, t, j] * row[b, t, j]


@compiled(uses=_USES)
def of_rows_backwards(code, row, of_row, a, b, to, m):
    """Hand the derivatives by that on."""
    if code == ADD:
        one = constant(1, of_row[0, 0, 0])
        _add(of_row, a, to, one, m)
        _add(of_row, b, to, one, m)
    else:
        add_product(of_row, a, to, row, b, m)
        add_product(of_row, b, to, row, a, m)


@compiled(uses=_USES)
def of_row_and_number(code, number, row, a, b, to, m):
    """Compute the sum, product or quotient of a number of every negative and one of the example."""
    for t in range(m):
        by = number[b, t, 0]
        if code == ADD:
            for j in range(row.shape[2]):
                row[to, t, j] = row[a, t, j] + by
        else:
            by = by if code == MUL else constant(1, by) / by
            for j in range(row.shape[2]):
                row[to, t, j] = row[a, t, j] * by


@compiled(uses=_USES)
def of_row_and_number_backwards(code, number, row, of_row, a, b, to, m):
    """Hand the derivatives by that on to the number of every negative."""
    for t in range(m):
        by = number[b, t, 0]
        by = constant(1, by) if code == ADD else by if code == MUL else constant(1, by) / by
        for j in range(row.shape[2]):
            of_row[a, t, j] += of_row[to, t, j] * by


@compiled(uses=_USES, fastmath=SUMS)
def sum_of_row(code, number, of_number, row, of_row, a, b, to, m):
    """Hand the derivatives by that on to the number of the example."""
    for t in range(m):
        total, by = constant(0, number[0, 0, 0]), number[b, t, 0]
        if code == ADD:
            for j in range(row.shape[2]):
                total += of_row[to, t, j]
        else:
            for j in range(row.shape[2]):
                total += of_row[to, t, j] * row[a, t, j]
        of_number[b, t, 0] += -total / (by * by) if code == DIV else total


@compiled(inline=True)
def _largest(row, a, t, tops):
    """Return the largest number of an example; lane by lane, since a comparison of neighbours waits for the one before.

    Args:
        row: the registers.
        a: which of them.
        t: which example.
        tops: [lanes] overwritten.
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
def reduced(code, number, row, softmax, a, to, m):
    """Compute what a register of negatives is reduced to, and the softmax where there is one."""
    n, tops = row.shape[2], np.empty(_LANES, row.dtype)
    for t in range(m):
        total = constant(0, row[a, t, 0])
        if code in (MEAN, SUM):
            for j in range(n):
                total += row[a, t, j]
            number[to, t, 0] = total / constant(n, total) if code == MEAN else total
            continue
        top = _largest(row, a, t, tops)
        number[to, t, 0] = top
        if code == MAX:
            continue
        for j in range(n):
            softmax[to, t, j] = exp(row[a, t, j] - top)
        for j in range(n):
            total += softmax[to, t, j]
        by = constant(1, total) / total
        for j in range(n):
            softmax[to, t, j] *= by
        number[to, t, 0] += math.log(total / constant(n, total) if code == LOG_MEAN_EXP else total)


@compiled(uses=_USES, fastmath=SUMS)
def reduced_backwards(code, number, of_number, row, softmax, of_row, a, to, m):
    """Hand the derivatives by that on; of the largest negative that to the first of them."""
    n = row.shape[2]
    for t in range(m):
        by = of_number[to, t, 0]
        if code in (MEAN, SUM):
            by = by / constant(n, by) if code == MEAN else by
            for j in range(n):
                of_row[a, t, j] += by
        elif code == MAX:
            for j in range(n):
                if row[a, t, j] == number[to, t, 0]:
                    of_row[a, t, j] += by
                    break
        else:
            for j in range(n):
                of_row[a, t, j] += by * softmax[to, t, j]


@compiled()
def _add(of_row, a, to, by, m):
    """Add a multiple of the derivatives by one register to those by another one."""
    for t in range(m):
        for j in range(of_row.shape[2]):
            of_row[a, t, j] += of_row[to, t, j] * by


@compiled()
def add_product(of_row, a, to, factors, b, m):
    """Add the derivatives by one register, times factors, to those by another one."""
    for t in range(m):
        for j in range(of_row.shape[2]):
            of_row[a, t, j] += of_row[to, t, j] * factors[b, t, j]
