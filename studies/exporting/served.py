"""Scores pairs with a trained recommender. A copy of this file is part of every kept model.

MLflow calls `_load_pyfunc`. It needs torch and numpy, and nothing of the project that trained it: the law of ids is
written into the copy (see `studies.exporting.model`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recommenders.data.ids import id_text

_ROWS_AT_ONCE = 65_536
#: What is no id but holds some.
_NESTED = (list, tuple, dict, set, np.ndarray)
#: Floats of few bits by what libraries call their type: numpy, pandas, polars and torch; pyarrow, and pandas with it.
_SHORT = {"float16": np.float16, "float32": np.float32, "halffloat": np.float16, "float": np.float32}


class Recommender:
    """Rows of user and item -> y_hat, the probability of a positive label; NaN for ids that the data did not have.

    Args:
        ids: of all users and items ("user" and "item"), in the order of their numbers.
        score: (users [B], items [B]), numbered from 0, -> y_hat [B] on the CPU.
    """

    def __init__(self, ids: Mapping[str, Iterable[Any]], score: Callable[[Tensor, Tensor], Tensor]) -> None:
        self._numbers = {
            kind: {id_text(one): number for number, one in enumerate(ids[kind])} for kind in ("user", "item")
        }
        self._score = score

    @classmethod
    def load(cls, folder: Path) -> Recommender:
        """What recommender.pt2 and ids.json in this folder make."""
        ids = json.loads((folder / "ids.json").read_text(encoding="utf-8"))
        return cls(ids, torch.export.load(folder / "recommender.pt2").module())

    def predict(self, rows, params=None):  # pandas is loaded by whoever gives a data frame
        """y_hat [n] of a data frame (or sequences by name) with the columns user and item.

        Raises:
            ValueError: a column is missing, or is none.
        """
        user, item = (self._numbered(kind, column_of(rows, kind)) for kind in ("user", "item"))
        if len(user) != len(item):
            raise ValueError(f"expected as many users as items, got {len(user)} and {len(item)}")
        y_hat = np.full(len(user), np.nan, dtype=np.float32)
        known = np.flatnonzero((user >= 0) & (item >= 0))
        with torch.no_grad():
            for start in range(0, len(known), _ROWS_AT_ONCE):
                some = known[start : start + _ROWS_AT_ONCE]
                y_hat[some] = self._score(torch.from_numpy(user[some]), torch.from_numpy(item[some])).numpy()
        return y_hat

    def _numbered(self, kind: str, ids: list[Any]) -> np.ndarray:
        numbers = self._numbers[kind]
        return np.array([numbers.get(id_text(one), -1) for one in ids], dtype=np.int64)


def column_of(rows: Any, kind: str) -> list[Any]:
    """The ids in a column, whatever holds them: arrays, series and lists of any library."""
    try:
        column = rows[kind]
    except (KeyError, IndexError, TypeError, ValueError):
        raise ValueError(f"expected rows with the columns user and item, got none called {kind}") from None
    return id_list(column, kind)


def id_list(column: Any, kind: str) -> list[Any]:
    """What a sequence of ids holds, as Python has it, so that no number changes on its way.

    Args:
        column: a list, an array, a series or a tensor.
        kind: user or item, for messages.

    Raises:
        ValueError: it is a single id, no sequence, or one of several columns.
    """
    if isinstance(column, Mapping | set | frozenset) or len(getattr(column, "shape", None) or (0,)) > 1:
        raise _several(column, kind)
    short = _short_type(column)
    for made in ("to_pylist", "tolist"):  # pyarrow's; those of numpy, pandas, polars and torch
        if hasattr(column, made):
            column = getattr(column, made)()
            break
    if isinstance(column, str | bytes) or not hasattr(column, "__iter__"):
        raise ValueError(f"expected a list of {kind}s, got {str(column)[:60]!r} alone; write [{str(column)[:60]!r}]")
    column = list(column)
    if any(isinstance(one, _NESTED) for one in column):
        raise _several(column, kind)
    return column if short is None else [short(one) if isinstance(one, float) else one for one in column]


def _several(column: Any, kind: str) -> ValueError:
    name = type(column).__name__
    return ValueError(f"expected a list of {kind}s, got a {name} of several columns or without order; give one column")


def _short_type(column: Any) -> Any:
    """NumPy's type of 16 or 32 bits where a column has floats of so many: as Python has them, they are longer."""
    column = getattr(getattr(column, "cat", column), "categories", column)  # pandas: they are what the column holds
    kind = getattr(column, "dtype", None) or getattr(column, "type", "")
    name = str(getattr(kind, "name", kind)).lower().removeprefix("torch.").removeprefix("dictionary<values=")
    return _SHORT.get(name.partition(",")[0].removesuffix("[pyarrow]"))


def _load_pyfunc(path: str) -> Recommender:
    """See mlflow.pyfunc."""
    return Recommender.load(Path(path))
