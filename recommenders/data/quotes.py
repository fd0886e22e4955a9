"""Whether quotation marks in a file of text are those of CSV, or part of what people wrote.

By RFC 4180 a cell that begins with a quotation mark ends with one, has others only in twos, and may hold line ends.
Many files with tabs know nothing of that: there a title such as `"Heroes` would swallow all rows up to the next mark.
So a file is gone through before it is read, and one mark that RFC 4180 does not allow makes all of them text.
"""

from __future__ import annotations

import csv
import re
from functools import cache

from recommenders.data.opening import MAX_LINE

_END = rb"(?>\r\n|\n|\r)"
_BOM = b"\xef\xbb\xbf"


@cache
def _patterns(separator: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes], re.Pattern[bytes]]:
    """Of one line without its end, of whole lines, and of a row that may go over several and ends where text may."""
    one, between = re.escape(separator[:1]), re.escape(separator)
    bare = rb"(?!\")(?:[^%b\r\n]++%b)*+" % (one, rb"|%b(?!%b)" % (one, one) if len(separator) > 1 else b"")
    quoted, over = (rb"\"(?:[^\"%b]++|\"\")*+\"(?!\")" % ends for ends in (rb"\r\n", b""))
    line, row = (rb"(?:%b|%b)(?:%b(?:%b|%b))*+" % (cell, bare, between, cell, bare) for cell in (quoted, over))
    return re.compile(line), re.compile(rb"(?:%b%b)*+" % (line, _END)), re.compile(rb"%b(?:%b|\Z)" % (row, _END))


def cells_of(line: str, separator: str) -> list[str]:
    """The cells of a line, by CSV's rules where it follows them.

    Raises:
        csv.Error: a cell that is too long.
    """
    pattern = _patterns(separator.encode())[0]
    if '"' not in line or not pattern.fullmatch(line.encode(errors="replace")):
        return [unquoted(cell) for cell in line.split(separator)]
    single = separator if len(separator) == 1 else "\t"
    return next(csv.reader([line.replace(separator, single)], delimiter=single), [])


def unquoted(cell: str) -> str:
    """A cell without the marks around it, where there are two."""
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


class Quotes:
    """Goes through a file and tells what its quotation marks are.

    Args:
        separator: between columns.
        n_columns: of every row.
    """

    def __init__(self, separator: str, n_columns: int) -> None:
        self._separator, self._n = separator.encode(), n_columns
        _, self._lines, self._row = _patterns(self._separator)
        self._rest, self._newlines, self._returns, self._began = b"", 0, 0, False
        self.stray: int | None = None
        """The first line in which a mark begins a cell and is no mark of CSV's."""
        self.n_swallowed = 0
        """Lines that belong to the row before, as they are in quoted cells."""

    def take(self, chunk: bytes, final: bool) -> None:
        """Go on with these bytes; after the last ones, once more with none."""
        if self.stray is not None:
            return
        text = self._rest + chunk
        if not self._began and text:
            text, self._began = text.removeprefix(_BOM), True
        place = self._through(text, final) if b'"' in text else max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        self._newlines += text.count(b"\n", 0, place)
        self._returns += text.count(b"\r", 0, place)
        self._rest = text[place:]

    def _through(self, text: bytes, final: bool) -> int:
        """How far rows go that are whole and in order."""
        place = 0
        while place < len(text):
            found = self._lines.match(text, place)
            place = place if found is None else found.end()
            row = self._row.match(text, place) if place < len(text) else None
            if row is None or (row.end() == len(text) and not final and text[-1:] not in b"\r\n"):
                if place < len(text) and (final or len(text) - place > MAX_LINE):
                    self.stray = self._line(text, place)
                break
            lines = row.group().splitlines()
            if len(lines) > 1 and self._is_stray(lines, first=place == self._newlines == self._returns == 0):
                self.stray = self._line(text, place)
                break
            self.n_swallowed += len(lines) - 1
            place = row.end()
        return place

    def _is_stray(self, lines: list[bytes], first: bool) -> bool:
        """Lines that are each a row of their own are no cell; and names of columns stand on one line."""
        return first or all(line.count(self._separator) == self._n - 1 for line in lines)

    def _line(self, text: bytes, place: int) -> int:
        newlines, returns = (text.count(end, 0, place) for end in (b"\n", b"\r"))
        return 1 + max(self._newlines + newlines, self._returns + returns)
