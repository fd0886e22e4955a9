"""Bound the values of a program's lines, so that exports can leave out clamps and signs that have no effect.

Interval arithmetic over predictions and labels in [0, 1]: the bounds hold for every pair, and may be too wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.losses.loss import ProgramLoss
from core.programs.line import EPSILON, Line
from core.programs.operators import OPERATORS
from core.programs.operators.writing import Form, Range
from core.programs.space import OperatorSpace

#: A clamp is left out only if the result stays inside its bounds by this relative margin, because of rounding.
_MARGIN = 1e-3


@dataclass(frozen=True)
class BoundedLine:
    """A canonical line with the bounds of its values."""

    line: Line
    operands: tuple[Range, ...]
    """Bounds of the operands."""
    result: Range
    """Bounds of the result after the clamp."""
    clamped: bool
    """Whether the clamp may change the result."""

    @property
    def form(self) -> Form:
        """The form in which exports write the line."""
        return OPERATORS[self.line.operator].form(*self.operands)


def bounded_lines(loss: ProgramLoss) -> tuple[BoundedLine, ...]:
    """Return the canonical lines of a loss with their bounds."""
    program, epsilon = loss.program.canonical, loss.smoothing
    known: dict[str, Range] = {"y_hat": (0.0, 1.0), "y": (0.0, 1.0), "1": (1.0, 1.0), EPSILON: (epsilon, epsilon)}
    slots, bounded = [known[name] for name in program.inputs], []
    for line in program.lines:
        operands = tuple(slots[o] for o in line.operands)
        row = OPERATORS[line.operator]
        raw = _checked(row.bounds(epsilon, *operands))
        clamped = not row.transparent and not _stays_inside(raw, loss.space)
        result = _clamped(raw, loss.space) if clamped else raw
        slots.append(result)
        bounded.append(BoundedLine(line, operands, result, clamped))
    return tuple(bounded)


def _checked(bounds: Range) -> Range:
    """Return the bounds; infinite ones if a bound is NaN, as after infinity minus infinity."""
    return (-math.inf, math.inf) if any(map(math.isnan, bounds)) else bounds


def _stays_inside(x: Range, space: OperatorSpace) -> bool:
    least, most = space.xi * (1 + _MARGIN), (1 - _MARGIN) / space.xi
    if space.clamp == "none":
        return True
    positive, negative = least < x[0] and x[1] < most, -most < x[0] and x[1] < -least
    return positive or (negative and space.clamp == "signed")


def _clamped(x: Range, space: OperatorSpace) -> Range:
    def end(value: float) -> float:
        if space.clamp == "paper":
            return min(max(value, space.xi), 1 / space.xi)
        return math.copysign(min(max(abs(value), space.xi), 1 / space.xi), value if value else 1.0)

    return end(x[0]), end(x[1])
