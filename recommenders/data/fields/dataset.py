"""A table of fields, split: to learn from, to choose by, to stop by, and to judge in the end."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.common.errors import UserError, counted, in_a_line
from core.common.seeding import numpy_rng
from recommenders.data.fields.column import MISSING, FieldColumn
from recommenders.data.fields.options import FieldOptions
from recommenders.data.fields.reading import FieldTable

#: The parts, in the order in which their rows stand.
PARTS = ("train", "choose", "stop", "test")
#: Rows that are looked at for a column that tells the target; fewer rows in a part make its metric doubtful.
_LOOKED_AT, _FEW = 2**17, 100
_SHOWN = 60


@dataclass(frozen=True, eq=False)
class FieldData:
    """A table of fields, split.

    Raises:
        UserError: a part lacks a class, or there is no column.
    """

    name: str
    """The name in the registry, or that of the file."""
    columns: tuple[FieldColumn, ...]
    """The columns, with the rows of one part behind those of another."""
    label: np.ndarray
    """[n] uint8, in the order of the rows."""
    parts: Mapping[str, slice]
    """The rows of each of PARTS."""
    target: str
    """The name of the target."""
    classes: tuple[str, str]
    """What the target is where the label is 0 and where it is 1."""
    split: str
    """How it was split."""
    notes: tuple[str, ...] = ()
    """What was guessed, left out or is doubtful, a sentence each."""

    def __post_init__(self) -> None:
        """Check that there is something to learn and to judge by."""
        if not self.columns:
            raise UserError(f"data set {self.name}: expected columns with different values, got none")
        for name, rows in self.parts.items():
            label = self.label[rows]
            n = int(label.sum())
            if not 0 < n < len(label):
                raise UserError(
                    f"data set {self.name}: expected both classes in the {name} part, got {n:,} rows of "
                    f"{in_a_line(self.classes[1], _SHOWN)} among {len(label):,}; use more data or other shares"
                )

    def rows(self, *parts: str) -> slice:
        """Return the rows of parts that stand one behind the other."""
        return slice(self.parts[parts[0]].start, self.parts[parts[-1]].stop)

    def digest(self) -> str:
        """Return a digest of all that is learned from and judged by."""
        found = hashlib.blake2b(f"{self.parts}".encode(), digest_size=16)
        found.update(self.label.tobytes())
        for one in self.columns:
            found.update(f"{one.name} {one.kind} {one.categories}".encode())
            found.update(np.ascontiguousarray(one.values).tobytes())
        return found.hexdigest()

    def described(self) -> dict[str, Any]:
        """Return it in numbers, as results have it."""
        return {
            "name": self.name,
            "target": self.target,
            "classes": list(self.classes),
            "columns": {one.name: one.kind for one in self.columns},
            "parts": {name: rows.stop - rows.start for name, rows in self.parts.items()},
            "positives": {name: int(self.label[rows].sum()) for name, rows in self.parts.items()},
            "split": self.split,
            "digest": self.digest(),
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """Return what a person is told, a sentence each."""
        counts = ", ".join(f"{name} {rows.stop - rows.start:,}" for name, rows in self.parts.items())
        numbers = [in_a_line(one.name, _SHOWN) for one in self.columns if one.is_number]
        others = [
            f"{in_a_line(one.name, _SHOWN)} ({'hashed' if one.categories is None else len(one.categories)})"
            for one in self.columns
            if not one.is_number
        ]
        shares = {in_a_line(one.name, _SHOWN): missing_share(one) for one in self.columns}
        missing = [f"{name} ({share:.1%})" for name, share in shares.items() if share]
        few = [name for name, rows in self.parts.items() if rows.stop - rows.start < _FEW]
        return [
            f"Data {self.name}: {counted(len(self.label), 'row')} of {counted(len(self.columns), 'column')}, "
            f"{self.label.mean():.1%} are {in_a_line(self.classes[1], _SHOWN)}",
            f"  {counted(len(numbers), 'column')} of numbers: {', '.join(numbers) or 'none'}",
            f"  {counted(len(others), 'column')} of categories: {', '.join(others) or 'none'}",
            *([f"  missing values: {', '.join(missing)}"] * bool(missing)),
            f"  parts: {counts}; {self.split}",
            *(f"  {note}" for note in self.notes),
            *(f"  warning: the {name} part has few rows, so its metric is mostly chance" for name in few),
        ]


def split_fields(name: str, table: FieldTable, options: FieldOptions, seed: int, test_share: float = 0.2) -> FieldData:
    """Split a table at random in each class, unless its test part is published.

    Args:
        name: of the data set.
        table: all rows.
        options: how.
        seed: of the parts.
        test_share: the share of the test part, unless the options or the table say so; 0 for no such part.

    Raises:
        UserError: a part lacks a class, or no column has different values.
    """
    share = options.test_share if options.test_share is not None else test_share
    part = np.zeros(len(table), np.uint8)
    if table.n_train is not None and options.test_share is None:
        part[table.n_train :] = PARTS.index("test")
        split = "the test part is published"
    else:
        _draw(part, table.label, {"test": share}, seed)
        split = f"test {share:.0%} at random in each class, seed {seed}" if share else f"no test part, seed {seed}"
    half = options.validation_share / 2
    _draw(part, table.label, {"choose": half, "stop": half}, seed)
    order = np.argsort(part, kind="stable")
    ends = np.cumsum(np.bincount(part, minlength=len(PARTS)))
    parts = {
        one: slice(int(end - n), int(end))
        for one, end, n in zip(PARTS, ends, np.bincount(part, minlength=4), strict=True)
        if share or one != "test"
    }
    notes = [*table.notes, *_constant(table), *_telling(table)]
    kept = tuple(one.taken(order) for one in table.columns if not _is_constant(one))
    return FieldData(
        name,
        kept,
        table.label[order],
        parts,
        table.target,
        table.classes,
        f"{split}; {options.validation_share:.0%} of the rest for validation, in two halves",
        tuple(notes),
    )


def _draw(part: np.ndarray, label: np.ndarray, shares: Mapping[str, float], seed: int) -> None:
    """Put shares of the training rows of each class into other parts."""
    for value in (0, 1):
        rows = np.flatnonzero((part == 0) & (label == value))
        rows = numpy_rng(seed, "fields", value, *shares).permutation(rows)
        ends = np.rint(np.cumsum([0.0, *shares.values()]) * len(rows)).astype(int)
        for name, start, stop in zip(shares, ends, ends[1:], strict=False):
            part[rows[start:stop]] = PARTS.index(name)


def _is_constant(column: FieldColumn) -> bool:
    first = column.values[0]
    same = column.values == first
    if column.is_number and np.isnan(first):
        same = np.isnan(column.values)
    return bool(same.all())


def _constant(table: FieldTable) -> list[str]:
    names = [in_a_line(one.name, _SHOWN) for one in table.columns if _is_constant(one)]
    return [f"left out, since all rows are alike: {in_a_line(', '.join(names), 300)}"] * bool(names)


def _telling(table: FieldTable) -> list[str]:
    """Return a sentence for each column that tells the target by itself, and for those that tell rows apart."""
    rows = slice(None, None, max(1, len(table) // _LOOKED_AT))
    label, found = table.label[rows], []
    for one in table.columns:
        values = one.values[rows]
        distinct, code = np.unique(values, return_inverse=True, equal_nan=True)
        counts = np.bincount(code)
        wins = np.bincount(code, weights=label)
        name = in_a_line(one.name, _SHOWN)
        if len(distinct) > len(label) / 3:
            if one.categories is not None and len(one.categories) > len(table) / 2:
                found.append(f"warning: {name} has a value of its own in most rows, from which nothing can be learned")
        elif len(distinct) > 1 and bool(((wins == 0) | (wins == counts)).all()):
            found.append(f"warning: {name} tells the target by itself: if it is known only afterwards, leave it out")
    return found


def missing_share(column: FieldColumn) -> float:
    """Return the share of rows in which a column has no value."""
    missing = np.isnan(column.values) if column.is_number else column.values == MISSING
    return float(missing.mean())
