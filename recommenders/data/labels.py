"""From what was read to labelled pairs, each once: what is a positive, and which of several rows counts."""

from __future__ import annotations

import numpy as np

from core.common.errors import UserError

#: The rating from which on a pair is positive, where ratings are no labels (section 5.1.1).
USUAL_POSITIVE_AT = 4.0
_AT_ONCE = 1_000_000


def binary_labels(
    where: object, rating: np.ndarray | None, n: int, positive_at: float | None
) -> tuple[np.ndarray, str]:
    """Labels, and in a sentence what is a positive.

    Args:
        where: the table, for messages.
        rating: [n] numbers, or None where every row is a positive.
        n: how many rows there are.
        positive_at: see TableOptions.

    Returns:
        [n] float32, 0 or 1; and the sentence.

    Raises:
        UserError: a border that no rating reaches, or one without ratings.
    """
    if rating is None:
        if positive_at is not None:
            raise UserError(
                f"{where}: --positive-at {positive_at:g}: expected a column of ratings beside it, got none; "
                "name the column with --rating-col"
            )
        return np.ones(n, dtype=np.float32), "every row is a positive, as there are no ratings"
    low, high = float(rating.min()), float(rating.max())
    if positive_at is not None and positive_at > high:
        raise UserError(
            f"{where}: --positive-at {positive_at:g}: expected a number that ratings reach, got one above all: they go "
            f"from {low:g} to {high:g}"
        )
    if positive_at is None and _are_labels(rating):
        labels, said = rating > 0, f"ratings are labels: {high:g} is positive" + f", {low:g} negative" * (low < high)
    else:
        border = USUAL_POSITIVE_AT if positive_at is None else positive_at
        chosen = " (the usual border; --positive-at sets another)" * (positive_at is None)
        labels, said = rating >= border, f"ratings from {low:g} to {high:g}: {border:g} and more are positive{chosen}"
    return labels.astype(np.float32), said


def _are_labels(rating: np.ndarray) -> bool:
    """Only 0 and 1, or only -1 and 1."""
    for known in ((0, 1), (-1, 1)):
        pieces = (rating[start : start + _AT_ONCE] for start in range(0, len(rating), _AT_ONCE))
        if all(((piece == known[0]) | (piece == known[1])).all() for piece in pieces):
            return True
    return False


def repeated(pair: np.ndarray, which: str) -> tuple[np.ndarray | None, int]:
    """Which rows stay where a pair stands in several.

    Args:
        pair: [n] a number for each pair.
        which: last, first or all.

    Returns:
        [n] whether a row stays, or None where all do; and how many rows repeat a pair.
    """
    ordered = np.sort(pair)
    n_repeated = int(np.count_nonzero(ordered[1:] == ordered[:-1]))
    del ordered
    if which == "all" or not n_repeated:
        return None, n_repeated
    order = np.argsort(pair, kind="stable")
    changes = np.flatnonzero(pair[order[1:]] != pair[order[:-1]])
    stays = np.zeros(len(pair), dtype=bool)
    stays[order[np.concatenate([[0], changes + 1] if which == "first" else [changes, [len(pair) - 1]])]] = True
    return stays, n_repeated
