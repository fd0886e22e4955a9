"""The interface of what crosses are compared with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from recommenders.data.fields.column import FieldColumn, code_type
from recommenders.data.fields.dataset import FieldData


class Fitted(NamedTuple):
    """A model with one setting."""

    score: Callable[[np.ndarray], np.ndarray]
    """Rows, see `matrix_of` -> scores [n]."""
    rounds: tuple[int, ...]
    """Of boosting, or epochs, after which each stage of its training was best."""
    found: str = ""
    """The set of crosses that it found, as it is written; nothing of what has none."""


class Trainable(ABC):
    """A kind of model on a table of fields, to be trained with one setting after the other.

    Args:
        data: the table; its test part is not looked at.
    """

    def __init__(self, data: FieldData) -> None:
        self.data, self.categories = data, [k for k, one in enumerate(data.columns) if not one.is_number]

    @abstractmethod
    def fit(self, setting: Mapping[str, Any], rounds: tuple[int, ...] | None, seed: int) -> Fitted:
        """Train with one setting.

        Args:
            setting: by name.
            rounds: how long, on all rows but the test part's; None: on the training rows, until it is no better on
                those that sets of crosses are chosen by.
            seed: of all draws.
        """

    def rows(self, *parts: str) -> tuple[np.ndarray, np.ndarray]:
        """Return rows as numbers [n, columns], see `matrix_of`, and their labels [n] int64.

        Args:
            parts: those that they are in.
        """
        rows = self.data.rows(*parts)
        return matrix_of(self.data, rows), self.data.label[rows].astype(np.int64)


def matrix_of(data: FieldData, rows: slice | np.ndarray) -> np.ndarray:
    """Return rows as numbers: those of columns, NaN where missing, and codes of categories, float64 [n, columns].

    Args:
        data: the table.
        rows: which.
    """
    return np.stack([one.values[rows].astype(np.float64) for one in data.columns], axis=1)


def columns_of(data: FieldData, x: np.ndarray) -> list[FieldColumn]:
    """Return rows as columns, as they were before `matrix_of`.

    Args:
        data: the table.
        x: [n, columns].
    """
    kinds = (np.float64 if one.is_number else code_type(one.n_codes) for one in data.columns)
    values = (x[:, k].astype(kind) for k, kind in enumerate(kinds))
    return [FieldColumn(one.name, own, one.categories) for one, own in zip(data.columns, values, strict=True)]
