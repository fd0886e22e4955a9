"""Registry of implicit data sets, for ranking. To add one, write a loader in a file of its own and add a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import fields as fields_of
from pathlib import Path
from types import MappingProxyType

from core.common.errors import UserError, unknown_name
from recommenders.data.implicit.dataset import ImplicitDataset
from recommenders.data.implicit.lists import read_lists
from recommenders.data.implicit.options import DEFAULT, ImplicitOptions
from recommenders.data.implicit.published import PUBLISHED, load_published
from recommenders.data.implicit.splitting import cut_validation
from recommenders.data.implicit.summary import described, summarise
from recommenders.data.implicit.synthetic import planted_items
from recommenders.data.implicit.tables import (
    implicit_table,
    load_implicit_ml_1m,
    load_implicit_ml_100k,
    load_implicit_table,
)
from recommenders.data.implicit.user_items import UserItems

#: (file or folder, seed of random parts, how it is read and split) -> data set without a validation part.
ImplicitLoader = Callable[[Path | None, int, ImplicitOptions], ImplicitDataset]


@dataclass(frozen=True)
class ImplicitEntry:
    """A row of the registry."""

    load: ImplicitLoader
    """Loads the data set, without a validation part."""
    about: str
    """A phrase for --help."""
    has_ratings: bool = False
    """Whether the data are ratings, which are split by the options; else the training and test part are given."""


def _published(name: str) -> ImplicitLoader:
    return lambda data, seed, options: load_published(data, name)


def _load_lists(data: Path | None, seed: int, options: ImplicitOptions) -> ImplicitDataset:
    if data is None:
        raise UserError(
            "data set lists: expected the folder with train.txt and test.txt, got none; give it with --data"
        )
    return read_lists(data, data.resolve().name or "lists")


def _load_synthetic(data: Path | None, seed: int, options: ImplicitOptions) -> ImplicitDataset:
    if data is not None:
        raise UserError(f"data set synthetic is made, not read: leave out --data {data}")
    return planted_items()


IMPLICIT_DATASETS: Mapping[str, ImplicitEntry] = MappingProxyType(
    {
        **{
            name: ImplicitEntry(_published(name), f"the published split of {split.title}, from its folder")
            for name, split in PUBLISHED.items()
        },
        "ml-100k": ImplicitEntry(load_implicit_ml_100k, "MovieLens-100K, fetched on first use", True),
        "ml-1m": ImplicitEntry(load_implicit_ml_1m, "MovieLens-1M, from ratings.dat given with --data", True),
        "lists": ImplicitEntry(_load_lists, "a folder of yours with train.txt and test.txt, a line for each user"),
        "table": ImplicitEntry(load_implicit_table, "your own CSV, TSV or Parquet, see docs/data.md", True),
        "synthetic": ImplicitEntry(_load_synthetic, "a small planted set for trying things out"),
    }
)


def load_implicit(
    name: str, data: Path | None = None, seed: int = 0, options: ImplicitOptions = DEFAULT
) -> ImplicitDataset:
    """Load an implicit data set, and cut its validation part from the training part, unless that was made by time.

    Args:
        name: a key of IMPLICIT_DATASETS.
        data: the file or folder, unless the data set is fetched or made.
        seed: of the validation part, and of a test part at random.
        options: how it is read and split.

    Raises:
        UserError: an unknown name, data that cannot be read, options that this data set does not take, or no user with
            test items.
    """
    if name not in IMPLICIT_DATASETS:
        raise unknown_name("implicit data set", name, IMPLICIT_DATASETS)
    entry = IMPLICIT_DATASETS[name]
    given = [field.name for field in fields_of(ImplicitOptions) if getattr(options, field.name) != field.default]
    foreign = [one for one in given if one != "validation_share"]
    if foreign and not entry.has_ratings:
        raise UserError(f"data set {name}: {foreign[0]} is for ratings, and its parts are given; leave it out")
    dataset = entry.load(data, seed, options)
    if not len(dataset.test):
        raise UserError(
            f"data set {name}: expected users with test items, got none; lower fewest (it is "
            f"{options.fewest}), or use more data"
        )
    return dataset if len(dataset.validation) else cut_validation(dataset, options.validation_share, seed)


__all__ = [
    "IMPLICIT_DATASETS",
    "ImplicitDataset",
    "ImplicitEntry",
    "ImplicitLoader",
    "ImplicitOptions",
    "UserItems",
    "cut_validation",
    "described",
    "implicit_table",
    "load_implicit",
    "summarise",
]
