"""A table in a file of text, piece by piece."""

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

from core.common.errors import UserError, first_line, in_a_line, shown
from recommenders.data.columns import Piece, TextColumn
from recommenders.data.opening import first_lines, opened
from recommenders.data.quotes import cells_of, unquoted
from recommenders.data.survey import PIECE_BYTES, Survey, survey

#: No table is wider: pandas takes minutes for a header of 200,000 columns.
MAX_COLUMNS = 200
#: No piece is so many times as large as it was planned to be: some quote was left open.
_TOO_LARGE = 16
#: Characters of a line that is looked at alone: no cell is longer than csv takes.
_LOOKED_AT = 10_000
#: What pandas says of a row that is too long, and what to do about it.
_SAW = re.compile(r"Expected [0-9]+ fields in line (?P<line>[0-9]+), saw (?P<saw>[0-9]+)")
_MANY_CELLS = "; put quotation marks around a cell with a separator in it, or leave such rows out"


class TextTable:
    """A file of rows, a line each but for quoted cells that go over several.

    Args:
        path: the file (unpacked where it is packed).
        separator: between columns: one character, or "::".
        n_columns: of every row.
        has_header: whether the first line is none.
        encoding: of the text.

    Raises:
        UserError: see `survey`.
    """

    def __init__(self, path: Path, separator: str, n_columns: int, has_header: bool, encoding: str = "utf-8") -> None:
        self._path, self._separator, self._n_columns = path, separator, n_columns
        self._n_header, self._encoding = int(has_header), encoding
        self._survey = survey(path, n_columns, encoding, separator)
        self.n_rows = self._survey.n_rows
        """At most so many."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What became of quotation marks, where rows are not simply lines."""
        if self._survey.stray_quote is not None:
            return (f"quotation marks are read as text: the one in line {self._survey.stray_quote} ends no cell",)
        n = self._survey.n_swallowed
        lines = "1 line belongs" if n == 1 else f"{n:,} lines belong"
        return (f"{lines} to the row before, in quoted cells that go over several lines",) * (n > 0)

    def pieces(self, places: Mapping[str, int]) -> Iterator[Piece]:
        """All rows but blank ones.

        Args:
            places: {role: place of its column, from 0}.

        Raises:
            UserError: no such table, with the line where that is known.
        """
        plan = iter(self._survey.pieces)
        line, lines_a_row = 1 + self._n_header, 1.0
        with opened(self._path) as file, _told(self._path, self._n_columns, self._separator, self._survey):
            metered = _Metered(file, self._path)
            with self._reader(metered) as reader:
                for n_lines in itertools.chain(plan, itertools.repeat(self._survey.pieces[-1])):
                    metered.begin()
                    try:
                        frame = reader.get_chunk(max(1, int(n_lines / lines_a_row)))
                    except StopIteration:
                        return
                    if not len(frame):
                        return
                    rows, n_read = self._numbered(frame, line)
                    line, lines_a_row = line + n_read, n_read / len(frame)
                    yield self._piece(frame, rows, places)

    def _reader(self, metered: _Metered) -> Any:
        single = len(self._separator) == 1
        raw = metered if single else _WithTabs(metered, self._separator.encode())
        return pd.read_csv(
            io.BufferedReader(raw, buffer_size=2**18),
            sep=self._separator if single else "\t",
            header=None,
            names=range(self._n_columns),
            skiprows=self._n_header,
            index_col=False,
            quoting=csv.QUOTE_MINIMAL if self._survey.stray_quote is None else csv.QUOTE_NONE,
            engine="c",
            encoding=self._encoding,
            compression=None,
            dtype=object,
            keep_default_na=False,
            skip_blank_lines=False,
            iterator=True,
        )

    def _numbered(self, frame: pd.DataFrame, first: int) -> tuple[np.ndarray, int]:
        """The line that each row begins in, which is `first` for the first, and over how many lines they go."""
        rows = np.arange(first, first + len(frame))
        if not self._survey.n_swallowed:
            return rows, len(frame)
        frame = frame.fillna("")
        further = sum(frame[column].str.count("\r\n|\n|\r") for column in frame.columns).to_numpy(dtype=np.int64)
        before = further.cumsum() - further
        return rows + before, len(frame) + int(further.sum())

    def _piece(self, frame: pd.DataFrame, rows: np.ndarray, places: Mapping[str, int]) -> Piece:
        columns = {role: TextColumn(frame[place]) for role, place in places.items()}
        if not columns["user"].filled.all():
            filled = (frame.fillna("") != "").any(axis=1).to_numpy(dtype=bool)
            frame, rows = frame.loc[filled], rows[filled]
            columns = {role: TextColumn(frame[place]) for role, place in places.items()}
        piece = Piece(f"{self._path} line", rows, columns)
        if self._survey.stray_quote is None:
            return piece
        return Piece(piece.where, rows, {role: self._bare(frame[places[role]], role, piece) for role in places})

    def _bare(self, cells: pd.Series, role: str, piece: Piece) -> TextColumn:
        """Cells without the marks around them, where marks are text."""
        marked = np.flatnonzero(cells.str.startswith('"').fillna(False).to_numpy(dtype=bool))
        bare = cells.to_numpy(dtype=object, copy=True)
        for row in marked:
            cell = bare[row] = unquoted(bare[row])
            if role in ("user", "item") and cell.startswith('"'):
                raise UserError(
                    f"{piece.at(int(row))}: {role}: expected an id, got {shown(cells.iloc[row])}, in which a quotation "
                    "mark is open; close it or take it out"
                )
        return TextColumn(pd.Series(bare, dtype=object))


