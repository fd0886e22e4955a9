"""Scoring pairs with a trained recommender, as objects that can be copied and sent to another process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from recommenders.modules.scoring import ScoringModule
from studies.exporting.served import Recommender


class Scorer(ABC):
    """Published ids of users and items [n] -> y_hat [n]. The recommender is made when it is first asked."""

    def __init__(self) -> None:
        self._made: Recommender | None = None

    @abstractmethod
    def _make(self) -> Recommender: ...

    def __call__(self, users: Sequence[Any], items: Sequence[Any]) -> np.ndarray:
        """Score what sequences of any kind hold."""
        if self._made is None:
            self._made = self._make()
        y_hat: np.ndarray = self._made.predict({"user": users, "item": items})
        return y_hat

    def __getstate__(self) -> dict[str, Any]:
        """What it is made of, without what is made of that."""
        return {**self.__dict__, "_made": None}


class ModuleScorer(Scorer):
    """With a module at hand.

    Args:
        module: of numbered users and items.
        ids: published ones of all users and items, in the order of their numbers.
    """

    def __init__(self, module: ScoringModule, ids: Mapping[str, Sequence[Any]]) -> None:
        super().__init__()
        self._module, self._ids = module, ids

    def _make(self) -> Recommender:
        return Recommender(self._ids, self._score)

    def _score(self, user: Tensor, item: Tensor) -> Tensor:
        device = next(iter(self._module.state_dict().values())).device
        y_hat: Tensor = self._module(user.to(device), item.to(device))
        return y_hat.cpu()


class StoredScorer(Scorer):
    """With what a study kept.

    Args:
        folder: of the kept model's data.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder.absolute()

    def _make(self) -> Recommender:
        return Recommender.load(self._folder)
