"""A table in a Parquet file or in a data frame, piece by piece."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from core.errors import UserError, first_line, in_a_line, shown
from recommenders.data.columns import Column, Piece, TextColumn
from recommenders.data.survey import check_rows
from recommenders.memory import free_memory

MAGIC = b"PAR1"
_ROWS_AT_ONCE = 2**18


class ArrowTable(ABC):
    """Rows whose columns have types."""

    name: str
    """What messages call it."""
    columns: list[str]
    """The names of its columns."""
    n_rows: int
    """How many rows it has."""

    @abstractmethod
    def type_of(self, place: int) -> pa.DataType:
        """The type of a column."""

    @abstractmethod
    def batches(self, places: Sequence[int]) -> Iterator[list[pa.Array]]:
        """These columns, some rows at a time."""

    @property
    def numeric(self) -> frozenset[int]:
        """The places of columns of numbers."""
        return frozenset(place for place in range(len(self.columns)) if _is_number(self.type_of(place)))

    def pieces(self, places: Mapping[str, int]) -> Iterator[Piece]:
        """All rows.

        Args:
            places: {role: place of its column, from 0}.

        Raises:
            UserError: a column that cannot play its role, a file that is broken.
        """
        for role, place in places.items():
            _check_type(self.name, self.columns[place], role, self.type_of(place))
        distinct = sorted(set(places.values()))
        first = 1
        for arrays in self.batches(distinct):
            n = len(arrays[0])
            cells = {place: _column(array) for place, array in zip(distinct, arrays, strict=True)}
            columns = {role: cells[place] for role, place in places.items()}
            yield Piece(f"{self.name} row", range(first, first + n), columns)
            first += n


class ParquetTable(ArrowTable):
    """A Parquet file.

    Args:
        path: of the file.

    Raises:
        UserError: it is none, or has more rows than fit into memory.
    """

    def __init__(self, path: Path) -> None:
        self.name, self._path = str(path), path
        with _told(self.name), self._opened() as file:
            self._schema = file.schema_arrow
            self.columns, self.n_rows = list(self._schema.names), file.metadata.num_rows
        if self.n_rows < 0:
            raise UserError(f"{path}: expected a Parquet file, got one with {self.n_rows} rows; it is broken")
        check_rows(path, f"{self.n_rows} rows", self.n_rows, free_memory(torch.device("cpu")))

    def _opened(self, text: Sequence[str] = ()) -> pq.ParquetFile:
        return pq.ParquetFile(self._path, read_dictionary=list(text), pre_buffer=False, buffer_size=2**20)

    def type_of(self, place: int) -> pa.DataType:
        """See ArrowTable."""
        return self._schema.types[place]

    def batches(self, places: Sequence[int]) -> Iterator[list[pa.Array]]:
        """See ArrowTable. Text comes as a dictionary: no cell of it is there twice."""
        names = [self.columns[place] for place in places]
        text = [name for name, place in zip(names, places, strict=True) if _is_text(self.type_of(place))]
        with _told(self.name), self._opened(text) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=names, use_threads=False):
                batch.validate(full=True)  # a broken file may have indices to nowhere
                yield [batch.column(name) for name in names]


class FrameTable(ArrowTable):
    """A data frame of pandas.

    Args:
        frame: its index does not matter.
        name: what messages call it.
    """

    def __init__(self, frame: pd.DataFrame, name: str) -> None:
        self.name, self._frame = name, frame
        self.columns, self.n_rows = [str(column) for column in frame.columns], len(frame)

    def type_of(self, place: int) -> pa.DataType:
        """See ArrowTable."""
        return self._array(place, 0, min(len(self._frame), 1)).type

    def batches(self, places: Sequence[int]) -> Iterator[list[pa.Array]]:
        """See ArrowTable."""
        for start in range(0, len(self._frame), _ROWS_AT_ONCE):
            yield [self._array(place, start, start + _ROWS_AT_ONCE) for place in places]

    def _array(self, place: int, start: int, stop: int) -> pa.Array:
        cells = self._frame.iloc[start:stop, place]
        if isinstance(cells.dtype, pd.DatetimeTZDtype):  # Arrow takes it by an attribute that pandas gives up
            cells = cells.dt.tz_convert(None)
        try:
            array = pa.array(cells, from_pandas=True)
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            mixed = [None if one is None or one is pd.NA or one != one else str(one) for one in cells]
            with _told(self.name):
                array = pa.array(mixed, pa.string())
        return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


@contextmanager
def _told(name: str) -> Iterator[None]:
    """What pyarrow says about a file, as one line."""
    try:
        yield
    except UserError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, MemoryError) as error:
        problem = in_a_line(first_line(error), 200)
        raise UserError(f"{name}: expected a table of ratings, could not read it: {problem}") from None


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_string_view(inner)


def _is_number(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_integer(inner) or pa.types.is_floating(inner) or pa.types.is_null(inner)


def _check_type(name: str, column: str, role: str, kind: pa.DataType) -> None:
    is_date = pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    fits = _is_text(kind) or (_is_number(kind) and role != "part")
    fits = fits or (role == "timestamp" and is_date)
    fits = fits or (role == "rating" and (pa.types.is_boolean(kind) or pa.types.is_decimal(kind)))
    if not fits:
        wanted = {"part": "text", "timestamp": "numbers, dates or text"}.get(role, "numbers or text")
        raise UserError(
            f"{name}: column {shown(column)}: {wanted} expected for {role}, got {in_a_line(str(kind), 80)}; "
            "convert it, or name another column"
        )


def _column(array: pa.Array) -> Column:
    if _is_text(array.type) and not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    return ArrowColumn(array)


class ArrowColumn(Column):
    """Cells of numbers or dates, or a dictionary of text.

    Args:
        array: without chunks.
    """

    def __init__(self, array: pa.Array) -> None:
        self._array = array

    def ids(self) -> tuple[list[str], np.ndarray]:
        """See Column."""
        array = self._array if pa.types.is_dictionary(self._array.type) else self._array.dictionary_encode()
        place = array.indices.fill_null(len(array.dictionary)).to_numpy(zero_copy_only=False).astype(np.int64)
        used = np.zeros(len(array.dictionary) + 1, dtype=bool)
        used[place] = True
        kept = array.dictionary.take(pa.array(np.flatnonzero(used[:-1]))).to_pylist()
        cells = [_text(value) for value in kept] + [""] * bool(used[-1])
        return cells, (np.cumsum(used) - 1)[place]

    def numbers(self) -> np.ndarray:
        """See Column."""
        texts = self.texts()
        if texts is not None:
            return TextColumn(texts).numbers()
        array = self._array.dictionary_decode() if pa.types.is_dictionary(self._array.type) else self._array
        if pa.types.is_date(array.type) or pa.types.is_timestamp(array.type):
            seconds = array.cast(pa.timestamp("s", getattr(array.type, "tz", None)), safe=False)
            array = seconds.cast(pa.int64())
        if pa.types.is_boolean(array.type):
            array = array.cast(pa.uint8())
        numbers: np.ndarray = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return numbers

    def texts(self) -> pd.Series | None:
        """See Column."""
        if not _is_text(self._array.type):
            return None
        return pd.Series(pc.fill_null(self._array.cast(pa.string()), "").to_pylist(), dtype=object)

    def shown(self, row: int) -> str:
        """See Column."""
        value = self._array[row].as_py()
        return "an empty cell" if value is None else shown(value)


def _text(value: object) -> str:
    """A value as the id that a file of text would have; pandas makes 3 to 3.0 where a cell is missing."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else "" if value != value else str(value)
    return "" if value is None else str(value)
