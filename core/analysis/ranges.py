"""Between which bounds the lines of a program stay, so that a person is shown no more of it than matters.

Interval arithmetic over predictions and labels in [0, 1]: bounds hold for every pair, and may be wider than need be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from core.losses.loss import ProgramLoss
from core.programs.line import EPSILON, Line
from core.programs.space import OperatorSpace

#: How far inside its bounds a result has to stay for the clamp to be left out: rounding must not bring it back.
_MARGIN = 1e-3
#: An interval [low, high].
Range = tuple[float, float]


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


def bounded_lines(loss: ProgramLoss) -> tuple[BoundedLine, ...]:
    """The canonical lines of a loss with their bounds."""
    program, epsilon = loss.program.canonical, loss.smoothing
    known: dict[str, Range] = {"y_hat": (0.0, 1.0), "y": (0.0, 1.0), "1": (1.0, 1.0), EPSILON: (epsilon, epsilon)}
    slots, bounded = [known[name] for name in program.inputs], []
    for line in program.lines:
        operands = tuple(slots[o] for o in line.operands)
        raw = _checked(_RANGES[line.operator](epsilon, *operands))
        clamped = line.operator != "identity" and not _stays_inside(raw, loss.space)
        result = _clamped(raw, loss.space) if clamped else raw
        slots.append(result)
        bounded.append(BoundedLine(line, operands, result, clamped))
    return tuple(bounded)


def _hull(*points: float) -> Range:
    return min(points), max(points)


def _product(x: Range, z: Range) -> Range:
    return _hull(*(0.0 if 0 in (a, b) else a * b for a in x for b in z))  # 0 times infinity: the bound is 0


def _odd(x: Range, of_magnitude: Callable[[float], float]) -> Range:
    """Of sign(x) f(|x|) with sign(0) = 1 and a monotone f: each side of zero from end to end."""
    ends = []
    if x[1] >= 0:
        ends += [of_magnitude(max(x[0], 0.0)), of_magnitude(x[1])]
    if x[0] < 0:
        ends += [-of_magnitude(-x[0]), -of_magnitude(max(-x[1], 0.0))]
    return _hull(*ends)


def _square(x: Range) -> Range:
    low, high = _hull(abs(x[0]), abs(x[1]))
    return (0.0 if x[0] <= 0 <= x[1] else low * low), high * high


#: operator -> (epsilon, bounds of its operands) -> bounds of its result before the clamp.
_RANGES: dict[str, Callable[..., Range]] = {
    "add": lambda e, x, z: (x[0] + z[0], x[1] + z[1]),
    "mul": lambda e, x, z: _product(x, z),
    "max": lambda e, x, z: (max(x[0], z[0]), max(x[1], z[1])),
    "min": lambda e, x, z: (min(x[0], z[0]), min(x[1], z[1])),
    "neg": lambda e, x: (-x[1], -x[0]),
    "identity": lambda e, x: x,
    "log": lambda e, x: _odd(x, lambda m: math.log(m + e)),
    "square": lambda e, x: _square(x),
    "reciprocal": lambda e, x: _odd(x, lambda m: 1 / (m + e)),
}


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
