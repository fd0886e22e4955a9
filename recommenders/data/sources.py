"""Opening a table, whatever kind it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import UserError
from recommenders.data.arrow_table import MAGIC, ArrowTable, FrameTable, ParquetTable
from recommenders.data.columns import Piece
from recommenders.data.guessing import Layout, find_layout
from recommenders.data.opening import opened
from recommenders.data.options import TableOptions
from recommenders.data.sniffing import SEPARATORS, sniff
from recommenders.data.text_table import TextTable

if TYPE_CHECKING:
    from pandas import DataFrame

_PARQUET = (".parquet", ".pq", ".parq")


@dataclass(frozen=True)
class Source:
    """A table whose columns are known."""

    name: str
    """What messages call it."""
    table: TextTable | ArrowTable
    layout: Layout
    notes: tuple[str, ...]
    """What was found out, a sentence each."""

    @property
    def n_rows(self) -> int:
        """At most so many."""
        return self.table.n_rows

    def pieces(self) -> Iterator[Piece]:
        """All rows."""
        return self.table.pieces(self.layout.places)


def open_source(source: Path | DataFrame, options: TableOptions, with_part: bool, name: str) -> Source:
    """Find out how a table is laid out.

    Args:
        source: a file of text or Parquet, or a data frame.
        options: which columns were named.
        with_part: whether a column has to say the part of each row.
        name: what messages call a data frame.

    Raises:
        UserError: it cannot be read, or has no columns for users and items.
    """
    if not isinstance(source, Path):
        if not hasattr(source, "iloc"):
            raise UserError(f"a table: expected a path or a data frame, got {type(source).__name__}")
        return _typed(FrameTable(source, name), options, with_part)
    with opened(source) as file:
        start = file.read(len(MAGIC))
    if start == MAGIC and source.suffix != ".gz":
        return _typed(ParquetTable(source), options, with_part)
    if source.suffix.lower() in _PARQUET:
        raise UserError(
            f"{source}: expected a Parquet file, as its name says, got something else; rename or convert it"
        )
    kind = sniff(source)
    layout = find_layout(source, kind.names, kind.n_columns, options, with_part, kind.numeric)
    table = TextTable(source, kind.separator, kind.n_columns, kind.names is not None)
    first, *others = layout.notes
    parted = f", parted by {SEPARATORS[kind.separator]}" * (kind.separator != ",")
    return Source(str(source), table, layout, (first + parted, *others))


def _typed(table: ArrowTable, options: TableOptions, with_part: bool) -> Source:
    numbered = bool(table.columns) and table.columns == [str(i) for i in range(len(table.columns))]
    names = None if numbered else table.columns
    layout = find_layout(table.name, names, len(table.columns), options, with_part, table.numeric)
    return Source(table.name, table, layout, layout.notes)
