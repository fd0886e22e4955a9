"""Rows become numbers piece by piece: ids are numbered, cells are checked, and nothing of the text is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from core.common.errors import UserError, shown
from recommenders.common.memory import free_memory
from recommenders.data.columns import Column, Piece
from recommenders.data.ids import id_text
from recommenders.data.moments import in_order
from recommenders.data.times import TimeReader

#: The parts of a data set, in the order of their numbers.
PARTS = ("train", "validation", "test")
#: No id is longer, in characters; one that is comes from an unclosed quote.
MAX_ID = 1_000
_PART_WORDS = {
    **dict.fromkeys(("train", "training", "tr"), 0),
    **dict.fromkeys(("validation", "valid", "val", "validate", "dev"), 1),
    **dict.fromkeys(("test", "testing", "te"), 2),
}
#: Bytes that sorting takes for a distinct id that is numbered already, and that are left alone in any case.
_PER_ID, _RESERVE = 100, 2**24


@dataclass
class Gathered:
    """All rows of a table, as numbers. Owned by who asked for it, who may let go of columns."""

    user: np.ndarray
    """[n] int64, from 0 in the order of `user_ids`."""
    item: np.ndarray
    """[n] int64."""
    rating: np.ndarray | None
    """[n] float64, or None where there is no such column."""
    time: np.ndarray | None
    """[n] int64 in the order of times: the times themselves where all are whole, else their places."""
    part: np.ndarray | None
    """[n] int8, the place in PARTS."""
    user_ids: np.ndarray
    """The published id of every user."""
    item_ids: np.ndarray
    """The published id of every item."""
    notes: list[str] = field(default_factory=list)
    """What was found out on the way, a sentence each."""


class Gatherer:
    """Takes pieces, gives numbers.

    Args:
        capacity: how many rows there are at most.
        roles: of columns that will come: user, item and perhaps rating, timestamp, part.
    """

    def __init__(self, capacity: int, roles: frozenset[str]) -> None:
        self._n, self._capacity = 0, capacity
        self._ids = {role: _Ids(role, capacity) for role in ("user", "item")}
        self._rating = _Ratings(capacity) if "rating" in roles else None
        self._time = _Times(capacity) if "timestamp" in roles else None
        self._part = np.empty(capacity, dtype=np.int8) if "part" in roles else None

    def add(self, piece: Piece, part: int | None = None) -> None:
        """Take these rows; `part` is theirs where they have no column that says it.

        Raises:
            UserError: a cell that is none, with its row; more rows or ids than there is room for.
        """
        if not len(piece.rows):
            return
        start, stop = self._n, self._n + len(piece.rows)
        if stop > self._capacity:
            raise UserError(f"{piece.at(0)}: expected {self._capacity} rows in all, got more; the file is broken")
        for role, ids in self._ids.items():
            ids.add(start, piece, piece.columns[role])
        self._check_names(start, piece)
        if self._rating is not None:
            self._rating.add(start, piece)
        if self._time is not None:
            self._time.add(start, piece)
        if self._part is not None:
            self._part[start:stop] = _parts(piece) if part is None else part
        self._n = stop
        taken = _RESERVE + _PER_ID * sum(map(len, self._ids.values()))
        if free_memory(torch.device("cpu")) < taken:
            raise UserError(f"{piece.at(-1)}: memory is full; expected ratings that fit into it, give a part of them")

    def _check_names(self, start: int, piece: Piece) -> None:
        """Files that were put one behind the other name their columns again, which would be a user and an item."""
        if not piece.names:
            return
        found = [ids.rows_of(piece.names[role], start, len(piece.rows)) for role, ids in self._ids.items()]
        again = np.flatnonzero(found[0] & found[1])
        if len(again):
            raise UserError(
                f"{piece.at(int(again[0]))}: expected a user and an item, got the names of the columns again: "
                f"{shown(piece.names['user'])} and {shown(piece.names['item'])}; take such rows out, or give "
                "--header no if line 1 is a row"
            )

    def done(self, what: str) -> Gathered:
        """All rows.

        Args:
            what: was read, for messages.

        Raises:
            UserError: no rows, or cells that are no numbers.
        """
        if not self._n:
            raise UserError(f"{what}: expected ratings, got an empty table")
        rating = None if self._rating is None else self._rating.done(self._n)
        time = None if self._time is None else self._time.done(self._n)
        (user_ids, user), (item_ids, item) = (ids.done(self._n) for ids in self._ids.values())
        part = None if self._part is None else self._part[: self._n]
        notes = [] if self._time is None else self._time.reader.notes
        return Gathered(user, item, rating, time, part, user_ids, item_ids, notes)


class _Numbers(dict[str, int]):
    """The number of each cell: that of the id that it names. An id is numbered when it is first met."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []

    def __missing__(self, cell: str) -> int:
        name = id_text(cell)
        if name != cell:
            number = self[cell] = self[name]
            return number
        number = self[cell] = len(self.ids)
        self.ids.append(cell)
        return number


