"""Data frames of any library: pandas', and whatever offers Arrow's or the data frame interface.

https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html (polars, pyarrow, narwhals, DuckDB and
more), https://data-apis.org/dataframe-protocol (older versions of them).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from numbers import Number
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import interchange

from core.common.errors import UserError, first_line, in_a_line, shown
from recommenders.data import arrow_table
from recommenders.data.arrow_column import check_exact, is_number
from recommenders.data.arrow_table import ArrowTable, told
from recommenders.data.columns import Piece
from recommenders.data.ids import id_text

#: A data frame of pandas, polars, pyarrow and others; what is none is refused when it is opened.
Frame: TypeAlias = Any
#: What a column of several kinds may hold, and what of that it may not.
_CELLS, _NO_CELLS = (str, Number, np.generic, date, UUID), (bytes, bool, np.bool_, complex, np.complexfloating)
#: What Arrow raises for cells that it has no type for.
_NOT_ARROWS = (pa.ArrowException, ValueError, TypeError, OverflowError)
_TAKEN = "the path of a file, or a data frame of pandas, polars, pyarrow or another library with Arrow's interface"


def as_table(source: object) -> Path | Frame:
    """A path as such, a frame as it is; what is neither is refused.

    Raises:
        UserError: it is no table.
    """
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        return Path(path if isinstance(path, str) else os.fsdecode(path))
    is_frame = any(hasattr(source, one) for one in ("__arrow_c_stream__", "__arrow_c_array__", "__dataframe__"))
    if isinstance(source, type) or not (is_frame or isinstance(source, pd.DataFrame)):
        raise refusal(source)
    return source


def refusal(source: object) -> UserError:
    """That something is no table, with what makes it one."""
    kind = type(source)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.split('.')[0]}'s {kind.__name__}"
    advice = next((f"; {advice}" for known, advice in _ADVICE.items() if known in kind.__name__.lower()), "")
    advice = advice or next((f"; call its {method}()" for method in _METHODS if hasattr(source, method)), "")
    return UserError(f"a table: expected {_TAKEN}, got {in_a_line(name, 80)}{advice}")


#: What to do with what is nearly a table, by a part of its type's name.
_ADVICE = {
    "series": "give a frame with a column for users and one for items",
    "array": "give a frame with a column for users and one for items",
    "lazyframe": "call its collect()",
    "dict": "pandas.DataFrame makes a frame of it",
    "list": "pandas.DataFrame makes a frame of it",
    "tuple": "pandas.DataFrame makes a frame of it",
    "stringio": "pandas.read_csv reads it",
    "bytesio": "pandas.read_csv reads it",
    "textiowrapper": "pandas.read_csv reads it",
    "bufferedreader": "pandas.read_csv reads it",
}
#: What makes a table of it, where it has that: data sets of pyarrow and of Hugging Face.
_METHODS = ("to_table", "to_pandas")


def frame_table(frame: Frame, name: str) -> ArrowTable:
    """A data frame as a table.

    Args:
        frame: see `as_table`.
        name: what messages call it.

    Raises:
        UserError: it is no table, or its library cannot hand it over.
    """
    if isinstance(frame, pd.DataFrame):
        return PandasTable(frame, name)
    try:
        if hasattr(frame, "__arrow_c_stream__") or hasattr(frame, "__arrow_c_array__"):
            table = pa.table(frame)
        else:
            table = interchange.from_dataframe(frame)
    except Exception as error:  # of any library
        if type(error).__module__.startswith("pyarrow") or isinstance(error, TypeError | ValueError):
            raise _unheld(frame, name) or refusal(frame) from None
        raise UserError(f"{name}: {refusal(frame)}: {first_line(error)}") from None
    return PyArrowTable(table, name)


def _unheld(frame: Frame, name: str) -> UserError | None:
    """That a column of a frame of polars' has a type that Arrow does not know; None where none has."""
    for column in getattr(frame, "columns", ()) if hasattr(frame, "get_column") else ():
        try:
            pa.table(frame.select(column))
        except (pa.ArrowException, TypeError, ValueError):
            got = in_a_line(str(frame.get_column(column).dtype), 80)
            return UserError(
                f"{name}: column {shown(column)}: expected a type that Arrow has, got {got}; cast it or leave it out"
            )
    return None


class PyArrowTable(ArrowTable):
    """A table of Arrow's.

    Args:
        table: whatever it was before.
        name: what messages call it.
    """

    def __init__(self, table: pa.Table, name: str) -> None:
        self.name, self._table = name, table
        self.columns, self.n_rows = list(table.column_names), table.num_rows

    def type_of(self, place: int) -> pa.DataType:
        """See ArrowTable."""
        return self._table.schema.types[place]

    def batches(self, places: Sequence[int]) -> Iterator[list[pa.Array]]:
        """See ArrowTable."""
        for start in range(0, self.n_rows, arrow_table.ROWS_AT_ONCE):
            some = self._table.slice(start, arrow_table.ROWS_AT_ONCE)
            with told(self.name):
                arrays = [_whole(some.column(place)) for place in places]
            yield arrays


