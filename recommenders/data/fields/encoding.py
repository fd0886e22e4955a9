"""Encode the cells of a column while a table is read: as numbers where all are numbers, else as categories.

Whether a column of text has numbers is known at its end only. Until then it is kept as categories, of which there are
few; where there are many and all are numbers so far, it is taken for numbers from then on.
"""

from __future__ import annotations

import math

import numpy as np

from core.common.errors import UserError, format_value
from recommenders.data.columns import FIELD, Chunk, Column
from recommenders.data.fields.column import BUCKETS, FIRST, MISSING, MOST_CATEGORIES, FieldColumn, bucket, code_type

#: What is written for a number that is missing; for a category it is a value as any other.
MISSING_NUMBERS = frozenset({"", "?", "na", "n/a", "nan", "null", "none", "-"})
#: So many different numbers are no categories. Characters of all categories of a column.
_SURELY_NUMBERS, _MOST_CHARACTERS = 2**16, 2**27


class ColumnEncoder:
    """Encodes a column, chunk after chunk.

    Args:
        name: of the column.
        place: of the column, from 0.
        categorical: whether numbers are categories, too.
    """

    def __init__(self, name: str, place: int, categorical: bool = False) -> None:
        self.name, self._role, self._categorical = name, f"{FIELD}{place}", categorical
        self._parts: list[np.ndarray] = []
        self._codes: dict[str, int] = {}
        self._n_characters = 0
        self._way = "open"

    def add(self, chunk: Chunk) -> None:
        """Encode the rows of a chunk.

        Raises:
            UserError: a column with a great many numbers has something else, too.
        """
        column = chunk.columns[self._role]
        if not self._parts and not (self._categorical or column.is_text):
            self._way = "numbers"
        if self._way == "numbers":
            self._parts.append(self._numbers(column, chunk))
            return
        texts, index = column.ids()
        found = np.fromiter(map(self._code, texts), np.uint32, count=len(texts))
        self._parts.append(found[index])
        if self._way == "open" and not self._categorical and len(self._codes) > _SURELY_NUMBERS and self._are_numbers():
            self._become_numbers()
        elif len(self._codes) > MOST_CATEGORIES or self._n_characters > _MOST_CHARACTERS:
            self._become_hashed()

    def _code(self, cell: str) -> int:
        text = cell.strip()
        if not text:
            return MISSING
        if self._way == "hashed":
            return FIRST + bucket(text)
        code = self._codes.get(text)
        if code is None:
            code = self._codes[text] = FIRST + len(self._codes)
            self._n_characters += len(text)
        return code

    def _numbers(self, column: Column, chunk: Chunk) -> np.ndarray:
        """Return [n] numbers; dates are seconds since 1970."""
        if column.is_date:
            times = column.times()
            numbers = times.whole + (0.0 if times.fraction is None else times.fraction)
            return numbers if times.missing is None else np.where(times.missing, math.nan, numbers)
        numbers = column.numbers()
        if column.is_text and not np.isfinite(numbers).all():
            texts, index = column.ids()
            bad = np.array([_number(one) is None for one in texts])[index]
            if bad.any():
                row = int(bad.argmax())
                raise UserError(
                    f"{chunk.location(row)}: column {format_value(self.name)}: a number expected, as in all rows before"
                    f", got {chunk.cell(self._role, row)}; name it in categorical if its values are names"
                )
        return numbers

    def _are_numbers(self) -> bool:
        return all(_number(one) is not None for one in self._codes)

    def _become_numbers(self) -> None:
        numbers = self._as_numbers()
        self._way, self._parts = "numbers", [numbers[part] for part in self._parts]
        self._codes = {}

    def _as_numbers(self) -> np.ndarray:
        """Return the number of each code, NaN where it is missing."""
        return np.array([math.nan] * FIRST + [_number(one) for one in self._codes], dtype=np.float64)

    def _become_hashed(self) -> None:
        buckets = np.array([MISSING] * FIRST + [FIRST + bucket(one) for one in self._codes], np.uint32)
        self._way, self._parts = "hashed", [buckets[part] for part in self._parts]
        self._codes, self._n_characters = {}, 0

    def build(self) -> FieldColumn:
        """Return the column. The encoder is used up."""
        values = np.concatenate(self._parts) if self._parts else np.zeros(0, np.uint32)
        self._parts, codes, self._codes = [], self._codes, {}
        if self._way == "numbers":
            return FieldColumn(self.name, values.astype(np.float64, copy=False))
        if self._way == "hashed":
            return FieldColumn(self.name, values.astype(code_type(FIRST + BUCKETS), copy=False))
        self._codes = codes
        has_numbers = any(one.lower() not in MISSING_NUMBERS for one in codes)
        if has_numbers and not self._categorical and self._are_numbers():
            return FieldColumn(self.name, self._as_numbers()[values])
        return FieldColumn(self.name, values.astype(code_type(FIRST + len(codes)), copy=False), tuple(codes))


def _number(text: str) -> float | None:
    """Return a number, NaN for a missing one; None for another text."""
    text = text.strip()
    if text.lower() in MISSING_NUMBERS:
        return math.nan
    if "_" in text:  # Python reads 1_000
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
