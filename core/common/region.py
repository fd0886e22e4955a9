"""Where a number is tuned."""

from __future__ import annotations

from typing import NamedTuple

#: Digits that a tuned number keeps.
_DIGITS = 4


class Range(NamedTuple):
    """The region of a number that is tuned."""

    low: float
    high: float
    log: bool
    """Whether by its logarithm."""

    def at(self, share: float) -> float:
        """Return the number at a share from 0 to 1 of the way from low to high, with few digits."""
        if self.log:
            return short(self.low ** (1 - share) * self.high**share)
        return short(self.low + share * (self.high - self.low))


def short(value: float) -> float:
    """Return a number with few digits, so that the line of what was tuned is short."""
    return float(f"{value:.{_DIGITS}g}")
