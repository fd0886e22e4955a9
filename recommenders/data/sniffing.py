"""What kind of text table a file is: its separator, and whether it begins with the names of its columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.common.errors import UserError, in_a_line, shown
from recommenders.data.guessing import KNOWN, OPTION_OF, plain_name
from recommenders.data.opening import beginning, first_lines
from recommenders.data.options import NO_COLUMN, USUAL_OPTIONS, TableOptions
from recommenders.data.quotes import cells_of
from recommenders.data.reading import read_header

#: Separators, the first of those that part the first line into most cells is taken; and their names.
SEPARATORS = {"\t": "tabs", "::": "::", ",": "commas", ";": "semicolons", "|": "|"}
_LONGEST_ROW = 10_000  # of the rows that are only looked at
_QUOTED = re.compile(r'"[^"]*"')
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_EXCELS = re.compile(r'"?sep=.?"?', re.IGNORECASE)
_DIGIT = re.compile(r"\d")


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
    notes: tuple[str, ...] = ()
    """What was made of the first line, where that is not plain."""


def sniff(path: Path, options: TableOptions = USUAL_OPTIONS) -> TextKind:
    """Look at the first lines.

    Args:
        path: the file.
        options: which columns were named, and whether the first line names them.

    Raises:
        UserError: it is empty, or has a single column.
    """
    line = beginning(path)
    if not line.strip():
        raise UserError(f"{path}: expected ratings, got an empty table: its first line has nothing in it")
    if _EXCELS.fullmatch(line.strip()):
        raise UserError(
            f"{path} line 1: expected the names of columns, got {shown(line)}, a word to Excel; take it out"
        )
    bare = _QUOTED.sub("", line)
    separator = max(SEPARATORS, key=bare.count)
    cells = read_header(path, line, separator)
    if len(cells) < 2:
        named = ", ".join(SEPARATORS.values())
        raise UserError(f"{path} line 1: expected columns parted by {named}, got one column: {shown(line)}")
    if not any(cell.strip() for cell in cells):
        raise UserError(f"{path}: expected a table of ratings that begins with the names of its columns, got none")
    rows = [_cells(row, separator) for row in first_lines(path)[1:]]
    names, notes = (cells, ()) if options.header == "yes" else _names(cells, rows, options)
    row = cells if names is None else (rows or [[]])[0]
    numeric = frozenset(place for place, cell in enumerate(row) if _NUMBER.fullmatch(cell.strip()))
    return TextKind(separator, names, len(cells), numeric, notes)


def _cells(line: str, separator: str) -> list[str]:
    try:
        return cells_of(line[:_LONGEST_ROW], separator)
    except csv.Error:
        return []


def _names(cells: list[str], rows: list[list[str]], options: TableOptions) -> tuple[list[str] | None, tuple[str, ...]]:
    """The names of columns, or None where the first line is a row; and what there is to say about it."""
    known = {name for role in ("user", "item", "rating") for name in KNOWN[role] if len(name) > 1}
    has_numbers = any(_NUMBER.fullmatch(cell.strip()) for cell in cells)
    if options.header == "no" or (has_numbers and not _any_of(known, cells)):
        return None, ()
    if _are_named(cells, USUAL_OPTIONS if has_numbers else options):
        return cells, ()
    told = in_a_line(", ".join(cells), 100)
    if _looks_like_a_row(cells, rows, options):
        return None, (f"line 1 is taken for a row: {told}; --header yes if it names the columns",)
    return cells, (f"line 1 is taken for the names of columns: {told}; --header no if it is a row",)


def _any_of(names: Collection[str], cells: Sequence[str]) -> bool:
    return any(plain_name(cell) in names for cell in cells)


def _are_named(cells: Sequence[str], options: TableOptions) -> bool:
    """Whether the columns of users and items go by names in use, or any column by one that was given."""
    given = {role: getattr(options, name) for role, name in OPTION_OF.items() if getattr(options, name) is not None}
    if any(one in cells and one != NO_COLUMN for one in given.values()):
        return True
    guessed = {"user", "item"} - set(given) or {"user", "item"}
    return all(_any_of(KNOWN[role], cells) for role in guessed)


def _looks_like_a_row(cells: Sequence[str], rows: Sequence[Sequence[str]], options: TableOptions) -> bool:
    """A cell that stands below itself is no name; nor are there names where columns go by position and all look alike.

    Names are told by what is below them: numbers and dates have digits, and so have most ids.
    """
    rows = [row for row in rows if len(row) == len(cells)]
    plain = [cell.strip() for cell in cells]
    if any(cell and any(row[place].strip() == cell for row in rows) for place, cell in enumerate(plain)):
        return True
    by_position = options.user_col is not None or options.item_col is not None
    if not rows or not by_position or any(_any_of(names, cells) for names in KNOWN.values()):
        return False
    return all(bool(_DIGIT.search(cell)) == bool(_DIGIT.search(row)) for cell, row in zip(plain, rows[0], strict=True))
