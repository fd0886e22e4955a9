"""From the ratings of a table to a data set: labels, no repeated pairs, drawn negatives, parts."""

from __future__ import annotations

import numpy as np
import torch

from core.common.errors import UserError, in_a_line
from recommenders.common.memory import free_memory
from recommenders.data.dataset import PARTS, Dataset, Interactions, Origin, Ratings
from recommenders.data.labels import binary_labels, count_repeated, deduplicate
from recommenders.data.negatives import TooFewItems, draw_negatives
from recommenders.data.options import DEFAULT_NEGATIVES, TableOptions
from recommenders.data.prescan import check_rows
from recommenders.data.split import positive_leave_one_out, random_split

_CPU = torch.device("cpu")
#: {split: how a data set describes it}.
_SPLITS = {
    "leave-one-out": "positive leave-one-out by time",
    "random": "random 80/10/10",
    "given": "as given",
}


def prepare_dataset(
    name: str, table: str, ratings: Ratings, options: TableOptions, rng: np.random.Generator
) -> Dataset:
    """Make a data set of ratings.

    Args:
        name: of the data set.
        table: the table's name in messages.
        ratings: used up, so that memory holds no column twice.
        options: whose split is given exactly if ratings have parts.
        rng: of a random split, and of negatives.

    Raises:
        UserError: these options do not fit the ratings.
    """
    n_rows, split = len(ratings), options.split
    if split == "auto":
        split = "random" if ratings.timestamp is None else "leave-one-out"
    if split == "leave-one-out" and ratings.timestamp is None:
        raise UserError(
            f"{table}: --split leave-one-out: expected a column of times, got none; name it with --time-col"
        )
    label, meaning = binary_labels(table, ratings.rating, n_rows, options.positive_at)
    ratings.rating = None
    _sort_by_time(ratings, label)
    pair = _pairs(ratings)
    unique = pair if ratings.part is None else pair * len(PARTS) + ratings.part
    kept, n_repeated = deduplicate(unique, options.pairs)
    del pair, unique
    if kept is not None:
        ratings.user, ratings.item, label = ratings.user[kept], ratings.item[kept], label[kept]
        ratings.part = None if ratings.part is None else ratings.part[kept]
    warnings = _warn_of_shared_pairs(ratings)
    n_kept = len(label)
    n_pairs = n_rows - n_repeated if ratings.part is None else n_kept - count_repeated(_pairs(ratings))
    label, drawn = _add_negatives(table, ratings, label, options.negatives, rng)
    parts = _split(Interactions(ratings.user, ratings.item, label), ratings.part, split, rng)
    labels = "; ".join(filter(None, (meaning, drawn)))
    n_drawn = len(label) - n_kept
    origin = Origin(n_rows, n_repeated, options.pairs, n_pairs, n_drawn, labels, tuple(ratings.notes), warnings)
    why = " (no times)" if options.split == "auto" and split == "random" else ""
    return Dataset(name, *parts, ratings.user_ids, ratings.item_ids, _SPLITS[split] + why, origin)


def _pairs(ratings: Ratings) -> np.ndarray:
    """Return [n] int64, a number for each pair of a user and an item."""
    return ratings.user * len(ratings.item_ids) + ratings.item


def _sort_by_time(ratings: Ratings, label: np.ndarray) -> None:
    """Sort rows by time; equal times keep their order. One column after the other, to take less memory."""
    if ratings.timestamp is None:
        return
    order = np.argsort(ratings.timestamp, kind="stable")
    ratings.timestamp = None
    for column in (ratings.user, ratings.item, label, ratings.part):
        if column is not None:
            column[:] = column[order]


def _add_negatives(
    table: str, ratings: Ratings, label: np.ndarray, asked: int | None, rng: np.random.Generator
) -> tuple[np.ndarray, str]:
    """Draw negatives where all rows are positives, each right behind its positive.

    Args:
        table: the table's name in messages.
        ratings: changed in place.
        label: [n] float32.
        asked: negatives for each positive; None for the default.
        rng: draws them.

    Returns:
        [n'] the labels with those of negatives; and a sentence about what was drawn, or why nothing.

    Raises:
        UserError: there are negatives already, or too few items.
    """
    if not label.all():
        if asked:
            raise UserError(
                f"{table}: --negatives {asked}: expected a table in which every row is a positive, got "
                f"{int((label == 0).sum()):,} rows that are not; leave it out"
            )
        return label, ""
    n_each = DEFAULT_NEGATIVES if asked is None else asked
    if n_each == 0:
        return label, ""
    n = len(label)
    check_rows(table, f"{n:,} positives and {n * n_each:,} negatives", n * (1 + n_each), free_memory(_CPU))
    try:
        drawn = draw_negatives(ratings.user, ratings.item, len(ratings.item_ids), n_each, rng)
    except TooFewItems as few:
        who = in_a_line(str(ratings.user_ids[few.user]), 60)
        has = f"all {len(ratings.item_ids)} items but {few.left}"
        if asked is None:
            return label, f"no negatives could be drawn: user {who} has {has}"
        raise UserError(
            f"{table}: --negatives {n_each}: expected users with as many items left, got user {who} with {has} (of "
            f"{few.n_users} such users); leave them out, or give fewer"
        ) from None
    ratings.item = np.column_stack([ratings.item, drawn]).ravel()
    ratings.user = np.repeat(ratings.user, 1 + n_each)
    ratings.part = None if ratings.part is None else np.repeat(ratings.part, 1 + n_each)
    note = f"{n * n_each:,} negatives drawn, {n_each} for each positive" + " (--negatives)" * (asked is None)
    return np.tile(np.array([1] + [0] * n_each, dtype=np.float32), n), note


def _split(
    ordered: Interactions, part: np.ndarray | None, split: str, rng: np.random.Generator
) -> tuple[Interactions, Interactions, Interactions]:
    if split == "leave-one-out":
        return positive_leave_one_out(ordered)
    if split == "random":
        return random_split(ordered, rng)
    assert part is not None
    train, validation, test = (ordered.take(part == number) for number in range(len(PARTS)))
    return train, validation, test


def _warn_of_shared_pairs(ratings: Ratings) -> tuple[str, ...]:
    """Return a warning for each held-out part that has pairs of the training part."""
    if ratings.part is None:
        return ()
    pair = _pairs(ratings)
    train = np.unique(pair[ratings.part == 0])
    shared = {name: int(np.isin(pair[ratings.part == n], train).sum()) for n, name in enumerate(PARTS) if n}
    return tuple(f"{n:,} rows of the {name} part stand in the training part too" for name, n in shared.items() if n)
