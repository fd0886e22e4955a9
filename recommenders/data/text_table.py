"""A table in a text file, read in chunks."""

from __future__ import annotations

import csv
import io
import itertools
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa

from core.common.errors import UserError, first_line, format_value, in_a_line
from recommenders.data.columns import Chunk, Column
from recommenders.data.layout import Layout
from recommenders.data.opening import open_binary, read_first_lines
from recommenders.data.prescan import CHUNK_BYTES, prescan
from recommenders.data.quotes import split_line, strip_quotes

#: A chunk that is so many times as large as planned has an open quotation mark.
_TOO_LARGE = 16
#: Longest part of a line that is split to find the row with too many cells: csv refuses longer cells.
_MAX_SPLIT = 10_000
#: What pandas says of a row with too many cells, and what to do about it.
_TOO_MANY = re.compile(r"Expected [0-9]+ fields in line (?P<line>[0-9]+), saw (?P<saw>[0-9]+)")
_ADVICE = "; put quotation marks around a cell with a separator in it, or leave such rows out"


class TextTable:
    """A text file with a row in each line, but for quoted cells that span several lines.

    Args:
        path: the file (unpacked if it is packed).
        separator: between columns: one character, or "::".
        n_columns: of every row.
        has_header: whether the first line names the columns.

    Raises:
        UserError: see `prescan`.
    """

    def __init__(self, path: Path, separator: str, n_columns: int, has_header: bool) -> None:
        self.name, self._path, self._separator, self._n_columns = str(path), path, separator, n_columns
        self._n_header = int(has_header)
        self._prescan = prescan(path, n_columns, separator)
        self.n_rows = self._prescan.n_rows
        """An upper bound."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on how quotation marks are read; empty if every line is a row."""
        if self._prescan.stray_quote is not None:
            return (f"quotation marks are read as text: the one in line {self._prescan.stray_quote} ends no cell",)
        n = self._prescan.n_continued
        lines = "1 line belongs" if n == 1 else f"{n:,} lines belong"
        return (f"{lines} to the row before, in quoted cells that go over several lines",) * (n > 0)

    def chunks(self, layout: Layout) -> Iterator[Chunk]:
        """Read all rows but blank ones.

        Args:
            layout: the columns that are wanted.

        Raises:
            UserError: the file is not such a table; with the line where that is known.
        """
        planned = self._prescan.chunks
        line, lines_per_row = 1 + self._n_header, 1.0
        with open_binary(self._path) as file, self._one_line_errors():
            metered = _MeteredFile(file, self._path)
            with self._reader(metered) as reader:
                for n_lines in itertools.chain(planned, itertools.repeat(planned[-1])):
                    metered.reset()
                    try:
                        frame = reader.get_chunk(max(1, int(n_lines / lines_per_row)))
                    except StopIteration:
                        return
                    if not len(frame):
                        return
                    numbers, n_read = self._line_numbers(frame, line)
                    line, lines_per_row = line + n_read, n_read / len(frame)
                    yield self._chunk(frame, numbers, layout)

    def _reader(self, metered: _MeteredFile) -> Any:
        single = len(self._separator) == 1
        raw = metered if single else _TabbedFile(metered, self._separator.encode())
        return pd.read_csv(
            io.BufferedReader(raw, buffer_size=2**18),
            sep=self._separator if single else "\t",
            header=None,
            names=range(self._n_columns),
            skiprows=self._n_header,
            index_col=False,
            quoting=csv.QUOTE_MINIMAL if self._prescan.stray_quote is None else csv.QUOTE_NONE,
            engine="c",
            encoding="utf-8",
            compression=None,
            dtype=object,
            keep_default_na=False,
            skip_blank_lines=False,
            iterator=True,
        )

    def _line_numbers(self, frame: pd.DataFrame, first: int) -> tuple[np.ndarray, int]:
        """Return [n] the line in which each row begins, from `first` on, and the number of lines of all rows."""
        numbers = np.arange(first, first + len(frame))
        if not self._prescan.n_continued:
            return numbers, len(frame)
        frame = frame.fillna("")
        further = sum(frame[column].str.count("\r\n|\n|\r") for column in frame.columns).to_numpy(dtype=np.int64)
        before = further.cumsum() - further
        return numbers + before, len(frame) + int(further.sum())

    def _chunk(self, frame: pd.DataFrame, numbers: np.ndarray, layout: Layout) -> Chunk:
        columns = _columns(frame, layout.places)
        if next(iter(columns.values())).is_empty().any():
            filled = (frame.fillna("") != "").any(axis=1).to_numpy(dtype=bool)
            frame, numbers = frame.loc[filled], numbers[filled]
            columns = _columns(frame, layout.places)
        chunk = Chunk(self.name, "line", numbers, columns, layout.names)
        if self._prescan.stray_quote is None:
            return chunk
        unquoted = {place: self._strip_quotes(frame[place], role, chunk) for role, place in layout.places.items()}
        return Chunk(self.name, "line", numbers, _columns(unquoted, layout.places), layout.names)

    def _strip_quotes(self, cells: pd.Series, role: str, chunk: Chunk) -> pd.Series:
        """Remove the quotation marks around cells, where marks are plain text."""
        marked = np.flatnonzero(cells.str.startswith('"').fillna(False).to_numpy(dtype=bool))
        stripped = cells.to_numpy(dtype=object, copy=True)
        for row in marked:
            cell = stripped[row] = strip_quotes(stripped[row])
            if role in ("user", "item") and cell.startswith('"'):
                raise UserError(
                    f"{chunk.location(int(row))}: {role}: expected an id, got {format_value(cells.iloc[row])}, in "
                    "which a quotation mark is open; close it or take it out"
                )
        return pd.Series(stripped, dtype=object)

    @contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        """Re-raise errors of pandas as one line, which says too if quotation marks may be the cause."""
        found, wanted = self._prescan, f"expected rows of {self._n_columns} cells, got"
        why = f"; the quotation mark in line {found.stray_quote} ends no cell, so all are text"
        why *= found.stray_quote is not None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)  # rows with more cells than there are columns
                yield
        except pd.errors.EmptyDataError:
            return
        except pd.errors.ParserWarning:
            raise UserError(f"{self.name}{self._first_long_line()}: {wanted} more{_ADVICE}{why}") from None
        except UserError:
            raise
        except (ValueError, csv.Error, pd.errors.ParserError) as error:
            many = _TOO_MANY.search(str(error))
            if many is not None:
                where = f" line {many['line']}" * (not found.n_continued)  # pandas counts rows, not lines
                raise UserError(f"{self.name}{where}: {wanted} {many['saw']}{_ADVICE}{why}") from None
            problem = in_a_line(first_line(error), 200)
            raise UserError(f"{self.name}: expected a table, could not read it: {problem}{why}") from None

    def _first_long_line(self) -> str:
        """Return the first line with too many cells, if it is near the beginning."""
        rows = (split_line(line[:_MAX_SPLIT], self._separator) for line in read_first_lines(self._path))
        return next((f" line {n}" for n, row in enumerate(rows, start=1) if len(row) > self._n_columns), "")


