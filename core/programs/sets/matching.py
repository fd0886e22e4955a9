"""Which numbers for its constants make a loss with names for them another one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.programs.sets.expression import Expression

_MINUS_ONE = Expression("", number=-1.0)


def numbers_of(shape: Expression, other: Expression) -> dict[str, float] | None:
    """Return numbers for the constants of a loss that make it another one; None where none are found.

    Sums and products may be written in another order, but not regrouped. Of each, the first order that fits is taken,
    so that the time grows with the size of the loss and not with the number of orders.

    Args:
        shape: the loss, with constants that have names.
        other: the one to be made of it.
    """
    if shape.is_slot:
        return None if other.name else {shape.name: other.number}
    orders = [other.operands]
    if shape.name == "div" and other.name == "mul":  # a number is divided by as a factor
        pairs = (other.operands, other.operands[::-1])
        orders = [(one, _number(1 / by.number)) for one, by in pairs if not by.name and by.number]
    elif shape.name == "mul" and shape.operands[1] == _MINUS_ONE and not other.name:
        orders = [(_number(-other.number), _MINUS_ONE)]
    elif (shape.name, shape.number, len(shape.operands)) != (other.name, other.number, len(other.operands)):
        return None
    elif shape.name in ("add", "mul"):
        orders.append(other.operands[::-1])
    return next((found for one in orders if (found := _together(shape.operands, one)) is not None), None)


def _number(value: float) -> Expression:
    return Expression("", number=value)


def _together(shapes: Sequence[Expression], others: Sequence[Expression]) -> dict[str, float] | None:
    """Return the numbers of all operands, where a constant has one number wherever it stands."""
    merged: dict[str, float] = {}
    for shape, other in zip(shapes, others, strict=True):
        found = numbers_of(shape, other)
        if found is None or not all(math.isclose(merged.setdefault(name, found[name]), found[name]) for name in found):
            return None
    return merged
