"""Amazon Electronics 5-core, 2014 crawl. He and McAuley, WWW 2016; McAuley et al., SIGIR 2015."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from core.common.errors import UserError, format_value
from recommenders.data.builder import RatingsBuilder
from recommenders.data.columns import Chunk, Column
from recommenders.data.dataset import Dataset, Ratings
from recommenders.data.labels import label_ratings
from recommenders.data.opening import open_binary
from recommenders.data.options import DEFAULT_OPTIONS, DataFiles, TableOptions
from recommenders.data.prescan import CHUNK_BYTES, prescan
from recommenders.data.split import positive_leave_one_out

#: {field of a review: role}.
FIELDS = {"reviewerID": "user", "asin": "item", "overall": "rating", "unixReviewTime": "timestamp"}
_CHUNK_ROWS = 100_000


def load_electronics(data: Path | DataFiles | None, seed: int, options: TableOptions = DEFAULT_OPTIONS) -> Dataset:
    """Load reviews_Electronics_5.json.gz, ordered by (time, user, item), split by positive leave-one-out.

    Of several reviews of an item by a user, the first in that order is kept.

    Args:
        data: the file.
        seed: not used.
        options: the border of positives.

    Raises:
        UserError: no file is given, or it cannot be read.
    """
    path = DataFiles.of(data).data
    if path is None:
        raise UserError("data set electronics: give the path of reviews_Electronics_5.json.gz with --data")
    ratings = read_json_lines(path, FIELDS)
    assert ratings.timestamp is not None
    order = np.lexsort((ratings.item, ratings.user, ratings.timestamp))
    pair = ratings.user[order] * len(ratings.item_ids) + ratings.item[order]
    order = order[np.sort(np.unique(pair, return_index=True)[1])]
    parts = positive_leave_one_out(label_ratings(ratings, options.positive_at).take(order))
    return Dataset("electronics", *parts, ratings.user_ids, ratings.item_ids, "positive leave-one-out by time")


def read_json_lines(path: Path, fields: dict[str, str]) -> Ratings:
    """Read a file with one JSON object per line (unpacked if it is packed).

    Args:
        path: the file.
        fields: {field of the object: user, item, rating or timestamp}.

    Raises:
        UserError: a missing file, a line that is not such an object, a bad cell (with its line), bytes that are not
            text, or more rows than memory holds.
    """
    n_rows = prescan(path, 2 * len(fields)).n_rows  # each cell is a Python object before it is one of a table
    builder = RatingsBuilder(n_rows, frozenset(fields.values()))
    for chunk in _chunks(path, fields):
        builder.add(chunk)
    return builder.build(str(path))


def _chunks(path: Path, fields: dict[str, str]) -> Iterator[Chunk]:
    cells: dict[str, list[str]] = {role: [] for role in fields.values()}
    lines: list[int] = []
    size = 0
    with open_binary(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig") as text:
        for number, line in enumerate(text, start=1):
            if not line.strip():  # not a row, as in a table
                continue
            try:
                record = json.loads(line, parse_float=str)  # keeps all digits of a time
                for field, role in fields.items():
                    cells[role].append(_to_text(record[field]))
            except (ValueError, KeyError, TypeError, RecursionError):
                wanted = f"a JSON object with {', '.join(fields)}"
                raise UserError(
                    f"{path} line {number}: expected {wanted}, got {format_value(line.strip())}; mend it or take it out"
                ) from None
            lines.append(number)
            size += len(line)
            if len(lines) == _CHUNK_ROWS or size > CHUNK_BYTES:
                yield _chunk(path, lines, cells)
                lines, size, cells = [], 0, {role: [] for role in cells}
    yield _chunk(path, lines, cells)


def _chunk(path: Path, lines: list[int], cells: dict[str, list[str]]) -> Chunk:
    columns = {role: Column(pa.array(texts, pa.string())) for role, texts in cells.items()}
    return Chunk(str(path), "line", lines, columns)


def _to_text(value: object) -> str:
    """Return a JSON value as text; what is neither text nor a number counts as missing."""
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    text.encode()  # raises for half of a surrogate pair
    return text
