"""Opening a table, whatever kind it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core.common.errors import UserError
from recommenders.data.arrow_table import ArrowTable, ParquetTable
from recommenders.data.columns import Piece
from recommenders.data.frames import Frame, frame_table
from recommenders.data.guessing import Layout, find_layout
from recommenders.data.opening import beginning, is_parquet
from recommenders.data.options import TableOptions
from recommenders.data.sniffing import SEPARATORS, sniff
from recommenders.data.text_table import TextTable

_PARQUET = (".parquet", ".pq", ".parq")
_JSON = re.compile(r'\s*(?:\{\s*("|$)|\[\s*([\[{]|$))')


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
        return (replace(piece, names=self.layout.names) for piece in self.table.pieces(self.layout.places))


def open_source(source: Path | Frame, options: TableOptions, with_part: bool, name: str) -> Source:
    """Find out how a table is laid out.

    Args:
        source: a file of text or Parquet, or a data frame of any kind.
        options: which columns were named.
        with_part: whether a column has to say the part of each row.
        name: what messages call a data frame.

    Raises:
        UserError: it cannot be read, or has no columns for users and items.
    """
    if not isinstance(source, Path):
        return _typed(frame_table(source, name), options, with_part)
    if is_parquet(source):
        return _typed(ParquetTable(source), options, with_part)
    if source.suffix.lower() in _PARQUET:
        raise UserError(
            f"{source}: expected a Parquet file, as its name says, got something else; rename or convert it"
        )
    if _JSON.match(beginning(source)):
        raise UserError(
            f"{source}: expected a table of ratings, got JSON; save it as CSV or Parquet, with "
            "pandas.read_json and to_csv for example"
        )
    kind = sniff(source, options)
    try:
        layout = find_layout(source, kind.names, kind.n_columns, options, with_part, kind.numeric)
    except UserError as error:
        unsure = "; --header no if line 1 is a row" * (kind.names is not None and bool(kind.notes))
        raise UserError(f"{error}{unsure}") from None
    table = TextTable(source, kind.separator, kind.n_columns, kind.names is not None)
    first, *others = layout.notes
    parted = f", parted by {SEPARATORS[kind.separator]}" * (kind.separator != ",")
    return Source(str(source), table, layout, (first + parted, *kind.notes, *others, *table.notes))


def _typed(table: ArrowTable, options: TableOptions, with_part: bool) -> Source:
    if options.header == "no":
        raise UserError(
            f"{table.name}: --header no: expected a file of text, got a table whose columns have names; leave it out"
        )
    numbered = bool(table.columns) and table.columns == [str(i) for i in range(len(table.columns))]
    names = None if numbered else table.columns
    layout = find_layout(table.name, names, len(table.columns), options, with_part, table.numeric)
    return Source(table.name, table, layout, layout.notes)
