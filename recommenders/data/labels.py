"""Labels of ratings: which rows are positive."""

from __future__ import annotations

import numpy as np

from core.common.errors import UserError
from recommenders.data.dataset import Interactions, Ratings

#: Ratings from this one on are positive by default (section 5.1.1 of the paper).
DEFAULT_POSITIVE_AT = 4.0
_BLOCK = 1_000_000


def label_ratings(ratings: Ratings, positive_at: float | None = None) -> Interactions:
    """Label the ratings of a published data set.

    Args:
        ratings: with a column of ratings.
        positive_at: the least rating that gets the label 1, others get 0; 4 by default.
    """
    assert ratings.rating is not None
    border = DEFAULT_POSITIVE_AT if positive_at is None else positive_at
    return Interactions(ratings.user, ratings.item, (ratings.rating >= border).astype(np.float32))


def binary_labels(table: str, rating: np.ndarray | None, n: int, positive_at: float | None) -> tuple[np.ndarray, str]:
    """Label the rows of a table, whose ratings may be labels already.

    Args:
        table: the table's name in messages.
        rating: [n] float64, or None where every row is a positive.
        n: the number of rows.
        positive_at: see TableOptions.

    Returns:
        [n] float32, 0 or 1; and a sentence that says what a positive is.

    Raises:
        UserError: `positive_at` is above all ratings, or given without ratings.
    """
    if rating is None:
        if positive_at is not None:
            raise UserError(
                f"{table}: --positive-at {positive_at:g}: expected a column of ratings beside it, got none; "
                "name the column with --rating-col"
            )
        return np.ones(n, dtype=np.float32), "every row is a positive, as there are no ratings"
    low, high = float(rating.min()), float(rating.max())
    if positive_at is not None and positive_at > high:
        raise UserError(
            f"{table}: --positive-at {positive_at:g}: expected a number that ratings reach, got one above all: they go "
            f"from {low:g} to {high:g}"
        )
    if positive_at is None and _are_labels(rating):
        labels, note = rating > 0, f"ratings are labels: {high:g} is positive" + f", {low:g} negative" * (low < high)
    else:
        border = DEFAULT_POSITIVE_AT if positive_at is None else positive_at
        default = " (the default; --positive-at changes it)" * (positive_at is None)
        labels, note = rating >= border, f"ratings from {low:g} to {high:g}: {border:g} and more are positive{default}"
    return labels.astype(np.float32), note


def _are_labels(rating: np.ndarray) -> bool:
    """Tell whether ratings are only 0 and 1, or only -1 and 1; in blocks, to take little memory."""
    for known in ((0, 1), (-1, 1)):
        blocks = (rating[start : start + _BLOCK] for start in range(0, len(rating), _BLOCK))
        if all(((block == known[0]) | (block == known[1])).all() for block in blocks):
            return True
    return False


def deduplicate(pair: np.ndarray, keep: str) -> tuple[np.ndarray | None, int]:
    """Choose which of several rows with the same pair to keep.

    Args:
        pair: [n] a number for each pair.
        keep: last, first or all.

    Returns:
        [n] bool, whether a row is kept, or None where all are; and how many rows repeat an earlier pair.
    """
    n_repeated = count_repeated(pair)
    if keep == "all" or not n_repeated:
        return None, n_repeated
    order = np.argsort(pair, kind="stable")
    changes = np.flatnonzero(pair[order[1:]] != pair[order[:-1]])
    kept = np.zeros(len(pair), dtype=bool)
    kept[order[np.concatenate([[0], changes + 1] if keep == "first" else [changes, [len(pair) - 1]])]] = True
    return kept, n_repeated


def count_repeated(values: np.ndarray) -> int:
    """Return how many of [n] values repeat another one: n less the distinct ones."""
    ordered = np.sort(values)
    return int(np.count_nonzero(ordered[1:] == ordered[:-1]))
