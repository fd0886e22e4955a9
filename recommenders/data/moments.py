"""Points in time, in full: whole numbers as far as 64 bits go, and what is beyond them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: No time is so far from zero.
LIMIT = 2**63


@dataclass(frozen=True)
class Moments:
    """Times of some rows: their order is all that they are for, so nothing of them is cut off."""

    whole: np.ndarray
    """[n] int64, no larger than the time; 0 where there is none."""
    beyond: np.ndarray | None = None
    """[n] float64 from 0 to 1, what is left of the time; None where all are whole."""
    missing: np.ndarray | None = None
    """[n] whether there is no time; None where all rows have one."""
    huge: np.ndarray | None = None
    """[n] whether a time is too large for 64 bits; None where none is."""

    def has(self, row: int) -> bool:
        """Whether this row has a time."""
        return self.missing is None or not self.missing[row]

    @classmethod
    def of_numbers(cls, numbers: np.ndarray) -> Moments:
        """[n] float64 as it is; what is not finite is missing."""
        missing = ~np.isfinite(numbers)
        huge = ~missing & (np.abs(numbers) >= LIMIT)
        good = np.where(missing | huge, 0, numbers)
        floor = np.floor(good)
        return cls(floor.astype(np.int64), _unless_zero(good - floor), _if_any(missing), _if_any(huge))

    @classmethod
    def of_ticks(cls, ticks: np.ndarray, per_second: int, missing: np.ndarray | None = None) -> Moments:
        """Dates as seconds.

        Args:
            ticks: [n] int64 since 1970.
            per_second: how many of them a second has.
            missing: [n] whether there is no date.
        """
        ticks = ticks if missing is None else np.where(missing, 0, ticks)
        if per_second == 1:
            return cls(ticks, None, missing)
        return cls(ticks // per_second, _unless_zero((ticks % per_second) / per_second), missing)

    @property
    def exact(self) -> bool:
        """Whether numbers that were float64 once have lost nothing: no fraction, and few enough digits."""
        return self.beyond is None and self.huge is None and bool((np.abs(self.whole) < 2**53).all())


def in_order(whole: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """[n] int64 in the order of the times, equal where they are: the place of each among the distinct ones.

    Args:
        whole: [n] int64, used up.
        beyond: [n] float64, used up.
    """
    order = np.lexsort((beyond, whole))
    changes = np.zeros(len(order), dtype=bool)
    for column in (whole, beyond):
        column[:] = column[order]
        changes[1:] |= column[1:] != column[:-1]
    whole[order] = np.cumsum(changes)
    return whole


def _unless_zero(beyond: np.ndarray) -> np.ndarray | None:
    return beyond if beyond.any() else None


def _if_any(rows: np.ndarray) -> np.ndarray | None:
    return rows if rows.any() else None
