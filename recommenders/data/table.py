"""Data sets from tables of the user: ratings, labels or bare interactions, in files or data frames."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from core.common.errors import UserError
from core.common.seeding import numpy_rng
from recommenders.data.dataset import PARTS, Dataset
from recommenders.data.frames import Frame, as_table
from recommenders.data.options import DEFAULT_OPTIONS, DataFiles, TableOptions
from recommenders.data.preparing import prepare_dataset
from recommenders.data.reading import open_table, read_sources

_LONGEST_NAME = 60


def load_table(data: Path | DataFiles | None, seed: int, options: TableOptions = DEFAULT_OPTIONS) -> Dataset:
    """Make a data set of the tables given as files (see `table_dataset`).

    Args:
        data: all rows, or three parts.
        seed: of a random split and of negatives.
        options: how tables are read.

    Raises:
        UserError: no file is given, or no data set can be made of it.
    """
    files = DataFiles.of(data)
    if files.data is None:
        raise UserError("data set table: give the path of the file with --data")
    return table_dataset(files.data, options, seed, validation=files.validation_data, test=files.test_data)


def table_dataset(
    source: str | Path | Frame,
    options: TableOptions = DEFAULT_OPTIONS,
    seed: int = 0,
    *,
    validation: str | Path | Frame | None = None,
    test: str | Path | Frame | None = None,
    name: str | None = None,
) -> Dataset:
    """Make a data set of a table: a CSV, TSV or Parquet file, or a data frame of any library.

    `summarise` describes the result; `Dataset.check_classes` checks that every part has both classes.

    Args:
        source: all rows, or the training part if the two others are given.
        options: how tables are read.
        seed: of a random split and of negatives.
        validation: the validation part.
        test: the test part.
        name: of the data set; by default the file's name without endings, or "table".

    Raises:
        UserError: no data set can be made of it.
    """
    given = (table for table in (source, validation, test) if table is not None)
    tables = [as_table(table) for table in given]
    if len(tables) == 2:
        raise UserError("parts in tables of their own: expected training, validation and test, got two; give all three")
    options = replace(options, split=_requested_split(options, len(tables) > 1))
    name = name or (table_name(tables[0]) if isinstance(tables[0], Path) else "table")
    names = ["table"] if len(tables) == 1 else [f"{part} table" for part in PARTS]
    with_part = options.split == "given" and len(tables) == 1
    sources = [open_table(table, options, with_part, called) for table, called in zip(tables, names, strict=True)]
    ratings = read_sources(sources, options.split == "given")
    return prepare_dataset(name, sources[0].table.name, ratings, options, numpy_rng(seed, "split", "table"))


def table_name(path: Path) -> str:
    """Return the name of a data set from this file: the file's name without endings, in plain characters."""
    stem = re.sub(r"\.(gz|bz2|xz|zip)$", "", path.name, flags=re.IGNORECASE)
    stem = stem.rpartition(".")[0] or stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.")[:_LONGEST_NAME] or "table"


def _requested_split(options: TableOptions, in_tables: bool) -> str:
    """Return the split asked for; auto where the table decides."""
    if in_tables and (options.split not in ("auto", "given") or options.split_col is not None):
        got = f"--split {options.split}" if options.split_col is None else "--split-col"
        raise UserError(f"the parts are given as files of their own, so there is no split to make: leave out {got}")
    return "given" if in_tables or options.split_col is not None else options.split
