"""Raw results: a small table of texts and numbers, written as CSV and read as anybody's file."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from core.common.errors import UserError, format_value

#: A table of raw results, columns as its reproduction names them.
Frame: TypeAlias = pd.DataFrame

#: No file of ours comes near.
_MOST_BYTES, _MOST_ROWS = 5_000_000, 20_000
_PATTERNS = {
    int: re.compile(r"[-+]?\d{1,15}", re.ASCII),
    float: re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII),
}
_IN_WORDS = {int: "a whole number", float: "a finite number"}
#: Kind of cells -> how pandas holds them to write them; Int64 has whole numbers that may be missing.
_WRITTEN = {str: str, int: "Int64", float: float}
#: What no text of ours holds, and files would have to quote.
_BREAK = re.compile(r"[\r\n\0]")
#: Digits that are kept of a number.
_DIGITS = 6


@dataclass(frozen=True)
class Column:
    """A column of raw results."""

    name: str
    kind: type = float
    """Of its cells: str, int or float. Numbers are finite."""
    optional: bool = False
    """Whether a cell may be empty: no text, or no number (NaN)."""
    known: frozenset[str] | None = None
    """The texts that may be there; None: any."""

    def read(self, text: str) -> Any:
        """The value of a cell.

        Raises:
            UserError: it is of another kind.
        """
        is_text, is_empty = self.kind is str, not text.strip()
        if is_empty and self.optional:
            return text if is_text else math.nan
        if is_text and not is_empty and (self.known is None or text in self.known):
            return text
        if not is_text and _PATTERNS[self.kind].fullmatch(text) and math.isfinite(value := self.kind(text)):
            return value
        if is_empty:
            raise UserError(f"{self.name}: expected {'some text' if is_text else 'a number'}, got nothing")
        wanted = " or ".join(sorted(self.known or ())) or _IN_WORDS[self.kind]
        raise UserError(f"{self.name}: expected {wanted}, got {format_value(text)}")


#: Where something was measured, and what a loss was trained with.
PAIR = (Column("model", str), Column("dataset", str))
SMOOTHED = (Column("loss", str), Column("epsilon", optional=True))
TRAINED = (*PAIR, *SMOOTHED, Column("learning_rate"), Column("weight_decay"))


def converged(*metrics: str) -> tuple[Column, ...]:
    """Columns of what a training to convergence comes to: metrics on both parts."""
    parts = [Column(f"{part}_{metric}", optional=True) for part in ("validation", "test") for metric in metrics]
    return (Column("seed", int), Column("best_epoch", int), *parts)


def frame(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> Frame:
    """The rows as a frame. None and numbers that are not finite become what a file has there: nothing."""
    return pd.DataFrame([{c.name: _cell(c, row.get(c.name)) for c in columns} for row in rows])


def _cell(column: Column, value: Any) -> Any:
    if column.kind is str:
        return "" if value is None else _BREAK.sub(" ", str(value))
    return math.nan if value is None or not math.isfinite(value) else value


def to_csv(raw: Frame, columns: Sequence[Column]) -> bytes:
    """The content of a file; what is read back from it is the same but for the last digits of numbers."""
    kinds = {column.name: _WRITTEN[column.kind] for column in columns}
    return raw.astype(kinds).to_csv(index=False, lineterminator="\n", float_format=f"%.{_DIGITS}g").encode()


def read_csv(path: Path, columns: Sequence[Column]) -> Frame:
    """Read what `to_csv` made, from wherever it comes.

    Args:
        path: of the file, which --cached named.
        columns: what it has to hold.

    Raises:
        UserError: not a readable file, other columns, or a cell of another kind; says where.
    """
    where = f"--cached {path}"
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{where}: cannot read it: {problem}") from None
    if len(content) > _MOST_BYTES:
        raise UserError(f"{where}: expected raw results of at most {_MOST_BYTES:,} bytes, got more")
    return from_csv(content, columns, where)


def from_csv(content: bytes, columns: Sequence[Column], where: str) -> Frame:
    """Read the content of a file, see `read_csv`.

    Raises:
        UserError: other columns, or a cell of another kind; says where.
    """
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True))
    except (ValueError, csv.Error) as error:
        raise UserError(f"{where}: expected a CSV file: {error}") from None
    header, wanted = lines[0] if lines else [], [column.name for column in columns]
    if header != wanted:
        raise UserError(f"{where}: expected the columns {','.join(wanted)}, got {format_value(','.join(header))}")
    if not 1 < len(lines) <= _MOST_ROWS:
        raise UserError(f"{where}: expected 1 to {_MOST_ROWS:,} rows, got {len(lines) - 1:,}")
    return frame(columns, [_row(line, columns, f"{where}, row {i}") for i, line in enumerate(lines[1:], start=2)])


def _row(line: Sequence[str], columns: Sequence[Column], where: str) -> dict[str, Any]:
    if len(line) != len(columns):
        raise UserError(f"{where}: expected {len(columns)} cells, got {len(line)}")
    try:
        return {column.name: column.read(cell) for column, cell in zip(columns, line, strict=True)}
    except UserError as error:
        raise UserError(f"{where}, {error}") from None
