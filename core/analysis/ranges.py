"""Between which bounds the lines of a program stay, so that a person is shown no more of it than matters.

Interval arithmetic over predictions and labels in [0, 1]: bounds hold for every pair, and may be wider than need be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.losses.loss import ProgramLoss
from core.programs.line import EPSILON, Line
from core.programs.operators import OPERATORS
from core.programs.operators.writing import Form, Range
from core.programs.space import OperatorSpace

#: How far inside its bounds a result has to stay for the clamp to be left out: rounding must not bring it back.
_MARGIN = 1e-3


@dataclass(frozen=True)
class BoundedLine:
    """A canonical line and what is known of it."""

    line: Line
    operands: tuple[Range, ...]
    """Bounds of its operands."""
    result: Range
    """Bounds of its result, the clamp included."""
    clamped: bool
    """Whether the clamp may change its result."""

    @property
    def form(self) -> Form:
        """How it is written."""
        return OPERATORS[self.line.operator].form(*self.operands)


def bounded_lines(loss: ProgramLoss) -> tuple[BoundedLine, ...]:
    """The canonical lines of a loss with their bounds."""
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
    """Anything, where infinities have met."""
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
