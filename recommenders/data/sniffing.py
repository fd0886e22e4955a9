"""What kind of text table a file is: its separator, and whether it begins with the names of its columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from core.errors import UserError, shown
from recommenders.data.guessing import KNOWN, plain_name
from recommenders.data.opening import beginning, second_line
from recommenders.data.reading import read_header

#: Separators, the first of those that part the first line into most cells is taken; and their names.
SEPARATORS = {"\t": "tabs", "::": "::", ",": "commas", ";": "semicolons", "|": "|"}
_LONGEST_ROW = 10_000  # of the first row, which is only looked at
_QUOTED = re.compile(r'"[^"]*"')
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class TextKind:
    """How a text table is laid out."""

    separator: str
    names: list[str] | None
    """Of its columns; None where its first line is a row."""
    n_columns: int
    """Of every row."""
    numeric: frozenset[int]
    """The places of columns that begin with a number."""


def sniff(path: Path) -> TextKind:
    """Look at the first line.

    Raises:
        UserError: it is empty, or has a single column.
    """
    line = beginning(path)
    if not line.strip():
        raise UserError(f"{path}: expected ratings, got an empty table: its first line has nothing in it")
    bare = _QUOTED.sub("", line)
    separator = max(SEPARATORS, key=bare.count)
    cells = read_header(path, line, separator)
    if len(cells) < 2:
        named = ", ".join(SEPARATORS.values())
        raise UserError(f"{path} line 1: expected columns parted by {named}, got one column: {shown(line)}")
    if not any(cell.strip() for cell in cells):
        raise UserError(f"{path}: expected a table of ratings that begins with the names of its columns, got none")
    names = cells if _is_header(cells) else None
    row = cells if names is None else second_line(path)[:_LONGEST_ROW].split(separator)
    numeric = frozenset(place for place, cell in enumerate(row) if _NUMBER.fullmatch(cell.strip(' "')))
    return TextKind(separator, names, len(cells), numeric)


def _is_header(cells: list[str]) -> bool:
    """Names are no numbers; where only some cells are, one that is known to be a name decides."""
    if not any(_NUMBER.fullmatch(cell.strip()) for cell in cells):
        return True
    known = {name for role in ("user", "item", "rating") for name in KNOWN[role] if len(name) > 1}
    return any(plain_name(cell) in known for cell in cells)
