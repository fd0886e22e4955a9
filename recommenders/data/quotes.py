"""Decide whether quotation marks in a text file are those of CSV, or part of the text.

By RFC 4180 a cell that begins with a quotation mark ends with one, has others only doubled, and may contain line ends.
Many tab-separated files do not follow it: there a title such as `"Heroes` would swallow all rows up to the next mark.
So the whole file is scanned before it is read, and one mark that RFC 4180 does not allow makes all of them plain text.
"""

from __future__ import annotations

import csv
import re
from functools import cache

from recommenders.data.opening import MAX_LINE, LineCounter

_END = rb"(?>\r\n|\n|\r)"
_BOM = b"\xef\xbb\xbf"


@cache
def _patterns(separator: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes], re.Pattern[bytes]]:
    """Return patterns of a line without its end, of any number of lines, and of a row that may span several lines."""
    first, whole = re.escape(separator[:1]), re.escape(separator)
    unquoted = rb"(?!\")(?:[^%b\r\n]++%b)*+" % (first, rb"|%b(?!%b)" % (first, first) if len(separator) > 1 else b"")
    quoted, multiline = (rb"\"(?:[^\"%b]++|\"\")*+\"(?!\")" % ends for ends in (rb"\r\n", b""))
    line, row = (
        rb"(?:%b|%b)(?:%b(?:%b|%b))*+" % (cell, unquoted, whole, cell, unquoted) for cell in (quoted, multiline)
    )
    return re.compile(line), re.compile(rb"(?:%b%b)*+" % (line, _END)), re.compile(rb"%b(?:%b|\Z)" % (row, _END))


def split_line(line: str, separator: str) -> list[str]:
    """Split a line into cells, by the rules of CSV if it follows them.

    Args:
        line: without its end.
        separator: one character, or "::".

    Raises:
        csv.Error: a cell is too long.
    """
    pattern = _patterns(separator.encode())[0]
    if '"' not in line or not pattern.fullmatch(line.encode(errors="replace")):
        return [strip_quotes(cell) for cell in line.split(separator)]
    single = separator if len(separator) == 1 else "\t"
    return next(csv.reader([line.replace(separator, single)], delimiter=single), [])


def strip_quotes(cell: str) -> str:
    """Remove the quotation marks around a cell, if it has one at either end."""
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


class QuoteScanner:
    """Scans a file block by block and finds out how it uses quotation marks.

    Args:
        separator: between columns.
        n_columns: of every row.
    """

    def __init__(self, separator: str, n_columns: int) -> None:
        self._separator, self._n_columns = separator.encode(), n_columns
        _, self._lines, self._row = _patterns(self._separator)
        self._rest, self._scanned, self._has_begun = b"", LineCounter(), False
        self.stray: int | None = None
        """The first line in which a mark begins a cell against the rules of CSV."""
        self.n_continued = 0
        """Lines that continue a quoted cell of the line before."""

    def feed(self, block: bytes, final: bool) -> None:
        """Scan the next block.

        Args:
            block: the bytes after the last block.
            final: whether it is the last one; feed b"" then if the end was not known before.
        """
        if self.stray is not None:
            return
        text = self._rest + block
        if not self._has_begun and text:
            text, self._has_begun = text.removeprefix(_BOM), True
        stop = self._scan(text, final) if b'"' in text else max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        self._scanned.add(text, stop)
        self._rest = text[stop:]

    def _scan(self, text: bytes, final: bool) -> int:
        """Return where the last row ends that is complete and follows the rules."""
        place = 0
        while place < len(text):
            found = self._lines.match(text, place)
            place = place if found is None else found.end()
            row = self._row.match(text, place) if place < len(text) else None
            if row is None or (row.end() == len(text) and not final and text[-1:] not in b"\r\n"):
                if place < len(text) and (final or len(text) - place > MAX_LINE):
                    self.stray = self._scanned.line(text, place)
                break
            lines = row.group().splitlines()
            if len(lines) > 1 and self._is_stray(lines, is_header=place == 0 and self._scanned.line() == 1):
                self.stray = self._scanned.line(text, place)
                break
            self.n_continued += len(lines) - 1
            place = row.end()
        return place

    def _is_stray(self, lines: list[bytes], is_header: bool) -> bool:
        """Lines that would each be a row are not one cell, and a header stands on one line."""
        return is_header or all(line.count(self._separator) == self._n_columns - 1 for line in lines)
