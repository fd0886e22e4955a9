"""What MLflow runs to score pairs with a trained recommender. A copy of this file is part of every kept model.

It needs torch and MLflow, and nothing of this project.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

_ROWS_AT_ONCE = 65_536


class Recommender(PythonModel):
    """Rows of user and item -> y_hat, the probability of a positive label; NaN for ids that the data did not have."""

    def load_context(self, context: Any) -> None:
        """Read what was stored."""
        ids = json.loads(Path(context.artifacts["ids"]).read_text(encoding="utf-8"))
        self._numbers = {kind: {one: number for number, one in enumerate(ids[kind])} for kind in ("user", "item")}
        self._score = torch.export.load(context.artifacts["recommender"]).module()

    def predict(self, context, model_input, params=None):  # no types: MLflow would take them for a signature
        """y_hat [n] of a data frame with the columns user and item."""
        user, item = (self._numbered(kind, model_input[kind]) for kind in ("user", "item"))
        y_hat = np.full(len(user), np.nan, dtype=np.float32)
        known = np.flatnonzero((user >= 0) & (item >= 0))
        with torch.no_grad():
            for start in range(0, len(known), _ROWS_AT_ONCE):
                rows = known[start : start + _ROWS_AT_ONCE]
                y_hat[rows] = self._score(torch.from_numpy(user[rows]), torch.from_numpy(item[rows])).numpy()
        return y_hat

    def _numbered(self, kind: str, ids: Any) -> np.ndarray:
        numbers = self._numbers[kind]
        return np.array([numbers.get(one, -1) for one in ids.tolist()], dtype=np.int64)


set_model(Recommender())
