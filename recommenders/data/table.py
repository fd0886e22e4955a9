"""A table of one's own: ratings, labels or mere interactions, from files or data frames, as a data set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.common.errors import UserError
from core.common.seeding import numpy_rng
from recommenders.data.dataset import Dataset
from recommenders.data.frames import Frame, as_table
from recommenders.data.gathering import PARTS, Gathered, Gatherer
from recommenders.data.options import USUAL_OPTIONS, DataFiles, TableOptions
from recommenders.data.preparing import prepared
from recommenders.data.sources import Source, open_source

_LONGEST_NAME = 60


def load_table(data: Path | DataFiles | None, seed: int, options: TableOptions = USUAL_OPTIONS) -> Dataset:
    """See `table_dataset`; the files are those of --data, --validation-data and --test-data."""
    files = DataFiles.of(data)
    if files.data is None:
        raise UserError("data set table: give the path of the file with --data")
    return table_dataset(files.data, options, seed, validation=files.validation, test=files.test)


def table_dataset(
    source: str | Path | Frame,
    options: TableOptions = USUAL_OPTIONS,
    seed: int = 0,
    *,
    validation: str | Path | Frame | None = None,
    test: str | Path | Frame | None = None,
    name: str | None = None,
) -> Dataset:
    """A data set from a table: a CSV, TSV or Parquet file, or a data frame (see `frames`).

    What it holds, what was guessed and what is unusual is told by `summarise`; whether it has both classes in
    every part is up to `Dataset.check_classes`.

    Args:
        source: all rows, or those of the training part if the two others are given.
        options: how it is read.
        seed: of a random split and of negatives that are drawn.
        validation: the validation part.
        test: the test part.
        name: of the data set; the file's name without its endings, or "table", unless given.

    Raises:
        UserError: anything that no data set can be made of.
    """
    given = (table for table in (source, validation, test) if table is not None)
    tables = [as_table(table) for table in given]
    if len(tables) == 2:
        raise UserError("parts in tables of their own: expected training, validation and test, got two; give all three")
    how = _split(options, len(tables) > 1)
    name = name or (table_name(tables[0]) if isinstance(tables[0], Path) else "table")
    options = replace(options, split=how)
    called = ["table"] if len(tables) == 1 else [f"{part} table" for part in PARTS]
    with_part = how == "given" and len(tables) == 1
    sources = [open_source(table, options, with_part, what) for table, what in zip(tables, called, strict=True)]
    rows = _gathered(sources, how == "given")
    where = sources[0].name
    return prepared(name, where, rows, options, numpy_rng(seed, "split", "table"))


def table_name(path: Path) -> str:
    """What a data set from this file is called: the file's name without endings, in plain characters."""
    stem = re.sub(r"\.(gz|bz2|xz|zip)$", "", path.name, flags=re.IGNORECASE)
    stem = stem.rpartition(".")[0] or stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.")[:_LONGEST_NAME] or "table"


def _split(options: TableOptions, in_tables: bool) -> str:
    """The split asked for; auto where the table decides."""
    if in_tables and (options.split not in ("auto", "given") or options.split_col is not None):
        got = f"--split {options.split}" if options.split_col is None else "--split-col"
        raise UserError(f"the parts are given as files of their own, so there is no split to make: leave out {got}")
    return "given" if in_tables or options.split_col is not None else options.split


def _gathered(sources: Sequence[Source], with_parts: bool) -> Gathered:
    roles = [frozenset(source.layout.places) for source in sources]
    having = [source.name for source, own in zip(sources, roles, strict=True) if "rating" in own]
    lacking = [source.name for source, own in zip(sources, roles, strict=True) if "rating" not in own]
    if having and lacking:
        raise UserError(
            f"{lacking[0]}: expected a column of ratings as in {having[0]}, got none; name it with --rating-col, which "
            "none leaves out of all"
        )
    wanted = frozenset.intersection(*roles) | ({"part"} if with_parts else set())
    gatherer = Gatherer(sum(source.n_rows for source in sources), wanted)
    for part, source in enumerate(sources):
        for piece in source.pieces():
            gatherer.add(piece, part if len(sources) > 1 else None)
    rows = gatherer.done(sources[0].name)
    notes = dict.fromkeys(note for source in sources for note in source.notes)
    rows.notes = [*notes, *rows.notes]
    return rows
