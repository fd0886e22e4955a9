"""Recommends items with the vectors of a trained model. A copy of this file is part of every kept model of rankings.

MLflow calls `_load_pyfunc`. It needs numpy and nothing of the project that trained it: what it imports from there is
written into the copy (see `studies.exporting.model`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from studies.exporting.served import column_of, id_text


class Ranker:
    """Ranks all items for users; a score is the product of two vectors.

    Args:
        ids: of all users and items ("user" and "item"), in the order of their numbers.
        arrays: vectors of users [n_users, D] and items [n_items, D], and the items that users have: `indptr`
            [n_users + 1] and `known` [n].
    """

    def __init__(self, ids: Mapping[str, Iterable[Any]], arrays: Mapping[str, np.ndarray]) -> None:
        self._items = list(ids["item"])
        self._numbers = {id_text(one): number for number, one in enumerate(ids["user"])}
        self._arrays = {name: np.asarray(arrays[name]) for name in ("users", "items", "indptr", "known")}

    @classmethod
    def load(cls, folder: Path) -> Ranker:
        """What vectors.npz and ids.json in this folder make."""
        ids = json.loads((folder / "ids.json").read_text(encoding="utf-8"))
        with np.load(folder / "vectors.npz", allow_pickle=False) as arrays:
            return cls(ids, dict(arrays))

    def save(self, folder: Path, users: Iterable[Any]) -> None:
        """Write what `load` reads.

        Args:
            folder: an empty one.
            users: the ids of all users, in the order of their numbers.
        """
        ids = {"user": list(users), "item": self._items}
        (folder / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
        arrays: dict[str, Any] = dict(self._arrays)
        np.savez(folder / "vectors.npz", **arrays)

    def recommend(self, user: Any, k: int = 10, known: bool = False) -> list[tuple[Any, float]]:
        """Return the best items of a user with their scores, the best first; none for a user whom the data do not have.

        Args:
            user: an id.
            k: how many, at most.
            known: whether items that the user has in the data may be among them.

        Raises:
            ValueError: k is no whole number from 1.
        """
        if not isinstance(k, int) or isinstance(k, bool) or k < 1:
            raise ValueError(f"k: expected a whole number from 1, got {k!r}")
        number = self._numbers.get(id_text(user))
        if number is None:
            return []
        scores = self._arrays["items"] @ self._arrays["users"][number]
        if not known:
            first, stop = self._arrays["indptr"][number : number + 2]
            scores[self._arrays["known"][first:stop]] = -np.inf
        scores[np.isnan(scores)] = -np.inf
        best = np.argsort(-scores, kind="stable")[:k]
        return [(self._items[i], float(scores[i])) for i in best if scores[i] > -np.inf]

    def predict(self, rows, params=None):  # pandas is loaded by whoever gives a data frame
        """The items that are recommended to every user of a data frame, or a sequence by name, with a column user.

        Args:
            rows: with the users' ids.
            params: k, how many for each (10 unless given).

        Returns:
            A list of item ids for each row, the best first.

        Raises:
            ValueError: the column is missing, or k is no whole number from 1.
        """
        k = (params or {}).get("k", 10)
        return [[item for item, _ in self.recommend(user, k)] for user in column_of(rows, "user")]


def _load_pyfunc(path: str) -> Ranker:
    """See mlflow.pyfunc."""
    return Ranker.load(Path(path))
