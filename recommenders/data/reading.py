"""Reading published files, whose layout is known."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from core.common.errors import UserError, in_a_line, shown
from recommenders.data.columns import Piece, TextColumn
from recommenders.data.dataset import Ratings
from recommenders.data.gathering import Gatherer
from recommenders.data.opening import beginning, opened
from recommenders.data.quotes import cells_of
from recommenders.data.survey import PIECE_BYTES, survey
from recommenders.data.text_table import MAX_COLUMNS, TextTable

#: The columns of Ratings, in the order in which readers hand them over.
COLUMNS = ("user", "item", "rating", "timestamp")
_ROWS_AT_ONCE = 100_000


def read_table(path: Path, names: dict[str, str] | list[str], separator: str, encoding: str = "utf-8") -> Ratings:
    """Ratings from a text table (unpacked where it is packed).

    Args:
        path: the file.
        names: for a file with a header, {its column: one of COLUMNS} (timestamp may be missing); for
            one without, its columns in order.
        separator: between columns: one character, or "::".
        encoding: of the text.

    Raises:
        UserError: a missing file or column, a column that stands twice, a cell that is empty or not a number
            (with its line), no text, or more of it than fits into memory.
    """
    if isinstance(names, list):
        places, n_columns = {role: i for i, role in enumerate(names)}, len(names)
    else:
        header = read_header(path, beginning(path, encoding), separator)
        places, n_columns = _places(path, header, names), len(header)
    table = TextTable(path, separator, n_columns, isinstance(names, dict), encoding)
    gatherer = Gatherer(table.n_rows, frozenset(places))
    for piece in table.pieces(places):
        gatherer.add(piece)
    return _ratings(gatherer, path)


def read_header(path: Path, line: str, separator: str) -> list[str]:
    """The cells of the first line.

    Raises:
        UserError: too many, or no cells at all.
    """
    if line.count(separator) >= MAX_COLUMNS:
        raise UserError(f"{path}: expected at most {MAX_COLUMNS} columns, got {line.count(separator) + 1}")
    try:
        return cells_of(line, separator)
    except csv.Error as error:
        raise UserError(f"{path} line 1: expected the names of columns, got {shown(line)}: {error}") from None


def _places(path: Path, header: list[str], names: dict[str, str]) -> dict[str, int]:
    """The place of every column that is wanted, by its role."""
    if not any(header):
        raise UserError(f"{path}: expected a table of ratings that begins with the names of its columns, got none")
    missing = [column for column, role in names.items() if role != "timestamp" and column not in header]
    if missing:
        raise UserError(f"{path}: missing column {', '.join(missing)}; got {in_a_line(', '.join(header), 200)}")
    twice = [column for column in names if header.count(column) > 1]
    if twice:
        raise UserError(f"{path}: expected every column once, got {', '.join(twice)} twice; leave out one of them")
    return {role: header.index(column) for column, role in names.items() if column in header}


def read_json_lines(path: Path, fields: dict[str, str]) -> Ratings:
    """Ratings from a file with a JSON object a line (unpacked where it is packed).

    Args:
        path: the file.
        fields: {field of the object: one of COLUMNS}.

    Raises:
        UserError: a missing file, a line that is not such an object, a bad cell (with its line), no text, or more
            of it than fits into memory.
    """
    n_rows = survey(path, 2 * len(fields)).n_rows  # a cell is an object of Python's before it is one of a table
    gatherer = Gatherer(n_rows, frozenset(fields.values()))
    for piece in _records(path, fields):
        gatherer.add(piece)
    return _ratings(gatherer, path)


def _records(path: Path, fields: dict[str, str]) -> Iterator[Piece]:
    columns: dict[str, list[str]] = {role: [] for role in fields.values()}
    rows: list[int] = []
    size = 0
    with opened(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig") as text:
        for number, line in enumerate(text, start=1):
            if not line.strip():  # as in a table, such a line is no row
                continue
            try:
                record = json.loads(line, parse_float=str)  # all digits of a time
                for field, role in fields.items():
                    columns[role].append(_cell(record[field]))
            except (ValueError, KeyError, TypeError, RecursionError):
                wanted = f"a JSON object with {', '.join(fields)}"
                raise UserError(
                    f"{path} line {number}: expected {wanted}, got {shown(line.strip())}; mend it or take it out"
                ) from None
            rows.append(number)
            size += len(line)
            if len(rows) == _ROWS_AT_ONCE or size > PIECE_BYTES:
                yield _piece(path, rows, columns)
                rows, size, columns = [], 0, {role: [] for role in columns}
    yield _piece(path, rows, columns)


def _piece(path: Path, rows: list[int], columns: dict[str, list[str]]) -> Piece:
    cells = {role: TextColumn(pd.Series(cells, dtype=object)) for role, cells in columns.items()}
    return Piece(f"{path} line", rows, cells)


def _cell(value: object) -> str:
    """A JSON value as text; what is neither text nor a number counts as missing."""
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    text.encode()  # half of a surrogate pair is no text
    return text


def _ratings(gatherer: Gatherer, path: Path) -> Ratings:
    rows = gatherer.done(str(path))
    assert rows.rating is not None
    return Ratings(rows.user, rows.item, rows.rating, rows.time, rows.user_ids, rows.item_ids)
