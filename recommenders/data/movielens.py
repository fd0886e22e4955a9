"""MovieLens (GroupLens). Harper and Konstan, ACM TiiS 5(4), 2015. Research use, no redistribution."""

from __future__ import annotations

from pathlib import Path

from core.common.errors import UserError
from recommenders.data.assemble import by_time_or_random, labelled
from recommenders.data.dataset import Dataset
from recommenders.data.fetch import Published, fetch, from_web, from_wheel
from recommenders.data.opening import beginning, is_folder
from recommenders.data.options import USUAL_OPTIONS, DataFiles, TableOptions
from recommenders.data.reading import COLUMNS, read_table
from recommenders.data.split import classic_quicksort, positive_leave_one_out

_WHEEL_MEMBER = "recbole/dataset_example/ml-100k/ml-100k.inter"


def _without_header(work: Path) -> bytes:
    """u.data out of the RecBole wheel, whose copy of it has a header line."""
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


def load_ml_100k(data: Path | DataFiles | None, seed: int, options: TableOptions = USUAL_OPTIONS) -> Dataset:
    """MovieLens-100K, fetched unless a path is given, split as the AutoLossGen authors split it.

    Args:
        data: u.data, RecBole's ml-100k.inter, or a folder with u.data in it.
        seed: not used, the split is the published one.
        options: the border of positives.
    """
    path = DataFiles.of(data).data
    if path is not None and is_folder(path):
        path = path / "u.data"
    path = fetch(ML_100K) if path is None else path
    first_row = beginning(path).split("\t")
    if first_row[0].strip().isdigit():
        ratings = read_table(path, list(COLUMNS), "\t")
    else:
        names = {"user_id": "user", "item_id": "item", "rating": "rating", "timestamp": "timestamp"}
        names |= {
            "user_id:token": "user",
            "item_id:token": "item",
            "rating:float": "rating",
            "timestamp:float": "timestamp",
        }
        typed = any(":" in column for column in first_row)
        ratings = read_table(path, {c: role for c, role in names.items() if (":" in c) == typed}, "\t")
    if ratings.timestamp is None:
        raise UserError(f"{path}: missing column timestamp, which the split needs")
    order = classic_quicksort(ratings.timestamp)
    train, validation, test = positive_leave_one_out(labelled(ratings, options.positive_at).take(order))
    split = "positive leave-one-out by time, the published AutoLossGen split"
    return Dataset("ml-100k", train, validation, test, ratings.user_ids, ratings.item_ids, split)


def load_ml_1m(data: Path | DataFiles | None, seed: int, options: TableOptions = USUAL_OPTIONS) -> Dataset:
    """MovieLens-1M from ratings.dat (or a CSV with user_id, movie_id, rating and perhaps timestamp).

    With timestamps the split is positive leave-one-out (equal times in the order of the file), without
    them it is random.
    """
    path = DataFiles.of(data).data
    if path is None:
        raise UserError("data set ml-1m: give the path of ratings.dat (or of its folder) with --data")
    path = path / "ratings.dat" if is_folder(path) else path
    if path.suffix == ".dat":
        ratings = read_table(path, list(COLUMNS), "::", encoding="latin-1")
    else:
        names = {"user_id": "user", "movie_id": "item", "rating": "rating", "timestamp": "timestamp"}
        ratings = read_table(path, names, ",")
    return by_time_or_random("ml-1m", ratings, seed, options.positive_at)
