"""Expressions as lines for compiled code."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.common.errors import UserError
from core.programs.sets.expression import INPUTS, OPERATIONS, Expression, Level

#: name -> code.
CODES = {name: code for code, name in enumerate(OPERATIONS)}
#: What the operands of a line are: numbers of an example; rows; a row and a number; a row that is reduced.
NUMBERS, ROWS, ROW_AND_NUMBER, REDUCED = range(4)


class EncodedExpression(NamedTuple):
    """An expression of L lines. Line i has register i behind those of the inputs and constants."""

    lines: np.ndarray
    """[L, 4] int32: code, kind of operands, and their registers; an operation of one operand has it twice."""
    constants: np.ndarray
    """[K] float64, in the registers behind the inputs."""

    @property
    def registers(self) -> int:
        """Their number."""
        return len(INPUTS) + len(self.constants) + len(self.lines)


def encode(expression: Expression) -> EncodedExpression:
    """Return the lines of an expression; what occurs twice is computed once.

    Args:
        expression: of a positive and its negatives.

    Raises:
        UserError: it has a value for every negative instead of for every example, or a constant has no number.
    """
    if expression.slots:
        raise UserError(f"loss: expected a number for {', '.join(expression.slots)}, got none")
    if expression.level == Level.NEGATIVE:
        raise UserError(f"loss: expected a value for every example, got one for every negative, {expression}: reduce")
    numbers, operations = list[Expression](), list[Expression]()
    _collect(expression, numbers, operations, set())
    if not operations:  # a line is what has a value
        operations.append(expression + 0.0)
        numbers.append(operations[0].operands[1])
    place = {name: i for i, name in enumerate(INPUTS)}
    registers = {one: len(INPUTS) + i for i, one in enumerate([*numbers, *operations])}
    lines = []
    for one in operations:
        operands = list(one.operands)
        levels = [operand.level == Level.NEGATIVE for operand in operands]
        if levels == [False, True]:  # sums and products; a divisor is no row
            operands.reverse()
        where = [place.get(operand.name, registers.get(operand, -1)) for operand in operands]
        kind = NUMBERS if not any(levels) else ROWS if all(levels) else ROW_AND_NUMBER
        if OPERATIONS[one.name].is_reduction:
            kind = REDUCED
        lines.append((CODES[one.name], kind, where[0], where[-1]))
    constants = np.array([one.number for one in numbers], dtype=np.float64)
    return EncodedExpression(np.array(lines, dtype=np.int32), constants)


def _collect(
    expression: Expression, numbers: list[Expression], operations: list[Expression], seen: set[Expression]
) -> None:
    """Add the numbers of an expression, and its operations, each behind those that it needs."""
    if expression in seen or expression.name in INPUTS:
        return
    seen.add(expression)
    for one in expression.operands:
        _collect(one, numbers, operations, seen)
    (operations if expression.name else numbers).append(expression)
