"""Expressions as lines for compiled code."""

from __future__ import annotations

from collections import Counter
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
    """[L, 7] int32: code, kind of operands, and their registers; an operation of one operand has it twice. Of a
    function of rows, f(x * scale + shift) * factor, then the registers of these three numbers."""
    constants: np.ndarray
    """[K] float64, in the registers behind the inputs."""

    @property
    def registers(self) -> int:
        """Their number."""
        return len(INPUTS) + len(self.constants) + len(self.lines)


def encode(expression: Expression) -> EncodedExpression:
    """Return the lines of an expression; what occurs twice is computed once, but for what is part of a function's line.

    Args:
        expression: of a positive and its negatives.

    Raises:
        UserError: it has a value for every negative instead of for every example, or a constant has no number.
    """
    if expression.slots:
        raise UserError(f"loss: expected a number for {', '.join(expression.slots)}, got none")
    if expression.level == Level.NEGATIVE:
        raise UserError(f"loss: expected a value for every example, got one for every negative, {expression}: reduce")
    every = list(dict.fromkeys(expression.walk()))
    uses = Counter(operand for one in every for operand in one.operands)
    numbers, operations = list[Expression](), dict[Expression, _Function | None]()
    _collect(expression, numbers, operations, uses)
    if not operations:  # a line is what has a value
        operations[expression + 0.0] = None
        numbers += [one for one in next(iter(operations)).operands[1:] if one not in numbers]
    place = {name: i for i, name in enumerate(INPUTS)}
    registers = {one: len(INPUTS) + i for i, one in enumerate([*numbers, *operations])}
    lines = []
    for one, function in operations.items():
        if function is not None:
            x = place.get(function.operand.name, registers.get(function.operand, -1))
            lines.append((CODES[function.name], ROWS, x, x, *(registers[number] for number in function[2:])))
            continue
        operands = list(one.operands)
        levels = [operand.level == Level.NEGATIVE for operand in operands]
        if levels == [False, True]:  # sums and products; a divisor is no row
            operands.reverse()
        where = [place.get(operand.name, registers.get(operand, -1)) for operand in operands]
        kind = NUMBERS if not any(levels) else ROWS if all(levels) else ROW_AND_NUMBER
        if OPERATIONS[one.name].is_reduction:
            kind = REDUCED
        lines.append((CODES[one.name], kind, where[0], where[-1], 0, 0, 0))
    constants = np.array([one.number for one in numbers], dtype=np.float64)
    return EncodedExpression(np.array(lines, dtype=np.int32), constants)


class _Function(NamedTuple):
    """A function of rows with the numbers around it, f(x * scale + shift) * factor: one pass over a register."""

    name: str
    operand: Expression
    scale: Expression
    shift: Expression
    factor: Expression


_ZERO, _ONE = Expression("", number=0.0), Expression("", number=1.0)


def _function(one: Expression, uses: Counter[Expression]) -> _Function | None:
    """Return an expression as a function of rows with numbers around it, if it is one; a shared one has no factor."""
    factor, function = _apart(one, "mul", _ONE)
    if uses[function] > 1:
        factor, function = _ONE, one
    row = OPERATIONS.get(function.name)
    if row is None or row.function is None or function.level != Level.NEGATIVE:
        return None
    shift, operand = _apart(function.operands[0], "add", _ZERO)
    scale, operand = _apart(operand, "mul", _ONE)
    return _Function(function.name, operand, scale, shift, factor)


def _apart(one: Expression, operation: str, neutral: Expression) -> tuple[Expression, Expression]:
    """Return the number and the row that a sum or product is made of, else what changes nothing and the expression."""
    if one.name == operation and one.level == Level.NEGATIVE:
        for number, row in (one.operands, one.operands[::-1]):
            if not number.name:
                return number, row
    return neutral, one


def _collect(
    expression: Expression,
    numbers: list[Expression],
    operations: dict[Expression, _Function | None],
    uses: Counter[Expression],
) -> None:
    """Add the numbers of an expression, and its operations, each behind those that it needs."""
    if expression in operations or expression in numbers or expression.name in INPUTS:
        return
    function = _function(expression, uses)
    for one in expression.operands if function is None else function[1:]:
        _collect(one, numbers, operations, uses)
    if expression.name:
        operations[expression] = function
    else:
        numbers.append(expression)
