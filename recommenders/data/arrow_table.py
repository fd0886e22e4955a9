"""A table in a Parquet file or in a data frame, piece by piece."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from core.common.errors import UserError, first_line, in_a_line
from recommenders.common.memory import free_memory
from recommenders.data.arrow_column import ArrowColumn, check_exact, check_type, is_number, is_text
from recommenders.data.columns import Piece
from recommenders.data.survey import check_rows

#: A piece has so many rows.
ROWS_AT_ONCE = 2**18


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
        return frozenset(place for place in range(len(self.columns)) if is_number(self.type_of(place)))

    def pieces(self, places: Mapping[str, int]) -> Iterator[Piece]:
        """All rows.

        Args:
            places: {role: place of its column, from 0}.

        Raises:
            UserError: a column that cannot play its role, a file that is broken.
        """
        for role, place in places.items():
            check_type(self.name, self.columns[place], role, self.type_of(place))
        distinct = sorted(set(places.values()))
        first = 1
        for arrays in self.batches(distinct):
            n, found = len(arrays[0]), dict(zip(distinct, arrays, strict=True))
            for role, place in places.items():
                check_type(self.name, self.columns[place], role, found[place].type)  # a frame's may change on its way
                check_exact(self.name, self.columns[place], role, found[place])
            with told(self.name):
                columns = {role: ArrowColumn(found[place]) for role, place in places.items()}
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
        with told(self.name), self._opened() as file:
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
        text = [name for name, place in zip(names, places, strict=True) if is_text(self.type_of(place))]
        with told(self.name), self._opened(text) as file:
            for batch in file.iter_batches(ROWS_AT_ONCE, columns=names, use_threads=False):
                batch.validate(full=True)  # a broken file may have indices to nowhere
                yield [batch.column(name) for name in names]


@contextmanager
def told(name: str) -> Iterator[None]:
    """What pyarrow says about a file, as one line."""
    try:
        yield
    except UserError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, MemoryError) as error:
        problem = in_a_line(first_line(error), 200)
        raise UserError(f"{name}: expected a table of ratings, could not read it: {problem}") from None
