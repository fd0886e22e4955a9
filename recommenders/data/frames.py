"""Data frames of pandas, and of any library with Arrow's interface or the data frame interchange protocol.

https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html (polars, pyarrow, narwhals, DuckDB and
more), https://data-apis.org/dataframe-protocol (older versions of them).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
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

from core.common.errors import UserError, first_line, format_value, in_a_line
from recommenders.data import arrow_table
from recommenders.data.arrow_table import ArrowTable, one_line_errors
from recommenders.data.columns import Chunk, check_exact, is_number
from recommenders.data.ids import id_text
from recommenders.data.layout import Layout

#: A data frame of pandas, polars, pyarrow and others; anything else is refused when it is opened.
Frame: TypeAlias = Any
#: Types that a column of several types may have, and subtypes of these that it may not.
_CELLS, _NOT_CELLS = (str, Number, np.generic, date, UUID), (bytes, bool, np.bool_, complex, np.complexfloating)
#: Raised by Arrow for cells that it has no type for.
_UNSUPPORTED = (pa.ArrowException, ValueError, TypeError, OverflowError)
_ACCEPTED = "the path of a file, or a data frame of pandas, polars, pyarrow or another library with Arrow's interface"


def as_table(source: object) -> Path | Frame:
    """Return a path as a Path, and a data frame as it is.

    Raises:
        UserError: it is neither.
    """
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        return Path(path if isinstance(path, str) else os.fsdecode(path))
    is_frame = any(hasattr(source, one) for one in ("__arrow_c_stream__", "__arrow_c_array__", "__dataframe__"))
    if isinstance(source, type) or not (is_frame or isinstance(source, pd.DataFrame)):
        raise not_a_table(source)
    return source


def not_a_table(source: object) -> UserError:
    """Build the error for an object that is not a table, with advice how to make one of it."""
    kind = type(source)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.split('.')[0]}'s {kind.__name__}"
    advice = next((f"; {advice}" for known, advice in _ADVICE.items() if known in kind.__name__.lower()), "")
    advice = advice or next((f"; call its {method}()" for method in _METHODS if hasattr(source, method)), "")
    return UserError(f"a table: expected {_ACCEPTED}, got {in_a_line(name, 80)}{advice}")


#: {part of the name of a type: how to make a table of it}.
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
#: Methods that make a table, of data sets of pyarrow and of Hugging Face.
_METHODS = ("to_table", "to_pandas")


def wrap_frame(frame: Frame, name: str) -> ArrowTable:
    """Wrap a data frame as a table.

    Args:
        frame: see `as_table`.
        name: the table's name in messages.

    Raises:
        UserError: it is not a table, or its library cannot convert it to Arrow.
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
            raise _unsupported_column(frame, name) or not_a_table(frame) from None
        raise UserError(f"{name}: {not_a_table(frame)}: {first_line(error)}") from None
    return PyArrowTable(table, name)


def _unsupported_column(frame: Frame, name: str) -> UserError | None:
    """Build the error for a column of polars with a type that Arrow does not have; None if there is none."""
    for column in getattr(frame, "columns", ()) if hasattr(frame, "get_column") else ():
        try:
            pa.table(frame.select(column))
        except (pa.ArrowException, TypeError, ValueError):
            got = in_a_line(str(frame.get_column(column).dtype), 80)
            return UserError(
                f"{name}: column {format_value(column)}: expected a type that Arrow has, got {got}; cast it or leave "
                "it out"
            )
    return None


class PyArrowTable(ArrowTable):
    """A pyarrow table.

    Args:
        table: of any origin.
        name: the table's name in messages.
    """

    def __init__(self, table: pa.Table, name: str) -> None:
        self.name, self._table = name, table
        self.columns, self.n_rows = list(table.column_names), table.num_rows

    def type_of(self, place: int) -> pa.DataType:
        """See ArrowTable."""
        return self._table.schema.types[place]

    def batches(self, places: Sequence[int]) -> Iterator[list[pa.Array]]:
        """See ArrowTable."""
        for start in range(0, self.n_rows, arrow_table.CHUNK_ROWS):
            some = self._table.slice(start, arrow_table.CHUNK_ROWS)
            with one_line_errors(self.name):
                arrays = [_combine_chunks(some.column(place)) for place in places]
            yield arrays


