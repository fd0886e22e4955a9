"""Reading tables of ratings. The only module that imports pandas."""

from __future__ import annotations

import csv
import io
import json
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from core.errors import UserError, first_line, in_a_line, shown
from recommenders.data.dataset import Ratings
from recommenders.data.opening import beginning, check_text, opened

#: The columns of Ratings, in the order in which readers hand them over.
COLUMNS = ("user", "item", "rating", "timestamp")
#: No table is wider: pandas takes minutes for a header of 200,000 columns.
MAX_COLUMNS = 200
#: No id is longer, in characters; one that is comes from an unclosed quote.
MAX_ID = 1_000
_ROWS_AT_ONCE = 1_000_000


def read_table(path: Path, names: dict[str, str] | list[str], separator: str, encoding: str = "utf-8") -> Ratings:
    """Ratings from a text table (gzip is recognised by its ending).

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
        place = {role: i for i, role in enumerate(names)}
        n_columns = len(names)
    else:
        header = _header(path, separator, encoding)
        place = _places(path, header, names)
        n_columns = len(header)
    n_header = int(isinstance(names, dict))
    n_lines = check_text(path, n_columns, encoding)
    frame = _numbered(_read_text(path, n_columns, n_header, separator, encoding), 1 + n_header, n_lines)
    return _ratings(path, frame[list(place.values())].set_axis(list(place), axis=1))


def _header(path: Path, separator: str, encoding: str) -> list[str]:
    line = beginning(path, encoding)
    if line.count(separator) >= MAX_COLUMNS:
        raise UserError(f"{path}: expected at most {MAX_COLUMNS} columns, got {line.count(separator) + 1}")
    try:
        return next(csv.reader([line], delimiter=separator), [])
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


def _read_text(path: Path, n_columns: int, n_header: int, separator: str, encoding: str) -> pd.DataFrame:
    """The cells as text, blank lines included."""
    with opened(path) as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)  # rows with more cells than there are columns
                frame = pd.read_csv(
                    file if len(separator) == 1 else _with_tabs(file, separator),
                    sep=separator if len(separator) == 1 else "\t",
                    header=None,
                    names=range(n_columns),
                    skiprows=n_header,
                    index_col=False,
                    engine="c",
                    encoding=encoding,
                    compression=None,
                    dtype=str,
                    keep_default_na=False,
                    skip_blank_lines=False,
                )
        except pd.errors.EmptyDataError:
            frame = pd.DataFrame(columns=range(n_columns), dtype=str)
        except pd.errors.ParserWarning:
            raise UserError(f"{path}: expected rows of {n_columns} cells, got rows of more") from None
        except (ValueError, csv.Error, pd.errors.ParserError) as error:
            problem = in_a_line(first_line(error), 200)
            raise UserError(f"{path}: expected a table of ratings, could not read it: {problem}") from None
    return frame.fillna("")


def _numbered(frame: pd.DataFrame, first: int, n_lines: int) -> pd.DataFrame:
    """The rows numbered by the line that they begin in, which is `first` for the first; blank ones left out."""
    frame.index += first
    if first + len(frame) - 1 < n_lines:  # quoted cells go over several lines
        further = sum(frame[column].str.count("\r\n|\n|\r") for column in frame.columns)
        frame.index += further.cumsum().shift(fill_value=0)
    return frame[(frame != "").any(axis=1)]


class _WithTabs(io.RawIOBase):
    """The bytes of a file with a tab in place of every separator, for a reader that takes single characters."""

    def __init__(self, file: BinaryIO, separator: bytes) -> None:
        self._file = file
        self._separator = separator

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        text = self._file.read(len(buffer) // 2)
        # A separator is not cut in two: its characters are taken as long as they come.
        while text and text[-1:] in self._separator and len(text) < len(buffer) and (more := self._file.read(1)):
            text += more
        text = text.replace(self._separator, b"\t")
        buffer[: len(text)] = text
        return len(text)


def _with_tabs(file: BinaryIO, separator: str) -> BinaryIO:
    return io.BufferedReader(_WithTabs(file, separator.encode()), buffer_size=2**18)


def read_json_lines(path: Path, fields: dict[str, str]) -> Ratings:
    """Ratings from a file with a JSON object a line (gzip is recognised by its ending).

    Args:
        path: the file.
        fields: {field of the object: one of COLUMNS}.

    Raises:
        UserError: a missing file, a line that is not such an object, a bad cell (with its line), no text, or more
            of it than fits into memory.
    """
    check_text(path, 2 * len(fields))  # a cell is an object of Python's before it is one of a table
    columns: dict[str, list[str]] = {role: [] for role in fields.values()}
    with opened(path) as file, io.TextIOWrapper(file, encoding="utf-8") as text:
        for number, line in enumerate(text, start=1):
            try:
                record = json.loads(line)
                for field, role in fields.items():
                    columns[role].append(_cell(record[field]))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                got = f"{type(error).__name__}: {in_a_line(first_line(error), 100)}"
                raise UserError(f"{path} line {number}: expected JSON with {', '.join(fields)}, got {got}") from None
    frame = pd.DataFrame(columns, dtype=str)
    frame.index += 1
    return _ratings(path, frame)


def _cell(value: object) -> str:
    """A JSON value as text; what is neither text nor a number counts as missing."""
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    text.encode()  # half of a surrogate pair is no text
    return text


def _ratings(path: Path, frame: pd.DataFrame) -> Ratings:
    """Checked columns, users and items numbered from 0 in the order of their ids; the index has the lines."""
    if frame.empty:
        raise UserError(f"{path}: expected ratings, got an empty table")
    user_ids, user = _ids(path, frame["user"])
    item_ids, item = _ids(path, frame["item"])
    rating = _numbers(path, frame["rating"])
    timestamp = None
    if "timestamp" in frame.columns:
        timestamp = _numbers(path, frame["timestamp"])
        largest = np.abs(timestamp).argmax()
        if abs(timestamp[largest]) >= 2**53:
            line, got = frame.index[largest], timestamp[largest]
            raise UserError(f"{path} line {line}: timestamps below 2^53 expected, got {got:g}")
        timestamp = timestamp.astype(np.int64)
    return Ratings(user, item, rating, timestamp, user_ids, item_ids)


def _ids(path: Path, column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """The distinct ids in order (as numbers, if all are plain numbers) and the place of each row's.

    A dict numbers them: nobody can choose ids that make it slow, and it holds every id once.
    """
    numbers: dict[str, int] = {}
    number = np.empty(len(column), dtype=np.int64)
    for start in range(0, len(column), _ROWS_AT_ONCE):
        cells = column.iloc[start : start + _ROWS_AT_ONCE].tolist()
        number[start : start + len(cells)] = [numbers.setdefault(cell, len(numbers)) for cell in cells]
    ids = list(numbers)
    bad = next((i for i, text in enumerate(ids) if not _is_id(text)), None)
    if bad is not None:
        line = column.index[np.flatnonzero(number == bad)[0]]
        got = shown(ids[bad]) if ids[bad].strip() else "an empty cell"
        limit = f" of one line and at most {MAX_ID} characters" * bool(ids[bad].strip())
        raise UserError(f"{path} line {line}: {_a(column.name)}{limit} expected, got {got}")
    plain = all(i.isascii() and i.isdigit() and (i == "0" or i[0] != "0") and len(i) < 19 for i in ids)
    array = np.array(ids, dtype=np.int64) if plain else np.array(ids, dtype=np.dtypes.StringDType())
    order = np.argsort(array, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return array[order], rank[number]


def _is_id(text: str) -> bool:
    return bool(text.strip()) and len(text) <= MAX_ID and not any(end in text for end in "\r\n\0")


def _numbers(path: Path, column: pd.Series) -> np.ndarray:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        more = f" (and {len(bad) - 1} more such lines)" if len(bad) > 1 else ""
        got = f"{shown(column.iloc[bad[0]])}{more}"
        raise UserError(f"{path} line {column.index[bad[0]]}: {column.name}: a finite number expected, got {got}")
    return numbers


def _a(role: object) -> str:
    return f"an {role}" if role == "item" else f"a {role}"