@contextmanager
def _told(path: Path, n_columns: int, separator: str, found: Survey) -> Iterator[None]:
    """What pandas says about a table, as one line; and why quotation marks join no cells, which may be the cause."""
    stray = found.stray_quote
    why = "" if stray is None else f"; the quotation mark in line {stray} ends no cell, so all are text"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows with more cells than there are columns
            yield
    except pd.errors.EmptyDataError:
        return
    except pd.errors.ParserWarning:
        where = _first_long_line(path, n_columns, separator)
        raise UserError(f"{path}{where}: expected rows of {n_columns} cells, got more{_MANY_CELLS}{why}") from None
    except UserError:
        raise
    except (ValueError, csv.Error, pd.errors.ParserError) as error:
        many = _SAW.search(str(error))
        if many is not None:
            where = f" line {many['line']}" * (not found.n_swallowed)  # pandas counts rows, which go over several
            got = f"expected rows of {n_columns} cells, got {many['saw']}"
            raise UserError(f"{path}{where}: {got}{_MANY_CELLS}{why}") from None
        problem = in_a_line(first_line(error), 200)
        raise UserError(f"{path}: expected a table of ratings, could not read it: {problem}{why}") from None


def _first_long_line(path: Path, n_columns: int, separator: str) -> str:
    """Where it is, if it is one of the first."""
    rows = (cells_of(line[:_LOOKED_AT], separator) for line in first_lines(path))
    return next((f" line {n}" for n, row in enumerate(rows, start=1) if len(row) > n_columns), "")


class _Metered(io.RawIOBase):
    """The bytes of a file, no more of them for one piece than there is room for."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path, self._read = file, path, 0

    def begin(self) -> None:
        """A piece begins."""
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        text = self._file.read(len(buffer))
        buffer[: len(text)] = text
        self._read += len(text)
        if self._read > _TOO_LARGE * PIECE_BYTES:
            raise UserError(
                f"{self._path}: expected rows of few lines, got {self._read >> 20} MiB in a few; a quote is open"
            )
        return len(text)


class _WithTabs(io.RawIOBase):
    """The bytes of a file with a tab in place of every separator, for a reader that takes single characters."""

    def __init__(self, file: BinaryIO | io.RawIOBase, separator: bytes) -> None:
        self._file = file
        self._separator = separator

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        text = self._file.read(len(buffer) // 2) or b""
        # A separator is not cut in two: its characters are taken as long as they come.
        while text and text[-1:] in self._separator and len(text) < len(buffer) and (more := self._file.read(1)):
            text += more
        text = text.replace(self._separator, b"\t")
        buffer[: len(text)] = text
        return len(text)