def _columns(cells: pd.DataFrame | Mapping[int, pd.Series], places: Mapping[str, int]) -> dict[str, Column]:
    """Return {role: column}."""
    return {role: Column(_to_arrow(cells[place])) for role, place in places.items()}


def _to_arrow(cells: pd.Series) -> pa.Array:
    array = pa.array(cells, pa.string(), from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


class _MeteredFile(io.RawIOBase):
    """A file of which only so many bytes may be read for one chunk."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path, self._n_read = file, path, 0

    def reset(self) -> None:
        """Begin a new chunk."""
        self._n_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        text = self._file.read(len(buffer))
        buffer[: len(text)] = text
        self._n_read += len(text)
        if self._n_read > _TOO_LARGE * CHUNK_BYTES:
            raise UserError(
                f"{self._path}: expected rows of a few lines, got one of {self._n_read >> 20} MiB; a quotation mark is "
                "not closed"
            )
        return len(text)


class _TabbedFile(io.RawIOBase):
    """A file with a tab in place of every separator, for a parser that takes single characters."""

    def __init__(self, file: BinaryIO | io.RawIOBase, separator: bytes) -> None:
        self._file = file
        self._separator = separator

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        text = self._file.read(len(buffer) // 2) or b""
        # not to cut a separator in two, read on while its characters come
        while text and text[-1:] in self._separator and len(text) < len(buffer) and (more := self._file.read(1)):
            text += more
        text = text.replace(self._separator, b"\t")
        buffer[: len(text)] = text
        return len(text)
