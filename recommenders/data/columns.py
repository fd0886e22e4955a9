"""Columns of a table as Arrow arrays: which types fit which role, and cells as ids, numbers, times or text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.common.errors import UserError, format_value, in_a_line
from recommenders.data.ids import id_text
from recommenders.data.timestamps import Timestamps, parse_floats, parse_timestamps

_TICKS_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_SECONDS_PER_DAY = 24 * 3600
#: With what the role of a column begins that is a field, see `recommenders.data.fields`; its place follows.
FIELD = "field "
#: {bits of a float: first whole number that may stand for several ids}.
_EXACT_BELOW = {16: 2**11, 32: 2**24, 64: 2**53}


class Column:
    """The cells of one column in one chunk of a table.

    Args:
        array: [n] text, numbers, dates, booleans or UUIDs, or a dictionary array of these; missing cells are null.
    """

    def __init__(self, array: pa.Array) -> None:
        if _is_uuid(array.type):
            array = pa.array([None if one is None else str(one) for one in array.to_pylist()], pa.string())
        self._is_half = pa.types.is_float16(_value_type(array.type))
        if self._is_half:  # most of Arrow's functions do not take 16 bits
            array = _decode(array).cast(pa.float32())
        if pa.types.is_string_view(_value_type(array.type)):  # nor views of strings, which polars has
            array = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
            array = pa.DictionaryArray.from_arrays(array.indices, array.dictionary.cast(pa.large_string()))
        self._array = array

    @property
    def is_text(self) -> bool:
        """Whether cells are text."""
        return is_text(self._array.type)

    @property
    def is_date(self) -> bool:
        """Whether cells have a type of dates; text that looks like dates is text."""
        return _is_date(_value_type(self._array.type))

    def ids(self) -> tuple[list[str], np.ndarray]:
        """Return the distinct cells as text ("" where missing), and [n] the index of each row's cell among them."""
        if not pa.types.is_dictionary(self._array.type):
            encoded = self._array.dictionary_encode(null_encoding="encode")
            return self._id_texts(encoded.dictionary), encoded.indices.to_numpy()
        # values that no row has are left out; the others keep their order, so that looking them up takes less time
        values, n = self._array.dictionary, len(self._array.dictionary)
        index = self._array.indices.cast(pa.int64()).fill_null(n).to_numpy()
        used = np.bincount(index, minlength=n + 1) > 0
        return self._id_texts(values.filter(pa.array(used[:n]))) + [""] * int(used[n]), (np.cumsum(used) - 1)[index]

    def _id_texts(self, values: pa.Array) -> list[str]:
        if pa.types.is_integer(values.type):
            values = values.cast(pa.string())
        if is_text(values.type):
            return [one or "" for one in values.to_pylist()]
        if pa.types.is_float32(values.type):  # Python has floats of 64 bits only
            numbers = values.to_numpy(zero_copy_only=False)
            return [id_text(one) for one in (numbers.astype(np.float16) if self._is_half else numbers)]
        return [id_text(one) for one in values.to_pylist()]

    def numbers(self) -> np.ndarray:
        """Return [n] float64, not finite where a cell is not a number."""
        if self.is_text:
            return parse_floats(self._filled)
        array = _decode(self._array)
        if pa.types.is_boolean(array.type):
            array = array.cast(pa.uint8())
        numbers: np.ndarray = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return numbers

    def times(self) -> Timestamps:
        """Return numbers without loss of digits, and dates (unless they are text) as seconds since 1970."""
        array = _decode(self._array)
        if self.is_text or pa.types.is_decimal(array.type):
            return parse_timestamps(self._filled)
        if pa.types.is_unsigned_integer(array.type):  # one that int64 does not hold becomes a float, and overflows
            array = array.cast(pa.int64() if int(pc.max(array).as_py() or 0) < 2**63 else pa.float64(), safe=False)
        if not (pa.types.is_integer(array.type) or self.is_date):
            return Timestamps.from_floats(array.cast(pa.float64()).to_numpy(zero_copy_only=False))
        missing = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
        is_days = pa.types.is_date32(array.type)
        ticks = (array.cast(pa.int32()) if is_days else array).cast(pa.int64()).fill_null(0)
        counted = ticks.to_numpy(zero_copy_only=False)
        if is_days or not self.is_date:
            return Timestamps.from_ticks(counted * _SECONDS_PER_DAY if is_days else counted, 1, missing)
        return Timestamps.from_ticks(counted, _TICKS_PER_SECOND[getattr(array.type, "unit", "ms")], missing)

    def texts(self) -> pd.Series:
        """Return [n] cells as text, "" where missing."""
        return pd.Series(self._filled.to_numpy(zero_copy_only=False), dtype=object)

    def is_empty(self) -> np.ndarray:
        """Return [n] whether a cell of text is missing or "" (a blank is not)."""
        empty: np.ndarray = pc.equal(self._filled, "").to_numpy(zero_copy_only=False)
        return empty

    @cached_property
    def _filled(self) -> pa.Array:
        """[n] text, "" where missing."""
        array = _decode(self._array).cast(pa.string())
        return array.fill_null("") if array.null_count else array

    def cell(self, row: int) -> str:
        """Return the cell of a row (from 0) as messages show it."""
        value = self._array[row].as_py()
        return "an empty cell" if value is None or not str(value).strip() else format_value(value)


