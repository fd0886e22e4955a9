"""Tables whose columns have Arrow types, read in chunks: the interface, and Parquet files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from core.common.errors import UserError, first_line, in_a_line
from recommenders.common.memory import free_memory
from recommenders.data.columns import Chunk, Column, check_exact, check_type, is_number, is_text
from recommenders.data.layout import Layout
from recommenders.data.prescan import check_rows

#: Rows of a chunk.
CHUNK_ROWS = 2**18


class ArrowTable(ABC):
    """A table whose columns have names and Arrow types."""

    name: str
    """The table's name in messages."""
    columns: list[str]
    """The names of its columns."""
    n_rows: int
    """The number of rows."""

    @abstractmethod
    def type_of(self, place: int) -> pa.DataType:
        """Return the type of the column at this index."""

    @abstractmethod
    def batches(self, places: Sequence[int]) -> Iterator[list[pa.Array]]:
        """Read the columns at these indices, CHUNK_ROWS rows at a time: an array [n] for each of them."""

    @property
    def numeric(self) -> frozenset[int]:
        """The indices of columns of numbers."""
        return frozenset(place for place in range(len(self.columns)) if is_number(self.type_of(place)))

    def chunks(self, layout: Layout) -> Iterator[Chunk]:
        """Read all rows.

        Args:
            layout: the columns that are wanted.

        Raises:
            UserError: the type of a column does not fit its role, or the file is broken.
        """
        for role, place in layout.places.items():
            check_type(self.name, self.columns[place], role, self.type_of(place))
        distinct = sorted(set(layout.places.values()))
        first = 1
        for arrays in self.batches(distinct):
            n, found = len(arrays[0]), dict(zip(distinct, arrays, strict=True))
            for role, place in layout.places.items():  # the type of a pandas column may change from chunk to chunk
                check_type(self.name, self.columns[place], role, found[place].type)
                check_exact(self.name, self.columns[place], role, found[place])
            with one_line_errors(self.name):
                columns = {role: Column(found[place]) for role, place in layout.places.items()}
            yield Chunk(self.name, "row", range(first, first + n), columns, layout.names)
            first += n


class ParquetTable(ArrowTable):
    """A Parquet file.

    Args:
        path: the file.

    Raises:
        UserError: it is not such a file, or has more rows than memory holds.
    """

    def __init__(self, path: Path) -> None:
        self.name, self._path = str(path), path
        with one_line_errors(self.name), self._open() as file:
            self._schema = file.schema_arrow
            self.columns, self.n_rows = list(self._schema.names), file.metadata.num_rows
        if self.n_rows < 0:
            raise UserError(f"{path}: expected a Parquet file, got one with {self.n_rows} rows; it is broken")
        check_rows(path, f"{self.n_rows} rows", self.n_rows, free_memory(torch.device("cpu")))

    def _open(self, text: Sequence[str] = ()) -> pq.ParquetFile:
        return pq.ParquetFile(self._path, read_dictionary=list(text), pre_buffer=False, buffer_size=2**20)

    def type_of(self, place: int) -> pa.DataType:
        """See ArrowTable."""
        return self._schema.types[place]

    def batches(self, places: Sequence[int]) -> Iterator[list[pa.Array]]:
        """See ArrowTable. Text is read as dictionary arrays, to take less memory."""
        names = [self.columns[place] for place in places]
        text = [name for name, place in zip(names, places, strict=True) if is_text(self.type_of(place))]
        with one_line_errors(self.name), self._open(text) as file:
            for batch in file.iter_batches(CHUNK_ROWS, columns=names, use_threads=False):
                batch.validate(full=True)  # a broken file may have indices out of range
                yield [batch.column(name) for name in names]


@contextmanager
def one_line_errors(table: str) -> Iterator[None]:
    """Re-raise errors of pyarrow as a UserError of one line that begins with the table's name.

    Raises:
        UserError: pyarrow raised an error within the `with` block.
    """
    try:
        yield
    except UserError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, MemoryError) as error:
        problem = in_a_line(first_line(error), 200)
        raise UserError(f"{table}: expected a table, could not read it: {problem}") from None
