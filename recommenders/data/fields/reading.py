"""Read tables of fields with a target of two classes: every column is encoded chunk by chunk, no text is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from core.common.errors import UserError, counted, format_value, in_a_line
from recommenders.common.memory import free_memory
from recommenders.data.arrow_table import ArrowTable, ParquetTable
from recommenders.data.columns import FIELD, Chunk
from recommenders.data.fields.column import FIRST, MISSING, FieldColumn
from recommenders.data.fields.encoding import ColumnEncoder
from recommenders.data.fields.options import FieldOptions
from recommenders.data.fields.target import guess_target
from recommenders.data.frames import Frame, as_table, wrap_frame
from recommenders.data.layout import Layout
from recommenders.data.opening import is_parquet
from recommenders.data.options import TableOptions
from recommenders.data.reading import check_text
from recommenders.data.sniffing import SEPARATORS, sniff
from recommenders.data.text_table import TextTable

#: category -> how it is spelt.
Spelling = Callable[[str], str]
#: Words for the class that is predicted; in lower case, preferred ones first.
POSITIVES = ("1", "yes", "true", "y", "t", "positive", "click", "clicked", ">50k")
#: Bytes of a cell while a table is read and sorted into parts.
_PER_CELL = 12
_SHOWN = 5
#: Floats of 64 bits hold all whole numbers up to this one.
_EXACT = 2.0**53


@dataclass(frozen=True, eq=False)
class FieldTable:
    """A table of fields, before it is split."""

    columns: tuple[FieldColumn, ...]
    """Those that are looked at, without the target."""
    label: np.ndarray
    """[n] uint8, 1 where the target has its positive value."""
    target: str
    """The name of the target."""
    classes: tuple[str, str]
    """What the target is where the label is 0 and where it is 1."""
    n_train: int | None = None
    """The number of rows before those of a published test part; None where there is none."""
    notes: tuple[str, ...] = ()
    """What was guessed or left out, a sentence each."""

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.label)


@dataclass(frozen=True)
class FieldSource:
    """A table whose columns are known by name."""

    table: TextTable | ArrowTable
    names: tuple[str, ...]
    """Of all columns."""
    notes: tuple[str, ...] = ()
    """What was guessed."""

    def chunks(self, wanted: Collection[str]) -> Iterable[Chunk]:
        """Read all rows of some columns; what a row of a text has too few cells for is missing.

        Args:
            wanted: the names of these columns.
        """
        places = {f"{FIELD}{place}": place for place, name in enumerate(self.names) if name in wanted}
        return self.table.chunks(Layout(places, (), {role: self.names[place] for role, place in places.items()}))


def open_fields(source: Path | Frame, options: FieldOptions) -> FieldSource:
    """Find the names of the columns of a table.

    Args:
        source: a file of text or Parquet, or a data frame of any library.
        options: the target, and whether a text has a header.

    Raises:
        UserError: it cannot be read, or two columns have one name.
    """
    if not isinstance(source, Path) or is_parquet(source):
        table = ParquetTable(source) if isinstance(source, Path) else wrap_frame(source, "table")
        return FieldSource(table, _distinct(table.name, table.columns))
    check_text(source)
    dialect = sniff(source, TableOptions(rating_col=options.target, header=options.header))
    text = TextTable(source, dialect.separator, dialect.n_columns, dialect.names is not None)
    names = [one.strip().removeprefix("\ufeff") for one in dialect.names or []]
    names = [one or f"column {place + 1}" for place, one in enumerate(names)]
    names = names or [f"column {place + 1}" for place in range(dialect.n_columns)]
    separated = (f"columns are separated by {SEPARATORS[dialect.separator]}",) * (dialect.separator != ",")
    guessed = [one.replace("--header ", "header=") for one in dialect.notes]  # a setting of the line of the problem
    return FieldSource(text, _distinct(text.name, names), (*guessed, *separated, *text.notes))


def _distinct(table: str, names: Sequence[str]) -> tuple[str, ...]:
    again = [name for name, n in Counter(names).items() if n > 1]
    if again:
        raise UserError(f"{table}: expected every column once, got {format_value(again[0])} twice; rename one of them")
    return tuple(names)


def read_fields(
    sources: Sequence[Path | Frame | FieldSource], options: FieldOptions, spelling: Spelling = str
) -> FieldTable:
    """Read a table, or two of the same columns of which the second one is the test part.

    Args:
        sources: files, data frames or tables whose columns are known.
        options: which column is the target, and how others are taken.
        spelling: value of the target -> how it is spelt; values that are spelt alike are one.

    Raises:
        UserError: a table cannot be read, has no target of two classes, or columns that were named are missing.
    """
    opened = [one if isinstance(one, FieldSource) else open_fields(one, options) for one in sources]
    first = opened[0]
    for other in opened[1:]:
        if other.names != first.names:
            raise UserError(
                f"{other.table.name}: expected the columns of {first.table.name}, got "
                f"{in_a_line(', '.join(other.names), 200)}; give both the same ones"
            )
    categorical, left_out = (
        {first.names[_place(first, setting, name)] for name in getattr(options, setting)}
        for setting in ("categorical", "leave_out")
    )
    if options.target is None:
        target, said = guess_target(first, [one for one in first.names if one not in left_out], options.positive)
    else:
        target, said = first.names[_place(first, "target", options.target)], ()
    if target in left_out:
        raise UserError(f"{first.table.name}: leave_out {format_value(target)}: it is the target; name another column")
    wanted = [name for name in first.names if name not in left_out]
    columns, ends = _read_columns(opened, wanted, {target, *categorical})
    columns = [_merged(one, spelling) if one.name == target and spelling is not str else one for one in columns]
    notes = (*said, *dict.fromkeys(note for source in opened for note in source.notes), *map(_rounded, columns))
    notes = tuple(filter(None, notes))
    n_train = ends[0] if len(ends) > 1 else None
    return _with_label(first.table.name, columns, target, n_train, notes, options)


def read_rows(source: Path | Frame, categorical: Collection[str], header: str = "auto") -> tuple[FieldColumn, ...]:
    """Read all columns of a table whose rows are to be scored; there need not be a target.

    Args:
        source: a file or a data frame.
        categorical: columns that are categories even if all of their cells look like numbers.
        header: see FieldOptions.

    Raises:
        UserError: it cannot be read.
    """
    opened = open_fields(as_table(source), FieldOptions(header=header))
    return tuple(_read_columns([opened], opened.names, categorical)[0])


def _read_columns(
    opened: Sequence[FieldSource], wanted: Collection[str], categorical: Collection[str]
) -> tuple[list[FieldColumn], list[int]]:
    """Return columns, with the rows of one table behind those of another, and how many rows each table has."""
    _check_memory(opened)
    encoders = [
        ColumnEncoder(name, place, name in categorical) for place, name in enumerate(opened[0].names) if name in wanted
    ]
    ends = [_read(source, wanted, encoders) for source in opened]
    return [one.build() for one in encoders], ends


def _read(source: FieldSource, wanted: Collection[str], encoders: Sequence[ColumnEncoder]) -> int:
    """Encode all rows; return how many there are."""
    n = 0
    for chunk in source.chunks(wanted):
        n += len(chunk)
        for encoder in encoders:
            encoder.add(chunk)
    if not n:
        raise UserError(f"{source.table.name}: expected rows, got an empty table")
    return n


def _check_memory(sources: Sequence[FieldSource]) -> None:
    free = free_memory(torch.device("cpu"))
    cells = sum(one.table.n_rows * len(one.names) for one in sources)
    if cells * _PER_CELL > free:
        raise UserError(
            f"{sources[0].table.name}: expected a table that fits into memory, of which {free / 2**30:.1f} GiB are "
            f"free; its {cells:,} cells take {cells * _PER_CELL / 2**30:.1f} GiB, give a part of it"
        )


def _place(source: FieldSource, setting: str, name: str) -> int:
    """Return the place of a column that was named, from 0."""
    if name in source.names:
        return source.names.index(name)
    if name.isascii() and name.isdigit() and 1 <= int(name[:9]) <= len(source.names):
        return int(name) - 1
    listed = in_a_line(", ".join(source.names), 300)
    raise UserError(
        f"{source.table.name}: {setting} {format_value(name)}: no such column; got {listed}; give one of these or a "
        f"position from 1 to {len(source.names)}"
    )


def _rounded(column: FieldColumn) -> str:
    """Return a sentence for a column of whole numbers that are too large for floats; nothing for others."""
    if not column.is_number:
        return ""
    there = column.values[np.isfinite(column.values)]
    if not (np.abs(there) >= _EXACT).any() or (there != np.floor(there)).any():
        return ""
    return (
        f"warning: {in_a_line(column.name, 60)} has whole numbers beyond 2^53, which are rounded to 53 bits, so that "
        "some are alike that differ; name it in categorical if they are names"
    )


def _with_label(
    table: str,
    columns: Sequence[FieldColumn],
    target: str,
    n_train: int | None,
    notes: tuple[str, ...],
    options: FieldOptions,
) -> FieldTable:
    """Make labels of the target, and leave out rows without one."""
    (goal,) = (one for one in columns if one.name == target)
    others = tuple(one for one in columns if one is not goal)
    if not others:
        raise UserError(f"{table}: expected columns beside the target {format_value(target)}, got none")
    code, classes, note = _positive(table, goal, options)
    label, there = (goal.values == code).astype(np.uint8), goal.values != MISSING
    if not there.all():
        note += f"; {counted(int((~there).sum()), 'row')} without a target left out"
        n_train = None if n_train is None else int(there[:n_train].sum())
        others, label = tuple(one.taken(there) for one in others), label[there]
    return FieldTable(others, label, target, classes, n_train, (note, *notes))


def _positive(table: str, goal: FieldColumn, options: FieldOptions) -> tuple[int, tuple[str, str], str]:
    """Return the code of the positive class, the texts of both classes, and what was guessed."""
    if goal.categories is None:
        raise UserError(f"{table}: target {format_value(goal.name)}: expected two values, got a great many")
    counts = np.bincount(goal.values, minlength=goal.n_codes)[FIRST:]
    numbered = dict(zip(goal.categories, counts.tolist(), strict=True))
    shown = in_a_line(", ".join(list(numbered)[:_SHOWN]) + ", ..." * (len(numbered) > _SHOWN), 200) or "none"
    chosen = options.positive
    if chosen is not None and chosen not in numbered:
        raise UserError(f"{table}: positive {format_value(chosen)}: the target has no such value; got {shown}")
    if len(numbered) < 2 or (len(numbered) > 2 and chosen is None):
        raise UserError(
            f"{table}: target {format_value(goal.name)}: expected two values, got {len(numbered):,}: {shown}; name "
            "another column, or the value that is predicted with positive"
        )
    if chosen is None:
        known = [one for one in numbered if one.lower() in POSITIVES]
        chosen = known[0] if len(known) == 1 else min(numbered, key=lambda one: (numbered[one], one))
    rest = [one for one in numbered if one != chosen]
    other = rest[0] if len(rest) == 1 else "another value"
    note = f"target {in_a_line(goal.name, 60)}: {in_a_line(chosen, 60)} is predicted, against {in_a_line(other, 60)}"
    return FIRST + goal.categories.index(chosen), (other, chosen), note


def _merged(column: FieldColumn, spelling: Spelling) -> FieldColumn:
    """Return a column of categories in which those that are spelt alike are one."""
    texts = tuple(dict.fromkeys(map(spelling, column.categories or ())))
    codes = {text: FIRST + k for k, text in enumerate(texts)}
    new = np.array([*range(FIRST), *(codes[spelling(one)] for one in column.categories or ())], column.values.dtype)
    return FieldColumn(column.name, new[column.values], texts)
