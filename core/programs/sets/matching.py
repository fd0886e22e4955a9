"""Which numbers for its constants make a loss with names for them another one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from core.programs.sets.expression import SLOT, Expression

_MINUS_ONE = Expression("", number=-1.0)


def numbers_of(shape: Expression, other: Expression) -> Mapping[str, float] | None:
    """Return numbers for the constants of a loss that make it another one; None if there are none.

    Sums and products may be written in another order, but not regrouped.

    Args:
        shape: the loss, with constants that have names.
        other: the one to be made of it.
    """
    return next(_readings(shape, other), None)


def _readings(shape: Expression, other: Expression) -> Iterator[dict[str, float]]:
    """Go through the ways to read one expression as another."""
    if SLOT.fullmatch(shape.name):
        if not other.name:
            yield {shape.name: other.number}
    elif shape.name == "div" and other.name == "mul":  # a number is divided by as a factor
        for one, factor in (other.operands, other.operands[::-1]):
            if not factor.name and factor.number:
                yield from _together(shape.operands, (one, Expression("", number=1 / factor.number)))
    elif shape.name == "mul" and shape.operands[1] == _MINUS_ONE and not other.name:
        yield from _readings(shape.operands[0], Expression("", number=-other.number))
    elif shape.name == other.name and len(shape.operands) == len(other.operands) and shape.number == other.number:
        yield from _together(shape.operands, other.operands)
        if shape.name in ("add", "mul"):
            yield from _together(shape.operands, other.operands[::-1])


def _together(shapes: Sequence[Expression], others: Sequence[Expression]) -> Iterator[dict[str, float]]:
    """Go through the ways to read all operands, in which a constant has one number wherever it stands."""
    for found in product(*(list(_readings(*pair)) for pair in zip(shapes, others, strict=True))):
        merged: dict[str, float] = {}
        if all(math.isclose(merged.setdefault(name, one[name]), one[name]) for one in found for name in one):
            yield merged
