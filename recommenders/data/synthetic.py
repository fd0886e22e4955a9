"""Data sets that are made, not read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.common.errors import UserError
from core.common.seeding import numpy_rng
from recommenders.data.dataset import Dataset, Interactions
from recommenders.data.options import DEFAULT_OPTIONS, DataFiles, TableOptions
from recommenders.data.split import random_split


def load_synthetic(data: Path | DataFiles | None, seed: int, options: TableOptions = DEFAULT_OPTIONS) -> Dataset:
    """Make the data set of `planted`.

    Args:
        data: has to be None.
        seed: not used; the data are always the same.
        options: not used.

    Raises:
        UserError: a file is given.
    """
    files = DataFiles.of(data)
    if files.data is not None:
        raise UserError(f"data set synthetic is made, not read: leave out --data {files.data}")
    return planted()


def planted(n_users: int = 100, n_items: int = 80, n_pairs: int = 6_000, rank: int = 3, noise: float = 0.5) -> Dataset:
    """Make labels that are 1 where a hidden low-rank score plus noise is above zero.

    Args:
        n_users: the number of users.
        n_items: the number of items.
        n_pairs: the number of interactions, all of different pairs.
        rank: of the score.
        noise: its standard deviation.
    """
    rng = numpy_rng("synthetic", n_users, n_items, n_pairs)
    pairs = rng.choice(n_users * n_items, size=n_pairs, replace=False)
    user, item = pairs // n_items, pairs % n_items
    users, items = rng.normal(size=(n_users, rank)), rng.normal(size=(n_items, rank))
    score = (users[user] * items[item]).sum(axis=1) + rng.normal(size=n_items)[item]
    label = (score + noise * rng.normal(size=n_pairs) > 0).astype(np.float32)
    parts = random_split(Interactions(user.astype(np.int64), item.astype(np.int64), label), rng)
    return Dataset("synthetic", *parts, np.arange(n_users), np.arange(n_items), "random 80/10/10")


def shaped(n_users: int, n_items: int, n_rows: int) -> Dataset:
    """Make interactions for measurements of time and memory; nothing can be learned from them.

    Users and items have long tails, as in real data (the r-th has a share of about 1/r); labels are random.

    Args:
        n_users: the number of users.
        n_items: the number of items.
        n_rows: the number of interactions; pairs may repeat.

    Raises:
        UserError: less than one user or item, or too few rows for three parts.
    """
    if min(n_users, n_items) < 1 or n_rows < 100:
        shape = f"{n_users}x{n_items}x{n_rows}"
        raise UserError(f"made-up rows: expected at least one user, one item and 100 rows, got {shape}")
    rng = numpy_rng("shaped", n_users, n_items, n_rows)
    user, item = ((n ** rng.random(n_rows)).astype(np.int64) - 1 for n in (n_users, n_items))
    rows = Interactions(user, item, rng.integers(2, size=n_rows).astype(np.float32))
    parts = random_split(rows, rng, held_out=0.02)
    name = f"{n_users}x{n_items}x{n_rows}"
    return Dataset(name, *parts, np.arange(n_users), np.arange(n_items), "random 96/2/2")
