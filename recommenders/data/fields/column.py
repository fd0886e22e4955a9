"""A column of a table of fields: numbers, or categories as codes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

#: Codes of categories: a missing value, one that was never seen before; others follow.
MISSING, UNSEEN, FIRST = 0, 1, 2
#: A column of text with more different values is hashed into so many buckets.
MOST_CATEGORIES, BUCKETS = 10**6, 2**20


@dataclass(frozen=True, eq=False)
class FieldColumn:
    """A column of a table of fields."""

    name: str
    """Its name in the table."""
    values: np.ndarray
    """[n] float64 of numbers, NaN where missing; of categories codes, uint16 or uint32."""
    categories: tuple[str, ...] | None = None
    """The text of each code from FIRST on; None for numbers, and where values are hashed."""

    @property
    def is_number(self) -> bool:
        """Whether it has numbers."""
        return self.values.dtype.kind == "f"

    @property
    def is_hashed(self) -> bool:
        """Whether its values have become buckets, see `bucket`."""
        return not self.is_number and self.categories is None

    @property
    def kind(self) -> str:
        """Return number, category or hashed."""
        return "number" if self.is_number else "hashed" if self.is_hashed else "category"

    @property
    def n_codes(self) -> int:
        """The number of codes of a category, whether a row has them or not."""
        return FIRST + (BUCKETS if self.categories is None else len(self.categories))

    def taken(self, rows: np.ndarray | slice) -> FieldColumn:
        """Return the column with these rows [m], numbers or a slice of them."""
        return FieldColumn(self.name, self.values[rows], self.categories)


def bucket(text: str) -> int:
    """Return the bucket of a value of a hashed column: the same for whoever asks, on any machine."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") % BUCKETS


def code_type(n_codes: int) -> type[np.uint16] | type[np.uint32]:
    """Return the smallest type that holds so many codes."""
    return np.uint16 if n_codes <= 2**16 else np.uint32
