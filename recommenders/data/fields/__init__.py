"""Registry of tables of fields with a target of two classes. To add one, write a reader and add a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from core.common.errors import UserError, unknown_name
from recommenders.data.fields.dataset import FieldData, split_fields
from recommenders.data.fields.options import DEFAULT, FieldOptions
from recommenders.data.fields.published import PUBLISHED, read_published_fields
from recommenders.data.fields.reading import FieldTable, read_fields, read_rows
from recommenders.data.fields.synthetic import planted_fields
from recommenders.data.frames import Frame, as_table
from recommenders.data.table import table_name

#: (file or folder, how it is read) -> table.
FieldReader = Callable[[Path | None, FieldOptions], FieldTable]


@dataclass(frozen=True)
class FieldEntry:
    """A row of the registry."""

    read: FieldReader
    """Reads the table."""
    about: str
    """A phrase for --help."""
    test_share: float = 0.2
    """The share of the test part unless the options or the files say so."""
    is_table: bool = False
    """Whether its target and header may be named."""


def _published(name: str) -> FieldReader:
    return lambda data, options: read_published_fields(data, name, options)


def read_own_fields(data: Path | Frame | None, options: FieldOptions) -> FieldTable:
    """Read a table of the user.

    Args:
        data: a CSV, TSV or Parquet file, or a data frame of any library.
        options: its target, and how its columns are taken.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    if data is None:
        raise UserError("data set table: expected the path of a file, got none; give it with --data")
    return read_fields([as_table(data)], options)


def _planted(data: Path | None, options: FieldOptions) -> FieldTable:
    if data is not None:
        raise UserError(f"data set planted is made, not read: leave out --data {data}")
    return planted_fields()


FIELD_DATASETS: Mapping[str, FieldEntry] = MappingProxyType(
    {
        **{
            name: FieldEntry(_published(name), f"{one.title}, from its folder", one.test_share)
            for name, one in PUBLISHED.items()
        },
        "table": FieldEntry(read_own_fields, "your own CSV, TSV or Parquet with a target of two classes", 0.2, True),
        "planted": FieldEntry(_planted, "a small set whose label three columns decide together"),
    }
)


def load_fields(name: str, data: Path | None = None, seed: int = 0, options: FieldOptions = DEFAULT) -> FieldData:
    """Load a table of fields and split it.

    Args:
        name: a key of FIELD_DATASETS.
        data: the file or folder, unless the data set is made.
        seed: of the parts.
        options: how it is read and split.

    Raises:
        UserError: an unknown name, data that cannot be read, or options that this data set does not take.
    """
    if name not in FIELD_DATASETS:
        raise unknown_name("table of fields", name, FIELD_DATASETS)
    entry = FIELD_DATASETS[name]
    foreign = [one for one in ("target", "positive", "header") if getattr(options, one) != getattr(DEFAULT, one)]
    if foreign and not entry.is_table:
        raise UserError(f"data set {name}: {foreign[0]} is for tables of your own; leave it out")
    shown = table_name(data) if entry.is_table and data is not None else name
    return split_fields(shown, entry.read(data, options), options, seed, entry.test_share)


__all__ = [
    "FIELD_DATASETS",
    "FieldData",
    "FieldEntry",
    "FieldOptions",
    "FieldReader",
    "FieldTable",
    "load_fields",
    "planted_fields",
    "read_fields",
    "read_own_fields",
    "read_rows",
    "split_fields",
]
