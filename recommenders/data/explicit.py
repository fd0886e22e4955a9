"""Data sets of ratings as they are, for models that predict them. To add one: a loader and a row below."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from core.common.errors import UserError, unknown_name
from core.common.seeding import numpy_rng
from recommenders.data.dataset import PARTS, Ratings
from recommenders.data.frames import Frame, as_table
from recommenders.data.labels import deduplicate
from recommenders.data.movielens import read_ml_1m, read_ml_100k
from recommenders.data.options import DEFAULT_OPTIONS, NO_COLUMN, TableOptions
from recommenders.data.reading import open_table, read_sources
from recommenders.data.table import table_name

#: Options of tables that ratings as they are do not take.
_UNFIT = frozenset({"positive_at", "split", "split_col", "negatives", "time_col"})
#: A smaller standard deviation is none: ratings are divided by it.
_LEAST_SPREAD = 1e-100
#: Fewer rows in a part make its metric doubtful.
_FEW = 100


@dataclass(frozen=True, kw_only=True)
class ExplicitOptions:
    """Options for reading and splitting ratings.

    Raises:
        UserError: shares that leave a part empty, or options of a table that ratings do not take.
    """

    train_share: float = 0.5
    """The share of all ratings that is trained on, at random; half of them in the SIF paper."""
    validation_share: float = 0.25
    """The share by which everything is chosen; the rest is the test part."""
    table: TableOptions = DEFAULT_OPTIONS
    """How a table is read."""

    def __post_init__(self) -> None:
        """Check values without the data."""
        for name in ("train_share", "validation_share"):
            if not 0 < getattr(self, name) < 1:
                raise UserError(f"{name}: expected a share above 0 and below 1, got {getattr(self, name)}")
        if self.train_share + self.validation_share >= 1:
            raise UserError(
                "train_share and validation_share: expected less than 1 together, so that a test part is left, got "
                f"{self.train_share + self.validation_share:g}"
            )
        if unfit := sorted(set(self.table.given) & _UNFIT):
            raise UserError(f"{unfit[0]}: ratings are taken as they are and split at random; leave it out")


@dataclass(frozen=True, eq=False)
class RatingPart:
    """Ratings of one part, each with the numbers of its user and its item."""

    user: np.ndarray
    """[n] int64."""
    item: np.ndarray
    """[n] int64."""
    value: np.ndarray
    """[n] float64."""

    def __len__(self) -> int:
        """The number of ratings."""
        return len(self.value)


@dataclass(frozen=True, eq=False)
class RatingData:
    """Ratings, split at random.

    Raises:
        UserError: a part is empty, or all ratings that are trained on are alike.
    """

    name: str
    """The name in the registry, or that of the file."""
    parts: Mapping[str, RatingPart]
    """Those of PARTS."""
    n_users: int
    """The number of users."""
    n_items: int
    """The number of items."""
    split: str
    """How it was split."""
    notes: tuple[str, ...] = ()
    """What was left out or guessed while reading, a sentence each."""

    def __post_init__(self) -> None:
        """Check that there is something to learn and to judge by."""
        n = sum(map(len, self.parts.values()))
        for name, part in self.parts.items():
            if not len(part):
                raise UserError(
                    f"data set {self.name}: expected ratings in the {name} part, got none of {n:,} pairs of a user and "
                    "an item; use more data or other shares"
                )
        with np.errstate(all="ignore"):
            spread = self.std
        if not np.isfinite(spread) or not spread > _LEAST_SPREAD:
            low, high = (float(end(self.parts["train"].value)) for end in (np.min, np.max))
            raise UserError(
                f"data set {self.name}: expected different ratings of which a standard deviation can be computed, got "
                f"{low:g} to {high:g} in the training part"
            )

    @cached_property
    def mean(self) -> float:
        """The mean of the ratings of the training part."""
        return float(self.parts["train"].value.mean())

    @cached_property
    def std(self) -> float:
        """Standard deviation of the ratings of the training part."""
        return float(self.parts["train"].value.std())

    def digest(self) -> str:
        """Return a digest of all that is learned from and judged by."""
        found = hashlib.blake2b(f"{self.n_users} {self.n_items}".encode(), digest_size=16)
        for name in PARTS:
            part = self.parts[name]
            for column in (part.user, part.item, part.value):
                found.update(np.ascontiguousarray(column).tobytes())
        return found.hexdigest()

    def described(self) -> dict[str, Any]:
        """Return it in numbers, as results have it."""
        return {
            "name": self.name,
            "n_users": self.n_users,
            "n_items": self.n_items,
            "parts": {name: len(self.parts[name]) for name in PARTS},
            "mean": self.mean,
            "std": self.std,
            "split": self.split,
            "digest": self.digest(),
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """Return what a person is told, a sentence each."""
        n = sum(map(len, self.parts.values()))
        counts = ", ".join(f"{name} {len(self.parts[name]):,}" for name in PARTS)
        found = [
            f"Data {self.name}: {n:,} ratings by {self.n_users:,} users of {self.n_items:,} items, "
            f"mean {self.mean:.4g}, standard deviation {self.std:.4g}",
            f"  parts: {counts}; {self.split}",
            *(f"  {note}" for note in self.notes),
        ]
        few = [name for name in PARTS[1:] if len(self.parts[name]) < _FEW]
        return found + [f"  warning: the {name} part has few ratings, so its metric is mostly chance" for name in few]


def split_ratings(name: str, ratings: Ratings, options: ExplicitOptions, seed: int) -> RatingData:
    """Split ratings at random; the order of the rows makes no difference but for those that repeat a pair.

    Args:
        name: of the data set.
        ratings: all of them.
        options: how.
        seed: of the split.

    Raises:
        UserError: there are no ratings, or too few of them, or all are alike.
    """
    if ratings.rating is None:
        raise UserError(f"data set {name}: expected a column of ratings, got none; name it with rating_col")
    kept, n_repeated = deduplicate(ratings.user * len(ratings.item_ids) + ratings.item, options.table.pairs)
    rows = np.arange(len(ratings)) if kept is None else np.flatnonzero(kept)
    rows = rows[np.lexsort((ratings.item[rows], ratings.user[rows]))]
    rows = numpy_rng(seed, "explicit", "parts").permutation(rows)
    ends = np.rint(np.cumsum([options.train_share, options.validation_share]) * len(rows)).astype(int)
    parts = {
        part: RatingPart(ratings.user[own], ratings.item[own], ratings.rating[own].astype(np.float64))
        for part, own in zip(PARTS, np.split(rows, ends), strict=True)
    }
    shares = f"{options.train_share:.0%} and {options.validation_share:.0%}"
    repeated = [f"{n_repeated:,} rows repeat a user and an item, which count once"] * bool(n_repeated)
    return RatingData(
        name,
        parts,
        len(ratings.user_ids),
        len(ratings.item_ids),
        f"{shares} of all ratings, at random, seed {seed}",
        (*ratings.notes, *repeated),
    )


#: (file, how it is read) -> ratings.
ExplicitLoader = Callable[[Path | None, TableOptions], Ratings]


@dataclass(frozen=True)
class ExplicitEntry:
    """A row of the registry."""

    read: ExplicitLoader
    about: str
    """A phrase for --help."""
    is_table: bool = False
    """Whether columns may be named."""


def read_table_of_ratings(data: Path | Frame | None, options: TableOptions = DEFAULT_OPTIONS) -> Ratings:
    """Read a table of the user.

    Args:
        data: a CSV, TSV or Parquet file, or a data frame of any library.
        options: its columns.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    if data is None:
        raise UserError("data set table: expected the path of a file, got none; give it with --data")
    return read_sources([open_table(as_table(data), replace(options, time_col=NO_COLUMN))])


