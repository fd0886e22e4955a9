"""A column whose cells have a type: what may be ids, ratings or times, and how it is read as such."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.common.errors import UserError, in_a_line, shown
from recommenders.data.columns import Column, TextColumn
from recommenders.data.ids import id_text
from recommenders.data.moments import Moments

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY = 24 * 3600
#: Whole numbers below this are told apart by floats of so many bits; above it one may stand for several ids.
_EXACT = {16: 2**11, 32: 2**24, 64: 2**53}


def is_text(kind: pa.DataType) -> bool:
    """Whether cells are text, or a dictionary of it."""
    inner = _inner(kind)
    return pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_string_view(inner)


def is_number(kind: pa.DataType) -> bool:
    """Whether cells are numbers, a dictionary of them, or nothing at all."""
    inner = _inner(kind)
    known = pa.types.is_integer(inner) or pa.types.is_floating(inner) or pa.types.is_decimal(inner)
    return known or pa.types.is_null(inner)


def _inner(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_date(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def _is_uuid(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.uuid"


def check_type(name: str, column: str, role: str, kind: pa.DataType) -> None:
    """Refuse a column that cannot play its role.

    Args:
        name: of the table.
        column: its name.
        role: what it should be: user, item, rating, timestamp or part.
        kind: the type of its cells.

    Raises:
        UserError: it cannot.
    """
    fits = is_text(kind) or (is_number(kind) and role != "part")
    fits = fits or (role == "timestamp" and _is_date(_inner(kind)))
    fits = fits or (role == "rating" and pa.types.is_boolean(kind)) or (role in ("user", "item") and _is_uuid(kind))
    if not fits:
        wanted = {"part": "text", "timestamp": "numbers, dates or text"}.get(role, "numbers or text")
        raise UserError(
            f"{name}: column {shown(column)}: {wanted} expected for {role}, got {in_a_line(str(kind), 80)}; "
            "convert it, or name another column"
        )


def check_exact(name: str, column: str, role: str, array: pa.Array) -> None:
    """Refuse ids that are floats too large to tell one whole number from the next.

    Args:
        name: of the table.
        column: its name.
        role: any; ids only are checked.
        array: some of its cells.

    Raises:
        UserError: there is such an id.
    """
    if role not in ("user", "item") or not pa.types.is_floating(_inner(array.type)):
        return
    if pa.types.is_dictionary(array.type):  # it may have values that no row has
        array = array.dictionary.take(pc.unique(array.indices.drop_null()))
    numbers = np.abs(array.drop_null().to_numpy(zero_copy_only=False))
    numbers = numbers[~np.isnan(numbers)]
    if not np.isfinite(numbers).all():
        raise UserError(
            f"{name}: column {shown(column)}: finite numbers expected for {role}, got inf; leave out the rows with it"
        )
    limit = _EXACT[array.type.bit_width]
    if len(numbers) and numbers.max() >= limit:
        raise UserError(
            f"{name}: column {shown(column)}: as floats of {array.type.bit_width} bits, {role}s below {limit} "
            f"expected, got {numbers.max():.0f}, which may stand for several; keep them as whole numbers or as text"
        )


class ArrowColumn(Column):
    """Cells of numbers or dates, or a dictionary of text.

    Args:
        array: without chunks.
    """

    def __init__(self, array: pa.Array) -> None:
        if _is_uuid(array.type):
            array = pa.array([None if one is None else str(one) for one in array.to_pylist()], pa.string())
        self._is_half = pa.types.is_float16(_inner(array.type))
        if self._is_half:  # most of what Arrow does knows none
            array = _decoded(array).cast(pa.float32())
        if is_text(array.type):
            array = _encoded(array)
        self._array = array

    def ids(self) -> tuple[list[str], np.ndarray]:
        """See Column."""
        array = self._array if pa.types.is_dictionary(self._array.type) else self._array.dictionary_encode()
        place = array.indices.fill_null(len(array.dictionary)).to_numpy(zero_copy_only=False).astype(np.int64)
        used = np.zeros(len(array.dictionary) + 1, dtype=bool)
        used[place] = True
        kept = array.dictionary.take(pa.array(np.flatnonzero(used[:-1])))
        return _named(kept, self._is_half) + [""] * bool(used[-1]), (np.cumsum(used) - 1)[place]

    def numbers(self) -> np.ndarray:
        """See Column."""
        texts = self.texts()
        if texts is not None:
            return TextColumn(texts).numbers()
        array = _decoded(self._array)
        if pa.types.is_boolean(array.type):
            array = array.cast(pa.uint8())
        numbers: np.ndarray = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return numbers

    def times(self) -> Moments:
        """See Column."""
        array, texts = _decoded(self._array), self.texts()
        if pa.types.is_decimal(array.type):
            texts = pd.Series(array.cast(pa.string()).fill_null("").to_pylist(), dtype=object)
        if texts is not None:
            return TextColumn(texts).times()
        if pa.types.is_unsigned_integer(array.type):  # one that is too large for the others becomes a huge float
            array = array.cast(pa.int64() if _max(array) < 2**63 else pa.float64(), safe=False)
        if not (pa.types.is_integer(array.type) or _is_date(array.type)):
            return Moments.of_numbers(array.cast(pa.float64()).to_numpy(zero_copy_only=False))
        missing = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
        if pa.types.is_date32(array.type):
            ticks, per_second = array.cast(pa.int32()).cast(pa.int64()), 1
        elif _is_date(array.type):
            ticks, per_second = array.cast(pa.int64()), _PER_SECOND[getattr(array.type, "unit", "ms")]
        else:
            ticks, per_second = array.cast(pa.int64()), 1
        counted = ticks.fill_null(0).to_numpy(zero_copy_only=False)
        return Moments.of_ticks(counted * _DAY if pa.types.is_date32(array.type) else counted, per_second, missing)

    @property
    def holds_dates(self) -> bool:
        """See Column."""
        return _is_date(_inner(self._array.type))

    def texts(self) -> pd.Series | None:
        """See Column."""
        if not is_text(self._array.type):
            return None
        return pd.Series(pc.fill_null(self._array.cast(pa.string()), "").to_pylist(), dtype=object)

    def shown(self, row: int) -> str:
        """See Column."""
        value = self._array[row].as_py()
        return "an empty cell" if value is None or not str(value).strip() else shown(value)


def _encoded(array: pa.Array) -> pa.DictionaryArray:
    """Text as a dictionary of plain strings: views of strings, which polars has, can do little."""
    array = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    if pa.types.is_string_view(array.type.value_type):
        return pa.DictionaryArray.from_arrays(array.indices, array.dictionary.cast(pa.large_string()))
    return array


def _decoded(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _named(values: pa.Array, is_half: bool) -> list[str]:
    """The ids that distinct cells name; `is_half` where they had 16 bits."""
    if pa.types.is_integer(values.type):
        values = values.cast(pa.string())
    if is_text(values.type):
        return [one or "" for one in values.to_pylist()]
    if pa.types.is_float32(values.type):  # Python has floats of 64 bits only
        numbers = values.to_numpy(zero_copy_only=False)
        return [id_text(one) for one in (numbers.astype(np.float16) if is_half else numbers)]
    return [id_text(one) for one in values.to_pylist()]


def _max(array: pa.Array) -> int:
    return int(pc.max(array).as_py() or 0)
