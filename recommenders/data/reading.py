"""Reading tables of ratings. The only module that imports pandas."""

from __future__ import annotations

import csv
import gzip
import json
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import UserError, first_line
from recommenders.data.dataset import Ratings

#: The columns of Ratings, in the order in which readers hand them over.
COLUMNS = ("user", "item", "rating", "timestamp")
#: What a file that is not there, not text or not gzip raises.
_UNREADABLE = (OSError, UnicodeError, EOFError, zlib.error)


def read_table(path: Path, names: dict[str, str] | list[str], separator: str, encoding: str = "utf-8") -> Ratings:
    """Ratings from a text table (gzip is recognised by its ending).

    Args:
        path: the file.
        names: for a file with a header, {its column: one of COLUMNS} (timestamp may be missing); for
            one without, its columns in order.
        separator: between columns, one character or more.
        encoding: of the text.

    Raises:
        UserError: a missing file or column, or a cell that is empty or not a number, with its line.
    """
    header = isinstance(names, dict)
    frame = _read_text(path, None if isinstance(names, dict) else names, separator, encoding)
    if isinstance(names, dict):
        required = [column for column, role in names.items() if role != "timestamp"]
        missing = [column for column in required if column not in frame.columns]
        if missing:
            there = ", ".join(map(str, frame.columns))[:200]
            raise UserError(f"{path}: missing column {', '.join(missing)}; got {there}")
        frame = frame[[column for column in names if column in frame.columns]].rename(columns=names)
    return _ratings(path, frame, first_line=2 if header else 1)


def _read_text(path: Path, names: list[str] | None, separator: str, encoding: str) -> pd.DataFrame:
    """The cells as text, numbered by the line they stand in; blank lines are left out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows with more cells than there are columns
            frame = pd.read_csv(
                path,
                sep=separator,
                header=0 if names is None else None,
                names=names,
                index_col=False,
                engine="c" if len(separator) == 1 else "python",
                encoding=encoding,
                compression="gzip" if path.suffix == ".gz" else None,
                dtype=str,
                keep_default_na=False,
                skip_blank_lines=False,
            )
    except (*_UNREADABLE, ValueError, csv.Error, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise UserError(f"{path}: expected a table of ratings, could not read it: {first_line(error)[:200]}") from None
    frame = frame.fillna("")
    return frame[(frame != "").any(axis=1)]


def read_json_lines(path: Path, fields: dict[str, str]) -> Ratings:
    """Ratings from a file with a JSON object a line (gzip is recognised by its ending).

    Args:
        path: the file.
        fields: {field of the object: one of COLUMNS}.

    Raises:
        UserError: a missing file, a line that is not such an object, or a bad cell, with its line.
    """
    columns: dict[str, list[str]] = {role: [] for role in fields.values()}
    for number, line in _lines(path):
        try:
            record = json.loads(line)
            for field, role in fields.items():
                columns[role].append(_cell(record[field]))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(f"{path} line {number}: expected JSON with {', '.join(fields)}, got {error!r}") from None
    return _ratings(path, pd.DataFrame(columns), first_line=1)


def _cell(value: object) -> str:
    """A JSON value as text; what is neither text nor a number counts as missing."""
    text = str(value) if isinstance(value, str | int | float) else ""
    text.encode()  # half of a surrogate pair is no text
    return text


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        open_text = gzip.open if path.suffix == ".gz" else open
        with open_text(path, "rt", encoding="utf-8") as file:
            yield from enumerate(file, start=1)
    except _UNREADABLE as error:
        raise UserError(f"{path}: could not read it: {first_line(error)[:200]}") from None


def _ratings(path: Path, frame: pd.DataFrame, first_line: int) -> Ratings:
    """Checked columns, users and items numbered from 0 in the order of their ids."""
    if frame.empty:
        raise UserError(f"{path}: expected ratings, got an empty table")
    user_ids, user = _ids(path, frame["user"], first_line)
    item_ids, item = _ids(path, frame["item"], first_line)
    rating = _numbers(path, frame["rating"], "rating", first_line)
    timestamp = None
    if "timestamp" in frame.columns:
        timestamp = _numbers(path, frame["timestamp"], "timestamp", first_line)
        largest = timestamp[np.abs(timestamp).argmax()]
        if abs(largest) >= 2**53:
            raise UserError(f"{path}: timestamps below 2^53 expected, got {largest:g}")
        timestamp = timestamp.astype(np.int64)
    return Ratings(user, item, rating, timestamp, user_ids, item_ids)


def _ids(path: Path, column: pd.Series, first_line: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct ids in order (as numbers, if all are plain numbers) and the place of each row's."""
    text = column.astype(str).to_numpy(dtype=str)
    empty = np.flatnonzero(np.char.strip(text) == "")
    if len(empty):
        line = column.index[empty[0]] + first_line
        raise UserError(f"{path} line {line}: {_a(column.name)} expected, got an empty cell")
    ids, place = np.unique(text, return_inverse=True)
    if all(i.isascii() and i.isdigit() and (i == "0" or i[0] != "0") and len(i) < 19 for i in ids.tolist()):
        numbers = ids.astype(np.int64)
        order = np.argsort(numbers)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return numbers[order], rank[place].astype(np.int64)
    return ids, place.astype(np.int64)


def _numbers(path: Path, column: pd.Series, name: str, first_line: int) -> np.ndarray:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        shown = str(column.iloc[bad[0]])[:40]
        more = f" (and {len(bad) - 1} more such lines)" if len(bad) > 1 else ""
        line = column.index[bad[0]] + first_line
        raise UserError(f"{path} line {line}: {name}: a finite number expected, got {shown!r}{more}")
    return numbers


def _a(role: object) -> str:
    return f"an {role}" if role == "item" else f"a {role}"
