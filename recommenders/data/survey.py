"""Going through a file of text before it is read: how many lines, in which pieces, and does it fit into memory?"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

import torch

from core.common.errors import UserError
from recommenders.common.memory import free_memory
from recommenders.data.opening import MAX_LINE, not_text, opened, too_long, zero_byte
from recommenders.data.quotes import Quotes

#: A table is read in pieces of about so many bytes, and of at most so many cells.
PIECE_BYTES, PIECE_CELLS = 2**24, 2**19
#: Bytes of memory that reading takes, at its peak, for a byte and a cell of a piece, and for every row of the whole:
#: four numbers, and what sorting and splitting them takes (measured, see docs/data.md).
PER_BYTE, PER_CELL, PER_ROW = 5, 110, 64


@dataclass(frozen=True)
class Survey:
    """What going through a file of text showed."""

    n_lines: int
    """As a person counts them."""
    n_rows: int
    """At most so many, where line ends are of several kinds."""
    pieces: tuple[int, ...]
    """How many lines at a time make a piece that is neither too many bytes nor too many cells."""
    n_swallowed: int
    """Lines that belong to the row before, as they are in quoted cells."""
    stray_quote: int | None
    """The first line with a quotation mark that is none of CSV's: then all of them are text."""


def survey(path: Path, n_columns: int, encoding: str = "utf-8", separator: str | None = None) -> Survey:
    """Go through a file without keeping it, and refuse what would be no text or too much of it.

    A packed file may hold a thousand times what it weighs, and a table of nothing but line ends takes a hundred
    times its size: so both bytes and rows are counted, and counting ends where memory would.

    Args:
        path: the file.
        n_columns: cells that a line of it becomes.
        encoding: of the text.
        separator: between columns; None where quotation marks mean nothing.

    Raises:
        UserError: it cannot be read, is not text in this encoding, has a line longer than MAX_LINE, or would take
            more memory than is free.
    """
    free = free_memory(torch.device("cpu"))
    decoder = codecs.getincrementaldecoder(encoding)()
    read, pieces = _Read(path), _Pieces(max(1, PIECE_CELLS // n_columns))
    quotes = None if separator is None else Quotes(separator, n_columns)
    with opened(path) as file:
        more = True
        while more:
            chunk = file.read(MAX_LINE)
            more = bool(chunk)
            if b"\0" in chunk:
                raise zero_byte(path, read.line(chunk[: chunk.index(b"\0")]), encoding)
            try:
                decoder.decode(chunk, final=not more)
            except UnicodeDecodeError as error:
                raise not_text(path, read.line(error.object[: error.start]), error) from None
            read.take(chunk)
            pieces.take(read)
            if quotes is not None:
                quotes.take(chunk, final=not more)
            check_rows(path, f"{read.line()} lines", read.line(), free - pieces.largest(n_columns))
    pieces.end(read)
    n_lines = read.line() if read.open_line else read.line() - 1
    told = (0, None) if quotes is None else (quotes.n_swallowed, quotes.stray)
    return Survey(n_lines, read.newlines + read.returns + 1, tuple(pieces.lines), *told)


def check_rows(where: object, what: str, n_rows: int, left: int) -> None:
    """Refuse more rows than there is memory for.

    Args:
        where: what is read, for the message.
        what: how much of it was found.
        n_rows: how many rows that is.
        left: bytes of memory that they may take.

    Raises:
        UserError: it would not fit.
    """
    if n_rows * PER_ROW > left:
        free = free_memory(torch.device("cpu"))
        raise UserError(
            f"{where}: expected ratings that fit into memory, of which {free / 2**30:.1f} GiB are free; "
            f"{what} of it already take more, give a part of it"
        )


class _Pieces:
    """Cuts a file into pieces while it is gone through.

    Args:
        most_lines: of a piece.
    """

    def __init__(self, most_lines: int) -> None:
        self._most = most_lines
        self._bytes = self._line = 0
        self._most_bytes = self._most_lines = 0
        self.lines: list[int] = []

    def take(self, read: _Read) -> None:
        """So much has been read; a piece may have become full."""
        self._most_bytes = max(self._most_bytes, read.size - self._bytes)
        self._most_lines = max(self._most_lines, min(self._most, read.line() - self._line))
        if read.size - self._bytes >= PIECE_BYTES or read.line() - self._line >= self._most:
            self.end(read)

    def end(self, read: _Read) -> None:
        """Cut here."""
        lines = read.line() - self._line
        self.lines += [self._most] * (lines // self._most) + [lines % self._most] * (lines % self._most > 0)
        self._bytes, self._line = read.size, read.line()

    def largest(self, n_columns: int) -> int:
        """Bytes of memory that the largest piece takes."""
        return self._most_bytes * PER_BYTE + self._most_lines * n_columns * PER_CELL


@dataclass
class _Read:
    """What has been read of a file."""

    path: Path
    size: int = 0
    newlines: int = 0
    returns: int = 0
    open_line: int = 0
    """Bytes since the last end of a line."""

    def line(self, more: bytes = b"") -> int:
        """The number of the line that is reached after so many more bytes, whichever way lines end."""
        return 1 + max(self.newlines + more.count(b"\n"), self.returns + more.count(b"\r"))

    def take(self, more: bytes) -> None:
        ends = [place for place in (more.find(b"\n"), more.find(b"\r")) if place >= 0]
        if self.open_line + min(ends, default=len(more)) > MAX_LINE:
            raise too_long(self.path, self.line())
        last = max(more.rfind(b"\n"), more.rfind(b"\r"))
        self.open_line = len(more) - last - 1 if ends else self.open_line + len(more)
        self.size += len(more)
        self.newlines += more.count(b"\n")
        self.returns += more.count(b"\r")
