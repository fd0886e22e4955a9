"""A scan of a text file before it is read: checks that it is text and fits into memory, and plans its chunks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from core.common.errors import UserError
from recommenders.common.memory import free_memory
from recommenders.data.opening import MAX_LINE, TextScanner, open_binary
from recommenders.data.quotes import QuoteScanner

#: A chunk has about so many bytes, and at most so many cells.
CHUNK_BYTES, CHUNK_CELLS = 2**24, 2**19
#: Peak bytes of memory for each byte and each cell of a chunk, and for each row of the table: four numbers, and what
#: sorting and splitting them takes (measured, see docs/data.md).
PER_BYTE, PER_CELL, PER_ROW = 5, 110, 64


@dataclass(frozen=True)
class Prescan:
    """The result of scanning a text file."""

    n_lines: int
    """As a text editor counts them."""
    n_rows: int
    """An upper bound, where lines end in several ways."""
    chunks: tuple[int, ...]
    """The number of lines of each chunk."""
    n_continued: int
    """Lines that continue a quoted cell of the line before."""
    stray_quote: int | None
    """The first line with a quotation mark against the rules of CSV, which makes all marks plain text; or None."""


def prescan(path: Path, n_columns: int, separator: str | None = None) -> Prescan:
    """Scan a file block by block, and refuse it if it is not text or takes too much memory.

    A packed file may hold a thousand times its size, and a table of nothing but line ends takes a hundred times its
    size. So bytes and rows are both counted, and the scan ends where memory would.

    Args:
        path: the file.
        n_columns: cells that a line becomes.
        separator: between columns; None to ignore quotation marks.

    Raises:
        UserError: the file cannot be read, is not UTF-8, has a line longer than MAX_LINE, or would take more memory
            than is free.
    """
    free = free_memory(torch.device("cpu"))
    text, plan = TextScanner(path), _ChunkPlan(n_columns)
    quotes = None if separator is None else QuoteScanner(separator, n_columns)
    with open_binary(path) as file:
        more = True
        while more:
            block = file.read(MAX_LINE)
            more = bool(block)
            text.feed(block, final=not more)
            n = text.counter.line()
            plan.update(text.size, n)
            if quotes is not None:
                quotes.feed(block, final=not more)
            check_rows(path, f"{n} lines", n, free - plan.largest_memory)
    plan.cut(text.size, n)
    n_rows = text.counter.newlines + text.counter.returns + 1
    found = (0, None) if quotes is None else (quotes.n_continued, quotes.stray)
    return Prescan(n if text.open_line else n - 1, n_rows, tuple(plan.chunks), *found)


def check_rows(table: object, rows: str, n_rows: int, free: int) -> None:
    """Refuse more rows than memory holds.

    Args:
        table: the table's name in messages.
        rows: the rows in messages.
        n_rows: how many there are.
        free: bytes of memory that they may take.

    Raises:
        UserError: they do not fit.
    """
    if n_rows * PER_ROW > free:
        gib = free_memory(torch.device("cpu")) / 2**30
        raise UserError(
            f"{table}: expected a table that fits into memory, of which {gib:.1f} GiB are free; {rows} of it already "
            "take more, give a part of it"
        )


class _ChunkPlan:
    """Divides a file into chunks of whole lines while it is scanned."""

    def __init__(self, n_columns: int) -> None:
        self._n_columns, self._max_lines = n_columns, max(1, CHUNK_CELLS // n_columns)
        self._start_byte = self._start_line = 0
        self._largest_bytes = self._largest_lines = 0
        self.chunks: list[int] = []

    def update(self, size: int, line: int) -> None:
        """Cut if the chunk has become full; the scan has come to this byte and line."""
        self._largest_bytes = max(self._largest_bytes, size - self._start_byte)
        self._largest_lines = max(self._largest_lines, min(self._max_lines, line - self._start_line))
        if size - self._start_byte >= CHUNK_BYTES or line - self._start_line >= self._max_lines:
            self.cut(size, line)

    def cut(self, size: int, line: int) -> None:
        """End the chunk at this byte and line; it becomes several if it has too many lines."""
        full, rest = divmod(line - self._start_line, self._max_lines)
        self.chunks += [self._max_lines] * full + [rest] * (rest > 0)
        self._start_byte, self._start_line = size, line

    @property
    def largest_memory(self) -> int:
        """Bytes of memory that the largest chunk takes."""
        return self._largest_bytes * PER_BYTE + self._largest_lines * self._n_columns * PER_CELL
