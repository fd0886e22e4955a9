"""A column of some rows, wherever it was read: as ids, as numbers, as text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.common.errors import shown
from recommenders.data.moments import LIMIT, Moments

#: A number of digits alone that 64 bits hold, if not always beside a sign.
_DIGITS = r"^\s*(?P<sign>[+-]?)(?P<whole>[0-9]{1,19})(?:[.](?P<beyond>[0-9]*))?\s*$"


class Column(ABC):
    """The cells of one column in some rows of a table."""

    @abstractmethod
    def ids(self) -> tuple[list[str], np.ndarray]:
        """The distinct cells as text, and the place of each row's among them.

        A missing cell is "". No cell is there that no row has.
        """

    @abstractmethod
    def numbers(self) -> np.ndarray:
        """[n] float64, not finite where a cell is no number."""

    @abstractmethod
    def times(self) -> Moments:
        """Numbers in full, missing where a cell is none; dates that a file keeps as such are seconds."""

    @abstractmethod
    def texts(self) -> pd.Series | None:
        """Cells as text, or None where the column holds numbers or dates."""

    @property
    def holds_dates(self) -> bool:
        """Whether cells are dates and no text."""
        return False

    @abstractmethod
    def shown(self, row: int) -> str:
        """A cell for a message."""


class TextColumn(Column):
    """Cells of text.

    Args:
        cells: a missing one counts as empty.
    """

    def __init__(self, cells: pd.Series) -> None:
        self._cells = cells

    @cached_property
    def filled(self) -> np.ndarray:
        """[n] whether a cell has something in it."""
        filled: np.ndarray = pc.not_equal(self._arrow, "").to_numpy(zero_copy_only=False)
        return filled

    def ids(self) -> tuple[list[str], np.ndarray]:
        """See Column."""
        encoded = self._arrow.dictionary_encode()
        return encoded.dictionary.to_pylist(), encoded.indices.to_numpy()

    def numbers(self) -> np.ndarray:
        """See Column. Arrow is many times as fast as pandas, but refuses a column for one cell that is no number."""
        numbers: np.ndarray
        try:
            numbers = self._arrow.cast(pa.float64()).to_numpy()
        except pa.ArrowInvalid:
            numbers = pd.to_numeric(self.texts(), errors="coerce").to_numpy(dtype=np.float64)
        return numbers

    def times(self) -> Moments:
        """See Column. Integers come first: no float of 64 bits holds a time in nanoseconds."""
        try:
            whole = self._arrow.cast(pa.int64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            whole = None
        if whole is not None and not pc.any(pc.match_substring_regex(self._arrow, "[xX]")).as_py():  # 0x10 is no time
            return Moments(whole)
        moments = Moments.of_numbers(self.numbers())
        is_whole = moments.exact and not pc.any(pc.match_substring_regex(self._arrow, "[.]0*[1-9]")).as_py()
        return moments if is_whole else self._in_full(moments)

    def _in_full(self, rough: Moments) -> Moments:
        """The digits of each cell instead of the nearest float, where it has nothing but digits."""
        parts = pc.extract_regex(self._arrow, _DIGITS)
        known = parts.is_valid().to_numpy(zero_copy_only=False)
        sign, digits, fraction = (parts.field(name).filter(parts.is_valid()) for name in ("sign", "whole", "beyond"))
        below = pc.equal(sign, "-").to_numpy(zero_copy_only=False)
        number = digits.cast(pa.uint64()).to_numpy(zero_copy_only=False)
        left = pc.binary_join_element_wise("0.", fraction, "0", "").cast(pa.float64()).to_numpy(zero_copy_only=False)
        down = below & (left > 0)  # to the next whole number
        whole, beyond = rough.whole.copy(), np.zeros(len(known)) if rough.beyond is None else rough.beyond.copy()
        huge = np.zeros(len(known), dtype=bool) if rough.huge is None else rough.huge.copy()
        huge[known] = number > np.uint64(LIMIT - 1) + (below & ~down)
        # two's complement: the largest number below zero has no counterpart above it
        whole[known] = (np.where(below, 0 - number, number) - down).view(np.int64)
        beyond[known] = np.where(down, 1 - left, left)
        return Moments(whole, beyond, rough.missing, huge if huge.any() else None)

    @cached_property
    def _arrow(self) -> pa.Array:
        array = pa.array(self._cells, pa.string(), from_pandas=True)
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        return array.fill_null("") if array.null_count else array

    def texts(self) -> pd.Series:
        """See Column."""
        return self._cells.fillna("")

    def shown(self, row: int) -> str:
        """See Column."""
        cell = self._arrow[row].as_py()
        return shown(cell) if cell.strip() else "an empty cell"


@dataclass(frozen=True)
class Piece:
    """Some rows of a table."""

    where: str
    """What a message about a row begins with; the row's number follows."""
    rows: Sequence[int] | np.ndarray
    """The number of each row, as a person counts: of the line that it begins in, or of the row."""
    columns: Mapping[str, Column]
    """By role."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What these columns are called, by role; nothing where they have no names."""

    def at(self, row: int) -> str:
        """Where a row is, for a message."""
        return f"{self.where} {self.rows[row]}"
