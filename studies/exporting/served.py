"""Scores pairs with a trained recommender. A copy of this file is part of every kept model.

MLflow calls `_load_pyfunc`. It needs torch, numpy and pandas, and nothing of the project that trained it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

_ROWS_AT_ONCE = 65_536


class Recommender:
    """Rows of user and item -> y_hat, the probability of a positive label; NaN for ids that the data did not have.

    Args:
        folder: with recommender.pt2 and ids.json.
    """

    def __init__(self, folder: Path) -> None:
        ids = json.loads((folder / "ids.json").read_text(encoding="utf-8"))
        self._numbers = {kind: {str(one): number for number, one in enumerate(ids[kind])} for kind in ("user", "item")}
        self._score = torch.export.load(folder / "recommender.pt2").module()

    def predict(self, rows, params=None):  # pandas is loaded by whoever gives a data frame
        """y_hat [n] of a data frame with the columns user and item."""
        user, item = (self._numbered(kind, rows[kind].tolist()) for kind in ("user", "item"))
        y_hat = np.full(len(user), np.nan, dtype=np.float32)
        known = np.flatnonzero((user >= 0) & (item >= 0))
        with torch.no_grad():
            for start in range(0, len(known), _ROWS_AT_ONCE):
                some = known[start : start + _ROWS_AT_ONCE]
                y_hat[some] = self._score(torch.from_numpy(user[some]), torch.from_numpy(item[some])).numpy()
        return y_hat

    def _numbered(self, kind: str, ids: list[object]) -> np.ndarray:
        numbers = self._numbers[kind]
        return np.array([numbers.get(str(one), -1) for one in ids], dtype=np.int64)


def _load_pyfunc(path: str) -> Recommender:
    """See mlflow.pyfunc."""
    return Recommender(Path(path))
