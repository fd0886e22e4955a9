"""The dialect of a text table: its separator, and whether its first line names the columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.common.errors import UserError, format_value, in_a_line
from recommenders.data.layout import KNOWN_NAMES, OPTION_OF, plain_name
from recommenders.data.opening import read_first_line, read_first_lines
from recommenders.data.options import DEFAULT_OPTIONS, NO_COLUMN, TableOptions
from recommenders.data.quotes import split_line

#: {separator: its name}; the one that gives most cells in the first line is taken, the first of several.
SEPARATORS = {"\t": "tabs", "::": "::", ",": "commas", ";": "semicolons", "|": "|"}
#: No table is wider: pandas takes minutes for a header of 200,000 columns.
MAX_COLUMNS = 200
_MAX_SPLIT = 10_000  # characters of a row that are looked at
_QUOTED = re.compile(r'"[^"]*"')
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_EXCEL_SEPARATOR = re.compile(r'"?sep=.?"?', re.IGNORECASE)
#: What cells of a row are called, and columns may be, too: where both are, that says nothing.
_NOTHING = frozenset({"", "?", "na", "n/a", "nan", "null", "none", "-", "inf", "-inf"})
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Dialect:
    """The layout of a text file."""

    separator: str
    """Between columns: one character, or "::"."""
    names: list[str] | None
    """Names of columns; None if the first line is a row."""
    n_columns: int
    """Columns of every row."""
    numeric: frozenset[int]
    """Indices of columns whose first cell is a number."""
    notes: tuple[str, ...] = ()
    """What was guessed about the first line, a sentence each."""


def sniff(path: Path, options: TableOptions = DEFAULT_OPTIONS) -> Dialect:
    """Guess the dialect of a text file from its first lines.

    Args:
        path: the file.
        options: which columns were named, and whether the first line names them.

    Raises:
        UserError: the file is empty, or has one column only, or too many.
    """
    line = read_first_line(path)
    if not line.strip():
        raise UserError(f"{path}: expected rows, got an empty table: its first line has nothing in it")
    if _EXCEL_SEPARATOR.fullmatch(line.strip()):
        raise UserError(
            f"{path} line 1: expected the names of columns, got {format_value(line)}, which only Excel understands; "
            "remove it"
        )
    bare = _QUOTED.sub("", line)
    separator = max(SEPARATORS, key=bare.count)
    cells = _split_header(path, line, separator)
    if len(cells) < 2:
        named = ", ".join(SEPARATORS.values())
        raise UserError(f"{path} line 1: expected columns separated by {named}, got one column: {format_value(line)}")
    if not any(cell.strip() for cell in cells):
        raise UserError(f"{path}: expected a table that begins with the names of its columns, got none")
    rows = [_split_or_skip(row, separator) for row in read_first_lines(path)[1:]]
    names, notes = (cells, ()) if options.header == "yes" else _names(cells, rows, options)
    row = cells if names is None else (rows or [[]])[0]
    numeric = frozenset(place for place, cell in enumerate(row) if _NUMBER.fullmatch(cell.strip()))
    return Dialect(separator, names, len(cells), numeric, notes)


def _split_header(path: Path, line: str, separator: str) -> list[str]:
    if line.count(separator) >= MAX_COLUMNS:
        raise UserError(f"{path}: expected at most {MAX_COLUMNS} columns, got {line.count(separator) + 1}")
    try:
        return split_line(line, separator)
    except csv.Error as error:
        raise UserError(f"{path} line 1: expected the names of columns, got {format_value(line)}: {error}") from None


def _split_or_skip(line: str, separator: str) -> list[str]:
    """Return the cells of a line, or none if one is too long."""
    try:
        return split_line(line[:_MAX_SPLIT], separator)
    except csv.Error:
        return []


def _names(cells: list[str], rows: list[list[str]], options: TableOptions) -> tuple[list[str] | None, tuple[str, ...]]:
    """Return the names of columns, or None if the first line is a row; and notes about that."""
    known = {name for role in ("user", "item", "rating") for name in KNOWN_NAMES[role] if len(name) > 1}
    has_numbers = any(_NUMBER.fullmatch(cell.strip()) for cell in cells)
    if options.header == "no" or (has_numbers and not _any_of(known, cells)):
        return None, ()
    if _are_named(cells, DEFAULT_OPTIONS if has_numbers else options):
        return cells, ()
    line = in_a_line(", ".join(cells), 100)
    if _looks_like_a_row(cells, rows, options):
        return None, (f"line 1 is taken for a row: {line}; --header yes if it names the columns",)
    return cells, (f"line 1 is taken for the names of columns: {line}; --header no if it is a row",)


def _any_of(names: Collection[str], cells: Sequence[str]) -> bool:
    return any(plain_name(cell) in names for cell in cells)


def _are_named(cells: Sequence[str], options: TableOptions) -> bool:
    """Tell whether cells have common names of users and items, or a name that was given."""
    given = {role: getattr(options, name) for role, name in OPTION_OF.items() if getattr(options, name) is not None}
    if any(one in cells and one != NO_COLUMN for one in given.values()):
        return True
    guessed = {"user", "item"} - set(given) or {"user", "item"}
    return all(_any_of(KNOWN_NAMES[role], cells) for role in guessed)


def _looks_like_a_row(cells: Sequence[str], rows: Sequence[Sequence[str]], options: TableOptions) -> bool:
    """Tell whether cells are a row and not names.

    A cell that occurs again below itself is not a name. Where columns are named by position and no cell is a common
    name, cells are a row if they have digits exactly where the first row has them, as numbers, dates and most ids do.
    """
    rows = [row for row in rows if len(row) == len(cells)]
    plain = [cell.strip() for cell in cells]
    said = [(place, cell) for place, cell in enumerate(plain) if cell.lower() not in _NOTHING]
    if any(row[place].strip() == cell for place, cell in said for row in rows):
        return True
    by_position = options.user_col is not None or options.item_col is not None
    if not rows or not by_position or any(_any_of(names, cells) for names in KNOWN_NAMES.values()):
        return False
    return all(bool(_DIGIT.search(cell)) == bool(_DIGIT.search(row)) for cell, row in zip(plain, rows[0], strict=True))
