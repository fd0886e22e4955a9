"""Evaluate encoded expressions in compiled code: values forwards, gradients backwards, a few examples at a time.

Every register holds a number of each of T examples, or a number of each of their N negatives: the registers stay in the
nearest caches, and no expression is compiled. An operation costs a loop over a register.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.common.jit import compiled
from core.programs.sets import encoded, registers
from core.programs.sets.encoded import EncodedExpression
from core.programs.sets.expression import INPUTS
from core.programs.sets.registers import run_backwards, run_forwards

_P, _N, _COUNT, _QUANTILE, _RATE = range(len(INPUTS))
#: Numbers of a register, about.
_AT_ONCE = 1024
_USES = (encoded, registers)


def evaluate(
    expression: EncodedExpression,
    positives: np.ndarray,
    negatives: np.ndarray,
    quantiles: np.ndarray | None,
    rate: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the value of every example, and its derivatives by the scores.

    Args:
        expression: with a value for every example.
        positives: [B] float32 or float64.
        negatives: [B, N] of the same type.
        quantiles: [B] likewise, see `SetScores`; None where the expression has none.
        rate: see `SetScores`.

    Returns:
        Values [B], derivatives by positives [B] and by negatives [B, N], of the same type.
    """
    (n_examples, n), kind = negatives.shape, negatives.dtype
    given = positives if quantiles is None else quantiles
    found = np.empty(n_examples, kind), np.empty(n_examples, kind), np.empty((n_examples, n), kind)
    registers_of = new_registers(expression, n_examples, n, kind, rate)
    evaluate_into(expression.lines, positives, negatives, given, registers_of, found)
    return found


class Registers(NamedTuple):
    """Values, derivatives of functions, and derivatives of the loss, of T examples at a time."""

    numbers: np.ndarray
    """[3, registers, T, 1]."""
    rows: np.ndarray
    """[3, registers, T, N]."""


def new_registers(expression: EncodedExpression, n_examples: int, n: int, dtype: np.dtype, rate: float) -> Registers:
    """Return registers with the constants of an expression.

    Args:
        expression: the expression.
        n_examples: how many there are at most.
        n: negatives of each.
        dtype: of numbers.
        rate: see `SetScores`.
    """
    together = min(max(1, _AT_ONCE // n), max(1, n_examples))
    numbers = np.zeros((3, expression.registers, together, 1), dtype)
    numbers[0, _COUNT], numbers[0, _RATE] = n, rate
    first = len(INPUTS) + len(expression.constants)
    numbers[0, len(INPUTS) : first, :, 0] = expression.constants[:, None]
    return Registers(numbers, np.empty((3, expression.registers, together, n), dtype))


@compiled(uses=_USES)
def evaluate_into(lines, positives, negatives, quantiles, registers_of, found):
    """Fill what `evaluate` returns, in compiled code.

    Args:
        lines: of the expression.
        positives: [B].
        negatives: [B, N].
        quantiles: [B], of any numbers where the expression has none.
        registers_of: `Registers`, overwritten.
        found: values [B], derivatives by positives [B] and by negatives [B, N], overwritten.
    """
    (values, of_positives, of_negatives), (numbers, rows) = found, registers_of
    number, of_number, row, of_row = numbers[0], numbers[2], rows[0], rows[2]
    together, last = number.shape[1], len(number) - 1
    for start in range(0, len(positives), together):
        m = min(together, len(positives) - start)
        for t in range(m):
            number[_P, t, 0], number[_QUANTILE, t, 0] = positives[start + t], quantiles[start + t]
            for j in range(row.shape[2]):
                row[_N, t, j] = negatives[start + t, j]
        run_forwards(lines, number, numbers[1], row, rows[1], m)
        of_number[:] = 0
        of_row[_N] = 0
        of_number[last] = 1
        run_backwards(lines, number, numbers[1], of_number, row, rows[1], of_row, m)
        for t in range(m):
            values[start + t], of_positives[start + t] = number[last, t, 0], of_number[_P, t, 0]
            for j in range(row.shape[2]):
                of_negatives[start + t, j] = of_row[_N, t, j]
