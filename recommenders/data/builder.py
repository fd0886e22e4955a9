"""From chunks of a table to ratings: ids are encoded, cells checked, and no text is kept but distinct ids."""

from __future__ import annotations

import re

import numpy as np
import torch

from core.common.errors import UserError, format_value
from recommenders.common.memory import free_memory
from recommenders.data.columns import Chunk
from recommenders.data.dataset import Ratings
from recommenders.data.ids import id_text
from recommenders.data.times import TimestampReader
from recommenders.data.timestamps import dense_rank

#: Longest id in characters. A longer one comes from a quotation mark that was never closed.
MAX_ID = 1_000
_PART_WORDS = {
    **dict.fromkeys(("train", "training", "tr"), 0),
    **dict.fromkeys(("validation", "valid", "val", "validate", "dev"), 1),
    **dict.fromkeys(("test", "testing", "te"), 2),
}
#: Bytes that sorting takes for each distinct id, and bytes to leave free in any case.
_BYTES_PER_ID, _RESERVED_BYTES = 100, 2**24


class RatingsBuilder:
    """Collects the chunks of a table.

    Args:
        capacity: the most rows that can come.
        roles: the columns that will come: user, item and perhaps rating, timestamp, part.
    """

    def __init__(self, capacity: int, roles: frozenset[str]) -> None:
        self._n, self._capacity = 0, capacity
        self._ids = {role: _IdEncoder(role, capacity) for role in ("user", "item")}
        self._rating = _RatingColumn(capacity) if "rating" in roles else None
        self._time = _TimestampColumn(capacity) if "timestamp" in roles else None
        self._part = np.empty(capacity, dtype=np.int8) if "part" in roles else None

    def add(self, chunk: Chunk, part: int | None = None) -> None:
        """Append the rows of a chunk.

        Args:
            chunk: the rows.
            part: 0 for training, 1 for validation, 2 for test, where no column says it.

        Raises:
            UserError: a bad cell, with its row; more rows than `capacity`, or more ids than memory holds.
        """
        if not len(chunk):
            return
        start, stop = self._n, self._n + len(chunk)
        if stop > self._capacity:
            raise UserError(f"{chunk.location(0)}: expected {self._capacity} rows in all, got more; the file is broken")
        for ids in self._ids.values():
            ids.add(start, chunk)
        self._refuse_repeated_header(start, chunk)
        for column in (self._rating, self._time):
            if column is not None:
                column.add(start, chunk)
        if self._part is not None:
            self._part[start:stop] = _read_parts(chunk) if part is None else part
        self._n = stop
        needed = _RESERVED_BYTES + _BYTES_PER_ID * sum(map(len, self._ids.values()))
        if free_memory(torch.device("cpu")) < needed:
            raise UserError(
                f"{chunk.location(-1)}: memory is full; expected ratings that fit into it, give a part of them"
            )

    def _refuse_repeated_header(self, start: int, chunk: Chunk) -> None:
        """Concatenated files repeat their header, which would become a user and an item."""
        if not chunk.names:
            return
        found = [ids.rows_with(chunk.names[role], start, len(chunk)) for role, ids in self._ids.items()]
        again = np.flatnonzero(found[0] & found[1])
        if len(again):
            raise UserError(
                f"{chunk.location(int(again[0]))}: expected a user and an item, got the names of the columns again: "
                f"{format_value(chunk.names['user'])} and {format_value(chunk.names['item'])}; take such rows out, "
                "or give --header no if line 1 is a row"
            )

    def build(self, table: str) -> Ratings:
        """Return all rows. The builder is used up.

        Args:
            table: the table's name in messages.

        Raises:
            UserError: no rows, or cells that should be numbers and are not.
        """
        if not self._n:
            raise UserError(f"{table}: expected ratings, got an empty table")
        rating = None if self._rating is None else self._rating.build(self._n)
        time = None if self._time is None else self._time.build(self._n)
        (user_ids, user), (item_ids, item) = (ids.build(self._n) for ids in self._ids.values())
        part = None if self._part is None else self._part[: self._n]
        notes = [] if self._time is None else self._time.reader.notes
        return Ratings(user, item, rating, time, user_ids, item_ids, part, notes)


