"""Registry of data sets. To add one, write a loader in a file of its own and add a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType

from core.common.errors import UserError, unknown_name
from recommenders.data.amazon import load_electronics
from recommenders.data.dataset import Dataset, Interactions, Ratings
from recommenders.data.movielens import load_ml_1m, load_ml_100k
from recommenders.data.options import DEFAULT_OPTIONS, DataFiles, TableOptions, option
from recommenders.data.summary import summarise
from recommenders.data.synthetic import load_synthetic
from recommenders.data.table import load_table, table_dataset, table_name

#: (file or files, seed of random splits and negatives, how tables are read) -> data set.
Loader = Callable[[Path | DataFiles | None, int, TableOptions], Dataset]
#: The data set if --data is given without --dataset, and the default.
TABLE, DEFAULT = "table", "ml-100k"


@dataclass(frozen=True)
class DatasetEntry:
    """A row of the registry."""

    load: Loader
    """Loads the data set."""
    about: str
    """A phrase for --help."""
    options: frozenset[str] = frozenset({"positive_at"})
    """Names of the TableOptions that it takes."""


DATASETS: Mapping[str, DatasetEntry] = MappingProxyType(
    {
        "ml-100k": DatasetEntry(load_ml_100k, "MovieLens-100K, fetched on first use; the published split"),
        "ml-1m": DatasetEntry(load_ml_1m, "MovieLens-1M, from ratings.dat given with --data"),
        "electronics": DatasetEntry(load_electronics, "Amazon Electronics 5-core, from its .json.gz given with --data"),
        TABLE: DatasetEntry(
            load_table,
            "your own CSV, TSV or Parquet given with --data, see docs/data.md",
            frozenset(f.name for f in fields(TableOptions)),
        ),
        "synthetic": DatasetEntry(load_synthetic, "a small planted set for trying things out", frozenset()),
    }
)


def load_dataset(
    name: str, data: Path | DataFiles | None = None, seed: int = 0, options: TableOptions = DEFAULT_OPTIONS
) -> Dataset:
    """Load a data set and check that every part has both classes.

    Args:
        name: a key of DATASETS.
        data: the raw file or files, unless the data set is fetched or made.
        seed: of random splits and negatives.
        options: how a table is read.

    Raises:
        UserError: an unknown name, a file that cannot be read, an option that this data set does not take, or a part
            without positives or negatives.
    """
    if name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    entry, files = DATASETS[name], DataFiles.of(data)
    foreign = [option(one) for one in options.given if one not in entry.options]
    foreign += ["--validation-data"] * (files.test_data is not None and name != TABLE)
    if foreign:
        raise UserError(
            f"data set {name}: {foreign[0]} is for tables of your own; leave it out, or leave out --dataset"
        )
    dataset = entry.load(files, seed, options)
    dataset.check_classes()
    return dataset


def dataset_name(name: str | None, data: Path | None) -> str:
    """Return the name of the data set that is meant.

    Args:
        name: given with --dataset, or None.
        data: given with --data, or None.
    """
    return name or (DEFAULT if data is None else TABLE)


__all__ = [
    "DATASETS",
    "TABLE",
    "DataFiles",
    "Dataset",
    "DatasetEntry",
    "Interactions",
    "Loader",
    "Ratings",
    "TableOptions",
    "dataset_name",
    "load_dataset",
    "summarise",
    "table_dataset",
    "table_name",
]
