"""MovieLens (GroupLens). Harper and Konstan, ACM TiiS 5(4), 2015. Research use, no redistribution."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.common.errors import UserError
from core.common.seeding import numpy_rng
from recommenders.data.dataset import Dataset, Ratings
from recommenders.data.fetch import Published, fetch, from_web, from_wheel
from recommenders.data.labels import label_ratings
from recommenders.data.opening import is_folder
from recommenders.data.options import DEFAULT_OPTIONS, DataFiles, TableOptions
from recommenders.data.reading import read_published
from recommenders.data.split import classic_quicksort, positive_leave_one_out, random_split

#: Names of users, items, ratings and times in files with a header; those with types are RecBole's.
_ML_100K_HEADERS = (
    ("user_id", "item_id", "rating", "timestamp"),
    ("user_id:token", "item_id:token", "rating:float", "timestamp:float"),
)
_ML_1M_HEADERS = (("user_id", "movie_id", "rating", "timestamp"),)
_WHEEL_MEMBER = "recbole/dataset_example/ml-100k/ml-100k.inter"


def _without_header(work: Path) -> bytes:
    """Return u.data from the RecBole wheel, whose copy has a header line."""
    wheel_sha256 = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
    content = from_wheel("recbole==1.2.1", wheel_sha256, _WHEEL_MEMBER)(work)
    return content.partition(b"\n")[2]


ML_100K = Published(
    name="ml-100k/u.data",
    sha256="06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
    sources=(
        from_web(
            "https://files.grouplens.org/datasets/movielens/ml-100k.zip",
            md5="0e33842e24a9c977be4e0107933c0723",
            member="ml-100k/u.data",
        ),
        _without_header,
    ),
)


def load_ml_100k(data: Path | DataFiles | None, seed: int, options: TableOptions = DEFAULT_OPTIONS) -> Dataset:
    """Load MovieLens-100K, fetched unless a path is given, with the split published by the AutoLossGen authors.

    Args:
        data: u.data, RecBole's ml-100k.inter, or a folder with u.data in it.
        seed: not used, as the split is fixed.
        options: the border of positives.

    Raises:
        UserError: the file cannot be fetched or read, or has no times.
    """
    ratings = read_ml_100k(DataFiles.of(data).data)
    assert ratings.timestamp is not None
    order = classic_quicksort(ratings.timestamp)
    parts = positive_leave_one_out(label_ratings(ratings, options.positive_at).take(order))
    split = "positive leave-one-out by time, the published AutoLossGen split"
    return Dataset("ml-100k", *parts, ratings.user_ids, ratings.item_ids, split)


def load_ml_1m(data: Path | DataFiles | None, seed: int, options: TableOptions = DEFAULT_OPTIONS) -> Dataset:
    """Load MovieLens-1M, split by positive leave-one-out (at random where there are no times).

    Args:
        data: ratings.dat, the folder with it, or a CSV with user_id, movie_id, rating and perhaps timestamp. Equal
            times keep the order of the file.
        seed: of the random split.
        options: the border of positives.

    Raises:
        UserError: no file is given, or it cannot be read.
    """
    ratings = read_ml_1m(DataFiles.of(data).data)
    interactions = label_ratings(ratings, options.positive_at)
    if ratings.timestamp is None:
        parts, split = random_split(interactions, numpy_rng(seed, "split", "ml-1m")), "random 80/10/10 (no timestamps)"
    else:
        order = np.argsort(ratings.timestamp, kind="stable")
        parts, split = positive_leave_one_out(interactions.take(order)), "positive leave-one-out by time"
    return Dataset("ml-1m", *parts, ratings.user_ids, ratings.item_ids, split)


def read_ml_100k(path: Path | None) -> Ratings:
    """Read the ratings of MovieLens-100K, fetched unless a path is given.

    Raises:
        UserError: the file cannot be fetched or read, or has no times.
    """
    path = fetch(ML_100K) if path is None else _file_in(path, "u.data")
    return read_published(path, _ML_100K_HEADERS, required=("rating", "timestamp"))


def read_ml_1m(path: Path | None) -> Ratings:
    """Read the ratings of MovieLens-1M.

    Raises:
        UserError: no file is given, or it cannot be read.
    """
    if path is None:
        raise UserError("data set ml-1m: give the path of ratings.dat (or of its folder) with --data")
    return read_published(_file_in(path, "ratings.dat"), _ML_1M_HEADERS, required=("rating",))


def _file_in(path: Path, name: str) -> Path:
    """Return the file of this name if the path is a folder, else the path."""
    return path / name if is_folder(path) else path