class _Codes(dict[str, int]):
    """{cell: code of its id}. Codes count from 0 in the order in which ids are first seen."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []

    def __missing__(self, cell: str) -> int:
        name = id_text(cell)
        if name != cell:
            code = self[cell] = self[name]
            return code
        code = self[cell] = len(self.ids)
        self.ids.append(cell)
        return code


class _IdEncoder:
    """Encodes the ids of users or items as integers. A dictionary has every spelling of an id once."""

    def __init__(self, role: str, capacity: int) -> None:
        self._role = role
        self._rows = np.empty(capacity, dtype=np.int64)
        self._codes = _Codes()

    def __len__(self) -> int:
        return len(self._codes)

    def add(self, start: int, chunk: Chunk) -> None:
        codes, n_known = self._codes, len(self._codes.ids)
        cells, index = chunk.columns[self._role].ids()
        found = np.fromiter(map(codes.__getitem__, cells), dtype=np.int64, count=len(cells))
        found = found[index]
        self._rows[start : start + len(found)] = found
        if len(codes.ids) > n_known:
            self._check_new(chunk, found, n_known)

    def rows_with(self, name: str, start: int, n: int) -> np.ndarray | bool:
        """Return [n] whether rows have this id, with or without a byte order mark before it."""
        known = [self._codes[one] for one in (name, f"\ufeff{name}") if one in self._codes]
        return np.isin(self._rows[start : start + n], known) if known else False

    def _check_new(self, chunk: Chunk, found: np.ndarray, n_known: int) -> None:
        for code, text in enumerate(self._codes.ids[n_known:], start=n_known):
            if not text.strip() or len(text) > MAX_ID or any(end in text for end in "\r\n\0"):
                got = format_value(text) if text.strip() else "an empty cell"
                limit = f" of one line and at most {MAX_ID} characters" * bool(text.strip())
                article = "an" if self._role == "item" else "a"
                row = int(np.flatnonzero(found == code)[0])
                raise UserError(f"{chunk.location(row)}: {article} {self._role}{limit} expected, got {got}")

    def build(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the distinct ids in order (as numbers, if all are plain ones), and [n] the index of each row's."""
        ids = self._codes.ids
        self._codes = _Codes()
        plain = all(i.isascii() and i.isdigit() and (i == "0" or i[0] != "0") and len(i) < 19 for i in ids)
        array = np.array(ids, dtype=np.int64) if plain else np.array(ids, dtype=np.dtypes.StringDType())
        order = np.argsort(array, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        rows = self._rows[:n]
        np.take(rank, rows, out=rows, mode="clip")  # clip is what writes in place; all are in range
        return array[order], rows


#: What to do about a cell that is not a number.
_ADVICE = {
    "rating": "; fill it in, or leave such rows out",
    "timestamp": "; write all times in one form, or leave them out with --time-col none",
}
_DECIMAL_COMMA = re.compile(r"'\s*[+-]?\d+,\d+\s*'")


class _BadCells:
    """Cells of a column that should be numbers and are not: describes the first one, counts the others."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._n, self._message, self._unit, self._advice = 0, "", "", _ADVICE[role]

    def add(self, chunk: Chunk, is_bad: np.ndarray) -> None:
        """Take note of the rows where `is_bad` [n] is set."""
        rows = np.flatnonzero(is_bad)
        if len(rows) and not self._n:
            got = chunk.cell(self._role, int(rows[0]))
            self._message = f"{chunk.location(int(rows[0]))}: {self._role}: a finite number expected, got {got}"
            if _DECIMAL_COMMA.fullmatch(got):
                self._advice = "; write it with a point in place of the comma"
            self._unit = f"{chunk.unit}s"
        self._n += len(rows)

    def refuse(self) -> None:
        """Raise a UserError if there was any."""
        if self._n:
            more = f" (and {self._n - 1} more such {self._unit})" if self._n > 1 else ""
            raise UserError(self._message + more + self._advice)


class _RatingColumn:
    def __init__(self, capacity: int) -> None:
        self._values = np.empty(capacity, dtype=np.float64)
        self._bad = _BadCells("rating")

    def add(self, start: int, chunk: Chunk) -> None:
        numbers = chunk.columns["rating"].numbers()
        self._bad.add(chunk, ~np.isfinite(numbers))
        self._values[start : start + len(numbers)] = numbers

    def build(self, n: int) -> np.ndarray:
        self._bad.refuse()
        return self._values[:n]


class _TimestampColumn:
    """Whole numbers; fractions take memory once there is one."""

    def __init__(self, capacity: int) -> None:
        self._whole = np.empty(capacity, dtype=np.int64)
        self._fraction: np.ndarray | None = None
        self._bad = _BadCells("timestamp")
        self.reader = TimestampReader()

    def add(self, start: int, chunk: Chunk) -> None:
        times = self.reader.read(chunk)
        if times.missing is not None:
            self._bad.add(chunk, times.missing)
        if times.overflow is not None:
            row = int(times.overflow.argmax())
            raise UserError(
                f"{chunk.location(row)}: timestamps below 2^63 expected, got "
                f"{chunk.cell('timestamp', row)}; write them in a larger unit, or leave them out with "
                "--time-col none"
            )
        stop = start + len(times.whole)
        self._whole[start:stop] = times.whole
        if times.fraction is not None:
            self._fraction = np.zeros(len(self._whole)) if self._fraction is None else self._fraction
            self._fraction[start:stop] = times.fraction

    def build(self, n: int) -> np.ndarray:
        """Return [n] the times, or their ranks where some have fractions."""
        self._bad.refuse()
        if self._fraction is None:
            return self._whole[:n]
        fraction, self._fraction = self._fraction[:n], None
        return dense_rank(self._whole[:n], fraction)


def _read_parts(chunk: Chunk) -> np.ndarray:
    cells, index = chunk.columns["part"].ids()
    parts = np.array([_PART_WORDS.get(cell.strip().lower(), -1) for cell in cells], dtype=np.int8)[index]
    if parts.min() < 0:
        row = int(parts.argmin())
        got = chunk.cell("part", row)
        raise UserError(f"{chunk.location(row)}: split: train, validation or test expected, got {got}")
    return parts