class PandasTable(ArrowTable):
    """A data frame of pandas.

    Args:
        frame: its index does not matter, but for levels of it that have names: they are columns as well.
        name: what messages call it.
    """

    def __init__(self, frame: pd.DataFrame, name: str) -> None:
        levels = [level for level in frame.index.names if level is not None]
        if levels and not set(levels) & set(frame.columns) and len(set(levels)) == len(levels):
            frame = frame.reset_index(level=levels)
        self.name, self._frame = name, frame
        self.columns, self.n_rows = [str(column) for column in frame.columns], len(frame)
        self._mixed: dict[int, bool] = {}

    @property
    def numeric(self) -> frozenset[int]:
        """See ArrowTable. The first row tells, as in a file of text: there may be many columns that nobody asks for."""
        return frozenset(
            place for place in range(len(self.columns)) if _begins_with_number(self._frame.iloc[:1, place])
        )

    def type_of(self, place: int) -> pa.DataType:
        """See ArrowTable."""
        return self._array(place, 0, min(len(self._frame), 1)).type

    def pieces(self, places: Mapping[str, int]) -> Iterator[Piece]:
        """See ArrowTable."""
        for role in ("user", "item"):
            self._check_floats(role, places[role])
        yield from super().pieces(places)

    def batches(self, places: Sequence[int]) -> Iterator[list[pa.Array]]:
        """See ArrowTable."""
        for start in range(0, len(self._frame), arrow_table.ROWS_AT_ONCE):
            yield [self._array(place, start, start + arrow_table.ROWS_AT_ONCE) for place in places]

    def _is_mixed(self, place: int) -> bool:
        """All rows are asked, so that all pieces of a column are read alike."""
        if place not in self._mixed:
            self._mixed[place] = is_mixed(self._frame.iloc[:, place])
        return self._mixed[place]

    def _array(self, place: int, start: int, stop: int) -> pa.Array:
        cells = self._frame.iloc[start:stop, place]
        if not self._is_mixed(place):
            with suppress(*_NOT_ARROWS):
                return _typed(cells)
        return self._as_text(cells, start)

    def _as_text(self, cells: pd.Series, start: int) -> pa.Array:
        """Numbers, text and dates in one column, as text."""
        for row, one in enumerate(cells, start=start + 1):
            if not (one is pd.NA or one is None or isinstance(one, _CELLS)) or isinstance(one, _NO_CELLS):
                raise UserError(
                    f"{self.name} row {row}: column {shown(str(cells.name))}: numbers, text or dates expected, got "
                    f"{in_a_line(type(one).__name__, 80)}; convert it, or name another column"
                )
        with told(self.name):
            texts = [one if isinstance(one, str) else id_text(one) or None for one in cells]
            return _whole(pa.array(texts, pa.string()))

    def _check_floats(self, role: str, place: int) -> None:
        """The same as for a column of floats alone; as text they would not be known as such any more."""
        if self._is_mixed(place):
            found = [one for one in self._frame.iloc[:, place] if isinstance(one, float | np.floating)]
            for kind in {type(one) for one in found}:
                with told(self.name):
                    of_kind = pa.array([one for one in found if type(one) is kind], from_pandas=True)
                check_exact(self.name, self.columns[place], role, of_kind)


def is_mixed(cells: pd.Series) -> bool:
    """Whether Arrow would spoil objects: of several kinds it makes the first, without a word, and it cuts nanoseconds.

    Integers and floats are no such kinds: where one is spoiled by the other, Arrow says so.
    """
    if isinstance(cells.dtype, pd.CategoricalDtype):
        cells = pd.Series(cells.cat.categories)
    if cells.dtype != object:
        return False
    kinds = set(map(type, cells[cells.notna()]))
    if all(issubclass(kind, int | float | np.integer) and kind is not bool for kind in kinds):
        return False
    return len(kinds) > 1 or kinds == {pd.Timestamp}


def _begins_with_number(first: pd.Series) -> bool:
    with suppress(*_NOT_ARROWS):
        return is_number(_typed(first).type)
    return False


def _typed(cells: pd.Series) -> pa.Array:
    if isinstance(cells.dtype, pd.DatetimeTZDtype):  # Arrow takes it by an attribute that pandas gives up
        cells = cells.dt.tz_convert(None)
    if isinstance(cells.dtype, pd.SparseDtype):
        cells = cells.sparse.to_dense()
    if isinstance(cells.dtype, np.dtype) and not cells.dtype.isnative:
        cells = cells.astype(cells.dtype.newbyteorder())
    return _whole(pa.array(cells, from_pandas=True))


def _whole(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Without chunks; dictionaries of several chunks become one."""
    if not isinstance(array, pa.ChunkedArray):
        return array
    return array.unify_dictionaries().combine_chunks()
