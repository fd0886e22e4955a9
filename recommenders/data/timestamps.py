"""Timestamps without loss of digits: whole numbers of 64 bits, and fractions beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

#: The first whole number that int64 does not hold.
LIMIT = 2**63
#: A decimal number whose whole part uint64 holds (int64 perhaps not).
_DECIMAL = r"^\s*(?P<sign>[+-]?)(?P<whole>[0-9]{1,19})(?:[.](?P<fraction>[0-9]*))?\s*$"


@dataclass(frozen=True)
class Timestamps:
    """Times of some rows. Only their order is used, so every digit counts."""

    whole: np.ndarray
    """[n] int64, the time rounded down; 0 where missing."""
    fraction: np.ndarray | None = None
    """[n] float64 in [0, 1], the rest of the time; None where all times are whole."""
    missing: np.ndarray | None = None
    """[n] bool, whether a row has no time; None where all have one."""
    overflow: np.ndarray | None = None
    """[n] bool, whether int64 does not hold the time; None where it holds all."""

    def has(self, row: int) -> bool:
        """Tell whether a row (from 0) has a time."""
        return self.missing is None or not self.missing[row]

    @classmethod
    def from_floats(cls, numbers: np.ndarray) -> Timestamps:
        """Make timestamps of [n] float64; those that are not finite are missing."""
        missing = ~np.isfinite(numbers)
        overflow = ~missing & (np.abs(numbers) >= LIMIT)
        good = np.where(missing | overflow, 0, numbers)
        floor = np.floor(good)
        return cls(floor.astype(np.int64), _none_if_zero(good - floor), _none_if_zero(missing), _none_if_zero(overflow))

    @classmethod
    def from_ticks(cls, ticks: np.ndarray, per_second: int, missing: np.ndarray | None = None) -> Timestamps:
        """Make timestamps in seconds of dates.

        Args:
            ticks: [n] int64 since 1970.
            per_second: ticks in a second.
            missing: [n] bool, whether a row has no date.
        """
        ticks = ticks if missing is None else np.where(missing, 0, ticks)
        if per_second == 1:
            return cls(ticks, None, missing)
        return cls(ticks // per_second, _none_if_zero((ticks % per_second) / per_second), missing)

    @property
    def is_exact(self) -> bool:
        """Whether floats lost nothing on their way here: no fraction, and few enough digits."""
        return self.fraction is None and self.overflow is None and bool((np.abs(self.whole) < 2**53).all())


def parse_floats(text: pa.Array) -> np.ndarray:
    """Return [n] text as float64, not finite where it is not a number.

    Arrow is many times as fast as pandas, but refuses a whole column for one cell that is not a number.
    """
    numbers: np.ndarray
    try:
        numbers = text.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        numbers = pd.to_numeric(pd.Series(text.to_pylist(), dtype=object), errors="coerce").to_numpy(dtype=np.float64)
    return numbers


def parse_timestamps(text: pa.Array) -> Timestamps:
    """Return [n] text as numbers, missing where it is none.

    Integers come first, because float64 does not hold nanoseconds since 1970.
    """
    try:
        whole = text.cast(pa.int64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        whole = None
    if whole is not None and not pc.any(pc.match_substring_regex(text, "[xX]")).as_py():  # 0x10 is not a time
        return Timestamps(whole)
    rounded = Timestamps.from_floats(parse_floats(text))
    if rounded.is_exact and not pc.any(pc.match_substring_regex(text, "[.]0*[1-9]")).as_py():
        return rounded
    return _with_all_digits(text, rounded)


def _with_all_digits(text: pa.Array, rounded: Timestamps) -> Timestamps:
    """Replace the nearest float by the digits of each cell that is a plain decimal number."""
    parts = pc.extract_regex(text, _DECIMAL)
    known = parts.is_valid().to_numpy(zero_copy_only=False)
    sign, digits, rest = (parts.field(name).filter(parts.is_valid()) for name in ("sign", "whole", "fraction"))
    negative = pc.equal(sign, "-").to_numpy(zero_copy_only=False)
    number = digits.cast(pa.uint64()).to_numpy(zero_copy_only=False)
    left = pc.binary_join_element_wise("0.", rest, "0", "").cast(pa.float64()).to_numpy(zero_copy_only=False)
    down = negative & (left > 0)  # rounded down to the next whole number
    whole = rounded.whole.copy()
    fraction = np.zeros(len(known)) if rounded.fraction is None else rounded.fraction.copy()
    overflow = np.zeros(len(known), dtype=bool) if rounded.overflow is None else rounded.overflow.copy()
    overflow[known] = number > np.uint64(LIMIT - 1) + (negative & ~down)
    # two's complement: -2^63 has no positive counterpart
    whole[known] = (np.where(negative, 0 - number, number) - down).view(np.int64)
    fraction[known] = np.where(down, 1 - left, left)
    return Timestamps(whole, fraction, rounded.missing, _none_if_zero(overflow))


def dense_rank(whole: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Return [n] int64, the index of each time among the distinct times in order.

    Args:
        whole: [n] int64, overwritten with the result.
        fraction: [n] float64, overwritten.
    """
    order = np.lexsort((fraction, whole))
    changes = np.zeros(len(order), dtype=bool)
    for column in (whole, fraction):
        column[:] = column[order]
        changes[1:] |= column[1:] != column[:-1]
    whole[order] = np.cumsum(changes)
    return whole


def _none_if_zero(values: np.ndarray) -> np.ndarray | None:
    return values if values.any() else None
