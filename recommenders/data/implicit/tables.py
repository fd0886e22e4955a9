"""Implicit data sets from MovieLens and from tables of the user."""

from __future__ import annotations

from pathlib import Path

from core.common.errors import UserError
from recommenders.data.dataset import Ratings
from recommenders.data.frames import Frame, as_table
from recommenders.data.implicit.dataset import ImplicitDataset
from recommenders.data.implicit.options import DEFAULT, ImplicitOptions
from recommenders.data.implicit.ratings import implicit_of_ratings
from recommenders.data.labels import binary_labels
from recommenders.data.movielens import read_ml_1m, read_ml_100k
from recommenders.data.options import option
from recommenders.data.reading import open_table, read_sources
from recommenders.data.table import table_name


def load_implicit_ml_100k(data: Path | None, seed: int, options: ImplicitOptions = DEFAULT) -> ImplicitDataset:
    """Load MovieLens-100K, without a validation part; ratings of 4 and more are positive unless options say otherwise.

    Args:
        data: u.data, RecBole's ml-100k.inter, or a folder with u.data in it; fetched unless given.
        seed: of a random test part.
        options: which ratings are positive and which items are held out.

    Raises:
        UserError: the file cannot be fetched or read, or the options do not fit it.
    """
    _refuse_columns("ml-100k", options)
    return _of("ml-100k", "ml-100k", read_ml_100k(data), seed, options)


def load_implicit_ml_1m(data: Path | None, seed: int, options: ImplicitOptions = DEFAULT) -> ImplicitDataset:
    """Load MovieLens-1M, without a validation part; ratings of 4 and more are positive unless options say otherwise.

    Args:
        data: ratings.dat, the folder with it, or a CSV with user_id, movie_id, rating and perhaps timestamp.
        seed: of a random test part.
        options: which ratings are positive and which items are held out.

    Raises:
        UserError: no file is given, it cannot be read, or the options do not fit it.
    """
    _refuse_columns("ml-1m", options)
    return _of("ml-1m", "ml-1m", read_ml_1m(data), seed, options)


def load_implicit_table(data: Path | None, seed: int, options: ImplicitOptions = DEFAULT) -> ImplicitDataset:
    """Load a table of the user (see `implicit_table`).

    Args:
        data: a CSV, TSV or Parquet file.
        seed: of a random test part.
        options: how it is read and split.

    Raises:
        UserError: no file is given, or no data set can be made of it.
    """
    if data is None:
        raise UserError("data set table: expected the path of a file, got none; give it with --data")
    return implicit_table(data, options, seed)


def implicit_table(
    source: str | Path | Frame, options: ImplicitOptions = DEFAULT, seed: int = 0, name: str | None = None
) -> ImplicitDataset:
    """Make an implicit data set of a table, without a validation part.

    Args:
        source: a CSV, TSV or Parquet file, or a data frame of any library: users, items, perhaps ratings and times.
        options: how it is read and split.
        seed: of a random test part.
        name: of the data set; by default the file's name without endings, or "table".

    Raises:
        UserError: no data set can be made of it.
    """
    table = as_table(source)
    opened = open_table(table, options.table)
    name = name or (table_name(table) if isinstance(table, Path) else "table")
    return _of(name, opened.table.name, read_sources([opened]), seed, options)


def _refuse_columns(name: str, options: ImplicitOptions) -> None:
    foreign = [one for one in options.table.given if one not in ("positive_at", "pairs")]
    if foreign:
        raise UserError(f"data set {name}: {option(foreign[0])} is for tables of your own; leave it out")


def _of(name: str, table: str, ratings: Ratings, seed: int, options: ImplicitOptions) -> ImplicitDataset:
    label, meaning = binary_labels(str(table), ratings.rating, len(ratings), options.table.positive_at)
    return implicit_of_ratings(name, ratings, label > 0.5, meaning, options, seed)
