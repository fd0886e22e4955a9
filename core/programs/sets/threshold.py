"""The score up to which negatives do nothing in a set-wise loss: what lets nearly all of them be left alone unread."""

from __future__ import annotations

import math

from core.programs.sets.expression import Expression, Level, N


def threshold_of(loss: Expression) -> float | None:
    """Return a score up to which negatives have no gradient, and all count as equal; None if there is none.

    Found where every negative stands in a relu(n - m) or relu((n - m)/t) with numbers m and t above 0: the least m.

    Args:
        loss: with numbers for all constants.
    """
    found = _idle_up_to(loss)
    return found if math.isfinite(found) else None


def _idle_up_to(one: Expression) -> float:
    if one.level == Level.EXAMPLE:
        return math.inf
    if one.name == "relu" and (margin := _margin(one.operands[0])) is not None:
        return margin
    return min(map(_idle_up_to, one.operands), default=-math.inf)


def _margin(one: Expression) -> float | None:
    """Return m of n - m, multiplied or not by a number above 0; only where rounding cannot move the sign."""
    if one == N:
        return 0.0
    if one.name not in ("add", "mul"):
        return None
    other, number = sorted(one.operands, key=lambda operand: not operand.name)
    if number.name:
        return None
    if one.name == "add":
        return -number.number if other == N else None
    return _margin(other) if number.number > 0 else None
