"""Scores of users for all items."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from core.common.errors import UserError

#: Scores a block of users: [b] int64 -> [b, n_items] float32 or float64.
ScoreFunction = Callable[[np.ndarray], np.ndarray]
#: Vectors are padded with zeros to multiples of these: BLAS rounds otherwise where a block of a matrix ends.
_USERS, _ITEMS = 32, 64


class VectorScores:
    """Scores that are dot products of vectors. For cosine, pass vectors of length 1.

    A score has the same bits whichever users are scored together, so that items with equal vectors have equal scores.

    Args:
        users: [n_users, D].
        items: [n_items, D].

    Raises:
        UserError: arrays of other shapes.
    """

    def __init__(self, users: np.ndarray, items: np.ndarray) -> None:
        if users.ndim != 2 or items.ndim != 2 or users.shape[1] != items.shape[1]:
            raise UserError(
                f"vectors of users and items: expected [n_users, D] and [n_items, D], got {list(users.shape)} and "
                f"{list(items.shape)}"
            )
        self._users = np.asarray(users, dtype=np.float32)
        self._n_items, dimension = items.shape
        self._items = np.zeros((dimension, self._n_items + -self._n_items % _ITEMS), dtype=np.float32)
        self._items[:, : self._n_items] = items.T
        self._kept = threading.local()

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of users and of items."""
        return len(self._users), self._n_items

    def block(self, users: np.ndarray) -> np.ndarray:
        """Return the scores of some users.

        Args:
            users: [b] their numbers.

        Returns:
            [b, n] float32 with n >= n_items, in memory that the next call of the same thread overwrites.
        """
        n_rows = len(users) + -len(users) % _USERS
        if n_rows > len(getattr(self._kept, "scores", ())):
            self._kept.vectors = np.empty((n_rows, self._users.shape[1]), dtype=np.float32)
            self._kept.scores = np.empty((n_rows, self._items.shape[1]), dtype=np.float32)
        vectors, scores = self._kept.vectors[:n_rows], self._kept.scores[:n_rows]
        np.take(self._users, users, axis=0, out=vectors[: len(users)], mode="clip")
        vectors[len(users) :] = 0
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is ranked last
            np.matmul(vectors, self._items, out=scores)
        found: np.ndarray = scores[: len(users)]
        return found
