"""Data sets by name. To add one: a loader in a file of its own and a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from core.errors import unknown_name
from recommenders.data.amazon import load_electronics
from recommenders.data.csv import load_csv
from recommenders.data.dataset import Dataset, Interactions, Ratings
from recommenders.data.movielens import load_ml_1m, load_ml_100k
from recommenders.data.synthetic import load_synthetic

#: (path or None, seed of a random split) -> data set.
Loader = Callable[[Path | None, int], Dataset]


@dataclass(frozen=True)
class DatasetEntry:
    """A row of the registry."""

    load: Loader
    about: str


DATASETS: Mapping[str, DatasetEntry] = MappingProxyType(
    {
        "ml-100k": DatasetEntry(load_ml_100k, "MovieLens-100K, fetched on first use; the published split"),
        "ml-1m": DatasetEntry(load_ml_1m, "MovieLens-1M, from ratings.dat given with --data"),
        "electronics": DatasetEntry(load_electronics, "Amazon Electronics 5-core, from its .json.gz given with --data"),
        "csv": DatasetEntry(load_csv, "ratings of your own, user_id,item_id,rating[,timestamp], given with --data"),
        "synthetic": DatasetEntry(load_synthetic, "a small planted set for trying things out"),
    }
)


def load_dataset(name: str, path: Path | None = None, seed: int = 0) -> Dataset:
    """The data set of this name, with both classes in every part.

    Args:
        name: a key of DATASETS.
        path: the raw file, for those that are not fetched or made.
        seed: of random splits.

    Raises:
        UserError: an unknown name, a file that cannot be read, or data that nothing can be learned from.
    """
    if name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    dataset = DATASETS[name].load(path, seed)
    dataset.check_classes()
    return dataset


__all__ = ["DATASETS", "Dataset", "DatasetEntry", "Interactions", "Loader", "Ratings", "load_dataset"]