class _Ids:
    """Numbers the ids of users, or of items. A dict numbers them, which holds every way of writing one once."""

    def __init__(self, role: str, capacity: int) -> None:
        self._role = role
        self._number = np.empty(capacity, dtype=np.int64)
        self._numbers = _Numbers()

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, start: int, piece: Piece, column: Column) -> None:
        numbers, known = self._numbers, len(self._numbers.ids)
        cells, place = column.ids()
        found = np.fromiter(map(numbers.__getitem__, cells), dtype=np.int64, count=len(cells))
        found = found[place]
        self._number[start : start + len(found)] = found
        if len(numbers.ids) > known:
            self._check(piece, numbers.ids[known:], found, known)

    def rows_of(self, name: str, start: int, n: int) -> np.ndarray | bool:
        """[n] whether this is the id of a row; a file that begins with a byte order mark has it before the name."""
        known = [self._numbers[one] for one in (name, f"\ufeff{name}") if one in self._numbers]
        return np.isin(self._number[start : start + n], known) if known else False

    def _check(self, piece: Piece, new: list[str], found: np.ndarray, known: int) -> None:
        for number, text in enumerate(new, start=known):
            if not _is_id(text):
                got = shown(text) if text.strip() else "an empty cell"
                limit = f" of one line and at most {MAX_ID} characters" * bool(text.strip())
                row = int(np.flatnonzero(found == number)[0])
                raise UserError(f"{piece.at(row)}: {_a(self._role)}{limit} expected, got {got}")

    def done(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The distinct ids in order (as numbers, if all are plain numbers) and the place of each row's."""
        ids = self._numbers.ids
        self._numbers = _Numbers()
        plain = all(i.isascii() and i.isdigit() and (i == "0" or i[0] != "0") and len(i) < 19 for i in ids)
        array = np.array(ids, dtype=np.int64) if plain else np.array(ids, dtype=np.dtypes.StringDType())
        order = np.argsort(array, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        number = self._number[:n]
        np.take(rank, number, out=number, mode="clip")  # clip is what writes in place; all are in range
        return array[order], number


def _is_id(text: str) -> bool:
    return bool(text.strip()) and len(text) <= MAX_ID and not any(end in text for end in "\r\n\0")


#: What to do about a cell that is no number.
_ADVICE = {
    "rating": "; fill it in, or leave such rows out",
    "timestamp": "; write all times in one form, or leave them out with --time-col none",
}
_DECIMAL_COMMA = re.compile(r"'\s*[+-]?\d+,\d+\s*'")


class _Finite:
    """Whether all cells of a column are numbers; remembers the first one that is none, and counts the others."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._problem, self._unit, self._n_bad, self._advice = "", "lines", 0, _ADVICE[role]

    def look(self, piece: Piece, bad: np.ndarray) -> None:
        """Take note of the rows that are bad: [n] whether."""
        rows = np.flatnonzero(bad)
        if len(rows) and not self._n_bad:
            got = piece.columns[self._role].shown(int(rows[0]))
            self._problem = f"{piece.at(int(rows[0]))}: {self._role}: a finite number expected, got {got}"
            if _DECIMAL_COMMA.fullmatch(got):
                self._advice = "; write it with a point in place of the comma"
            self._unit = piece.where.rsplit(" ", 1)[-1] + "s"
        self._n_bad += len(rows)

    def check(self) -> None:
        if self._n_bad:
            more = f" (and {self._n_bad - 1} more such {self._unit})" if self._n_bad > 1 else ""
            raise UserError(self._problem + more + self._advice)


class _Ratings:
    """Finite numbers."""

    def __init__(self, capacity: int) -> None:
        self._values = np.empty(capacity, dtype=np.float64)
        self._finite = _Finite("rating")

    def add(self, start: int, piece: Piece) -> None:
        numbers = piece.columns["rating"].numbers()
        self._finite.look(piece, ~np.isfinite(numbers))
        self._values[start : start + len(numbers)] = numbers

    def done(self, n: int) -> np.ndarray:
        self._finite.check()
        return self._values[:n]


class _Times:
    """Whole numbers or seconds; what is beyond them has room once there is some."""

    def __init__(self, capacity: int) -> None:
        self._whole = np.empty(capacity, dtype=np.int64)
        self._beyond: np.ndarray | None = None
        self._finite = _Finite("timestamp")
        self.reader = TimeReader()

    def add(self, start: int, piece: Piece) -> None:
        column = piece.columns["timestamp"]
        times = self.reader.read(column, piece)
        if times.missing is not None:
            self._finite.look(piece, times.missing)
        if times.huge is not None:
            row = int(times.huge.argmax())
            raise UserError(
                f"{piece.at(row)}: timestamps below 2^63 expected, got {column.shown(row)}; write them in a larger "
                "unit, or leave them out with --time-col none"
            )
        stop = start + len(times.whole)
        self._whole[start:stop] = times.whole
        if times.beyond is not None:
            self._beyond = np.zeros(len(self._whole)) if self._beyond is None else self._beyond
            self._beyond[start:stop] = times.beyond

    def done(self, n: int) -> np.ndarray:
        """The times, or where they have fractions their places in order."""
        self._finite.check()
        if self._beyond is None:
            return self._whole[:n]
        beyond, self._beyond = self._beyond[:n], None
        return in_order(self._whole[:n], beyond)


def _parts(piece: Piece) -> np.ndarray:
    cells, place = piece.columns["part"].ids()
    found: Mapping[str, int] = {cell: _PART_WORDS.get(cell.strip().lower(), -1) for cell in set(cells)}
    parts = np.array([found[cell] for cell in cells], dtype=np.int8)
    parts = parts[place]
    if len(parts) and parts.min() < 0:
        row = int(parts.argmin())
        got = piece.columns["part"].shown(row)
        raise UserError(f"{piece.at(row)}: split: train, validation or test expected, got {got}")
    return parts


def _a(role: str) -> str:
    return f"an {role}" if role == "item" else f"a {role}"
