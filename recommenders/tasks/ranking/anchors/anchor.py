"""The interface of anchors: recommenders without a loss to search, which results are compared with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from recommenders.data.implicit.dataset import ImplicitDataset
from recommenders.tasks.ranking.scores import ScoreFunction, VectorScores


@dataclass(frozen=True)
class Anchor(ABC):
    """Learns from the training part alone. Its fields are its settings.

    Raises:
        UserError: a setting is out of range.
    """

    #: A phrase for --help.
    about: ClassVar[str]
    #: Setting -> values of which an evaluation chooses one on validation, where it is not given.
    grid: ClassVar[Mapping[str, tuple[float, ...]]] = MappingProxyType({})

    @abstractmethod
    def fit(self, data: ImplicitDataset, seed: int) -> VectorScores | ScoreFunction:
        """Return scores for `rank_items`.

        Args:
            data: whose training part is learnt from.
            seed: of random draws, where there are any.

        Raises:
            UserError: memory is not enough.
        """