class PandasTable(ArrowTable):
    """A pandas data frame.

    Args:
        frame: levels of its index that have names are columns too.
        name: the table's name in messages.
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
        """See ArrowTable. The first row decides, as in a text file: most columns may never be used."""
        return frozenset(
            place for place in range(len(self.columns)) if _begins_with_number(self._frame.iloc[:1, place])
        )

    def type_of(self, place: int) -> pa.DataType:
        """See ArrowTable."""
        return self._array(place, 0, min(len(self._frame), 1)).type

    def chunks(self, layout: Layout) -> Iterator[Chunk]:
        """See ArrowTable."""
        for role in {"user", "item"} & set(layout.places):
            self._check_floats(role, layout.places[role])
        yield from super().chunks(layout)

    def batches(self, places: Sequence[int]) -> Iterator[list[pa.Array]]:
        """See ArrowTable."""
        for start in range(0, len(self._frame), arrow_table.CHUNK_ROWS):
            yield [self._array(place, start, start + arrow_table.CHUNK_ROWS) for place in places]

    def _is_mixed(self, place: int) -> bool:
        """Look at all rows, so that all chunks of a column are read alike."""
        if place not in self._mixed:
            self._mixed[place] = is_mixed(self._frame.iloc[:, place])
        return self._mixed[place]

    def _array(self, place: int, start: int, stop: int) -> pa.Array:
        cells = self._frame.iloc[start:stop, place]
        if not self._is_mixed(place):
            with suppress(*_UNSUPPORTED):
                return _to_arrow(cells)
        return self._as_text(cells, start)

    def _as_text(self, cells: pd.Series, start: int) -> pa.Array:
        """Convert a column of numbers, text and dates to text."""
        for row, one in enumerate(cells, start=start + 1):
            if not (one is pd.NA or one is None or isinstance(one, _CELLS)) or isinstance(one, _NOT_CELLS):
                raise UserError(
                    f"{self.name} row {row}: column {format_value(str(cells.name))}: numbers, text or dates expected, "
                    f"got {in_a_line(type(one).__name__, 80)}; convert it, or name another column"
                )
        with one_line_errors(self.name):
            texts = [one if isinstance(one, str) else id_text(one) or None for one in cells]
            return _combine_chunks(pa.array(texts, pa.string()))

    def _check_floats(self, role: str, place: int) -> None:
        """Check the floats of a mixed column as those of a column of floats, before they become text."""
        if self._is_mixed(place):
            found = [one for one in self._frame.iloc[:, place] if isinstance(one, float | np.floating)]
            for kind in {type(one) for one in found}:
                with one_line_errors(self.name):
                    of_kind = pa.array([one for one in found if type(one) is kind], from_pandas=True)
                check_exact(self.name, self.columns[place], role, of_kind)


def is_mixed(cells: pd.Series) -> bool:
    """Tell whether Arrow would change cells silently: of several types it takes the first, and it drops nanoseconds.

    Integers beside floats are not mixed: Arrow raises an error where it would change one.
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
    with suppress(*_UNSUPPORTED):
        return is_number(_to_arrow(first).type)
    return False


def _to_arrow(cells: pd.Series) -> pa.Array:
    if isinstance(cells.dtype, pd.DatetimeTZDtype):  # Arrow reads the zone from an attribute that pandas deprecates
        cells = cells.dt.tz_convert(None)
    if isinstance(cells.dtype, pd.SparseDtype):
        cells = cells.sparse.to_dense()
    if isinstance(cells.dtype, np.dtype) and not cells.dtype.isnative:
        cells = cells.astype(cells.dtype.newbyteorder())
    return _combine_chunks(pa.array(cells, from_pandas=True))


def _combine_chunks(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return one array; dictionaries of several chunks become one."""
    if not isinstance(array, pa.ChunkedArray):
        return array
    return array.unify_dictionaries().combine_chunks()
