"""Ratings of one's own: a CSV file with the columns user_id, item_id, rating and perhaps timestamp."""

from __future__ import annotations

from pathlib import Path

from core.errors import UserError
from recommenders.data.assemble import by_time_or_random
from recommenders.data.dataset import Dataset
from recommenders.data.reading import read_table


def load_csv(path: Path | None, seed: int) -> Dataset:
    """A comma-separated file with a header; ratings of 4 and more are positive."""
    if path is None:
        raise UserError("data set csv: give the path of the file with --data")
    names = {"user_id": "user", "item_id": "item", "rating": "rating", "timestamp": "timestamp"}
    return by_time_or_random("csv", read_table(path, names, ","), seed)