def planted_ratings(n_users: int = 400, n_items: int = 200, n_each: int = 60, noise: float = 0.1) -> Ratings:
    """Make ratings in which vectors of users and items of two numbers meet by their maximum.

    Args:
        n_users: the number of users.
        n_items: the number of items.
        n_each: ratings of each user, of items drawn at random.
        noise: standard deviation of what nothing explains; that of the whole is about 1.2.
    """
    rng = numpy_rng("explicit", "synthetic", n_users, n_items, n_each)
    p, q = rng.normal(size=(n_users, 2)), rng.normal(size=(n_items, 2))
    item = np.argsort(rng.random((n_users, n_items)), axis=1)[:, :n_each].ravel()
    user = np.repeat(np.arange(n_users), n_each)
    value = np.maximum(p[user], q[item]).sum(axis=1) + noise * rng.normal(size=len(user))
    return Ratings(user, item, value, None, np.arange(n_users), np.arange(n_items))


def _planted(data: Path | None, options: TableOptions) -> Ratings:
    if data is not None:
        raise UserError(f"data set synthetic is made, not read: leave out --data {data}")
    return planted_ratings()


EXPLICIT_DATASETS: Mapping[str, ExplicitEntry] = MappingProxyType(
    {
        "ml-100k": ExplicitEntry(lambda data, _: read_ml_100k(data), "MovieLens-100K, fetched on first use"),
        "ml-1m": ExplicitEntry(lambda data, _: read_ml_1m(data), "MovieLens-1M, from ratings.dat given with --data"),
        "table": ExplicitEntry(read_table_of_ratings, "your own CSV, TSV or Parquet with ratings", is_table=True),
        "synthetic": ExplicitEntry(_planted, "a small set in which two vectors meet by their maximum"),
    }
)


def load_ratings(
    name: str, data: Path | None = None, seed: int = 0, options: ExplicitOptions | None = None
) -> RatingData:
    """Load and split ratings.

    Args:
        name: a key of EXPLICIT_DATASETS.
        data: the file, unless the data set is fetched or made.
        seed: of the split.
        options: how it is read and split.

    Raises:
        UserError: an unknown name, data that cannot be read, or options that this data set does not take.
    """
    if name not in EXPLICIT_DATASETS:
        raise unknown_name("data set of ratings", name, EXPLICIT_DATASETS)
    entry, options = EXPLICIT_DATASETS[name], options or ExplicitOptions()
    foreign = [one for one in options.table.given if one != "pairs"]
    if foreign and not entry.is_table:
        raise UserError(f"data set {name}: {foreign[0]} is for tables of your own; leave it out")
    ratings = entry.read(data, options.table)
    shown = table_name(data) if entry.is_table and data is not None else name
    return split_ratings(shown, ratings, options, seed)