@dataclass(frozen=True)
class Chunk:
    """Some rows of a table."""

    table: str
    """The table's name in messages."""
    unit: str
    """What row numbers count: line or row."""
    numbers: Sequence[int] | np.ndarray
    """[n] the number of each row, from 1: that of the line it begins in, or of the row itself."""
    columns: Mapping[str, Column]
    """{role: column}."""
    names: Mapping[str, str] = field(default_factory=dict)
    """{role: name of its column}; empty where columns have no names."""

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.numbers)

    def location(self, row: int) -> str:
        """Return where a row (from 0) is, for a message: "ratings.csv line 7"."""
        return f"{self.table} {self.unit} {self.numbers[row]}"

    def cell(self, role: str, row: int) -> str:
        """Return a cell as messages show it.

        Args:
            role: of its column.
            row: from 0.
        """
        return self.columns[role].cell(row)


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a type is text, or a dictionary of text."""
    inner = _value_type(kind)
    return pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_string_view(inner)


def is_number(kind: pa.DataType) -> bool:
    """Tell whether a type is a number, a dictionary of numbers, or null."""
    inner = _value_type(kind)
    known = pa.types.is_integer(inner) or pa.types.is_floating(inner) or pa.types.is_decimal(inner)
    return known or pa.types.is_null(inner)


def _is_date(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def _is_uuid(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.uuid"


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _decode(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def check_type(table: str, column: str, role: str, kind: pa.DataType) -> None:
    """Refuse a column whose type does not fit its role.

    Args:
        table: the table's name in messages.
        column: the column's name.
        role: user, item, rating, timestamp or part; or FIELD, which may be anything that has values to compare.
        kind: the type of its cells.

    Raises:
        UserError: the type does not fit.
    """
    fits = is_text(kind) or (is_number(kind) and role != "part")
    fits = fits or (role == "timestamp" and _is_date(_value_type(kind)))
    fits = fits or (role == "rating" and pa.types.is_boolean(kind)) or (role in ("user", "item") and _is_uuid(kind))
    fits = fits or (role.startswith(FIELD) and (_is_date(kind) or pa.types.is_boolean(kind) or _is_uuid(kind)))
    if not fits:
        wanted = {"part": "text", "timestamp": "numbers, dates or text"}.get(role, "numbers or text")
        is_field = role.startswith(FIELD)
        raise UserError(
            f"{table}: column {format_value(column)}: {wanted} expected{'' if is_field else f' for {role}'}, got "
            f"{in_a_line(str(kind), 80)}; convert it, or {'leave it out' if is_field else 'name another column'}"
        )


def check_exact(table: str, column: str, role: str, array: pa.Array) -> None:
    """Refuse ids that are floats so large that neighbouring whole numbers become one.

    Args:
        table: the table's name in messages.
        column: the column's name.
        role: of the column; only user and item are checked.
        array: [n] some of its cells.

    Raises:
        UserError: there is such an id, or an infinite one.
    """
    if role not in ("user", "item") or not pa.types.is_floating(_value_type(array.type)):
        return
    if pa.types.is_dictionary(array.type):  # it may have values that no row has
        array = array.dictionary.take(pc.unique(array.indices.drop_null()))
    numbers = np.abs(array.drop_null().to_numpy(zero_copy_only=False))
    numbers = numbers[~np.isnan(numbers)]
    if not np.isfinite(numbers).all():
        raise UserError(
            f"{table}: column {format_value(column)}: finite numbers expected for {role}, got inf; leave out the "
            "rows with it"
        )
    limit = _EXACT_BELOW[array.type.bit_width]
    if len(numbers) and numbers.max() >= limit:
        raise UserError(
            f"{table}: column {format_value(column)}: as floats of {array.type.bit_width} bits, {role}s below {limit} "
            f"expected, got {numbers.max():.0f}, which may stand for several; keep them as whole numbers or as text"
        )
