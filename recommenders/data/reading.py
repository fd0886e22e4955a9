"""Opening a table of any kind, and reading the ratings in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.common.errors import UserError, in_a_line
from recommenders.data.arrow_table import ArrowTable, ParquetTable
from recommenders.data.builder import RatingsBuilder
from recommenders.data.dataset import Ratings
from recommenders.data.frames import Frame, wrap_frame
from recommenders.data.layout import Layout, find_layout
from recommenders.data.opening import is_parquet, read_first_line
from recommenders.data.options import DEFAULT_OPTIONS, TableOptions
from recommenders.data.sniffing import SEPARATORS, sniff
from recommenders.data.text_table import TextTable

_PARQUET = (".parquet", ".pq", ".parq")
_JSON = re.compile(r'\s*(?:\{\s*("|$)|\[\s*([\[{]|$))')


@dataclass(frozen=True)
class Source:
    """A table whose layout is known."""

    table: TextTable | ArrowTable
    layout: Layout
    notes: tuple[str, ...]
    """What was guessed, a sentence each."""


def open_table(source: Path | Frame, options: TableOptions, with_part: bool = False, name: str = "table") -> Source:
    """Find out which column of a table plays which role.

    Args:
        source: a file of text or Parquet, or a data frame of any library.
        options: which columns were named.
        with_part: whether a column has to say the part of each row.
        name: of a data frame in messages.

    Raises:
        UserError: the table cannot be read, or no columns of users and items are found.
    """
    if not isinstance(source, Path):
        return _open_typed(wrap_frame(source, name), options, with_part)
    if is_parquet(source):
        return _open_typed(ParquetTable(source), options, with_part)
    check_text(source)
    dialect = sniff(source, options)
    try:
        layout = find_layout(source, dialect.names, dialect.n_columns, options, with_part, dialect.numeric)
    except UserError as error:
        unsure = "; --header no if line 1 is a row" * (dialect.names is not None and bool(dialect.notes))
        raise UserError(f"{error}{unsure}") from None
    table = TextTable(source, dialect.separator, dialect.n_columns, dialect.names is not None)
    first, *others = layout.notes
    separated = f", separated by {SEPARATORS[dialect.separator]}" * (dialect.separator != ",")
    return Source(table, layout, (first + separated, *dialect.notes, *others, *table.notes))


def check_text(source: Path) -> None:
    """Refuse a file that is not Parquet if it is JSON, or has the name of a Parquet file.

    Raises:
        UserError: it is no table of text.
    """
    if source.suffix.lower() in _PARQUET:
        raise UserError(
            f"{source}: expected a Parquet file, as its name says, got something else; rename or convert it"
        )
    if _JSON.match(read_first_line(source)):
        raise UserError(
            f"{source}: expected a table, got JSON; save it as CSV or Parquet, with pandas.read_json and to_csv for "
            "example"
        )


def _open_typed(table: ArrowTable, options: TableOptions, with_part: bool) -> Source:
    if options.header == "no":
        raise UserError(
            f"{table.name}: --header no: expected a file of text, got a table whose columns have names; leave it out"
        )
    numbered = bool(table.columns) and table.columns == [str(i) for i in range(len(table.columns))]
    names = None if numbered else table.columns
    layout = find_layout(table.name, names, len(table.columns), options, with_part, table.numeric)
    return Source(table, layout, layout.notes)


def read_sources(sources: Sequence[Source], with_parts: bool = False) -> Ratings:
    """Read all rows of one table, or of three that are the parts of a data set.

    Args:
        sources: the tables.
        with_parts: whether each row has a part.

    Raises:
        UserError: a bad cell, with its row; no rows; or ratings in some of the tables only.
    """
    roles = [frozenset(source.layout.places) for source in sources]
    having = [source.table.name for source, own in zip(sources, roles, strict=True) if "rating" in own]
    lacking = [source.table.name for source, own in zip(sources, roles, strict=True) if "rating" not in own]
    if having and lacking:
        raise UserError(
            f"{lacking[0]}: expected a column of ratings as in {having[0]}, got none; name it with --rating-col, which "
            "none leaves out of all"
        )
    wanted = frozenset.intersection(*roles) | ({"part"} if with_parts else set())
    builder = RatingsBuilder(sum(source.table.n_rows for source in sources), wanted)
    for part, source in enumerate(sources):
        for chunk in source.table.chunks(source.layout):
            builder.add(chunk, part if len(sources) > 1 else None)
    ratings = builder.build(sources[0].table.name)
    notes = dict.fromkeys(note for source in sources for note in source.notes)
    ratings.notes = [*notes, *ratings.notes]
    return ratings


def read_published(path: Path, headers: Sequence[Sequence[str]], required: Sequence[str]) -> Ratings:
    """Read the file of a published data set.

    Args:
        path: the file.
        headers: the names of users, items, ratings and times that a header may have; there may be none.
        required: of rating and timestamp, those that the file has to have.

    Raises:
        UserError: the file cannot be read, has other columns, or a bad cell.
    """
    source = open_table(path, DEFAULT_OPTIONS)
    names = source.layout.names
    missing = [role for role in required if role not in source.layout.places]
    if missing:
        got = in_a_line(", ".join(names.values()), 200) or f"{len(source.layout.places)} columns without names"
        raise UserError(f"{path}: missing column {' and '.join(missing)}; got {got}")
    known = [dict(zip(("user", "item", "rating", "timestamp"), header, strict=True)) for header in headers]
    if names and not any(names.items() <= header.items() for header in known):
        got = in_a_line(", ".join(names.values()), 200)
        raise UserError(
            f"{path}: expected columns {' or '.join(', '.join(header) for header in headers)}, got {got}; rename them, "
            "or leave out --dataset if these are other data"
        )
    return read_sources([source])
