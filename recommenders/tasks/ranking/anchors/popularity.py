"""Popularity: every user gets the items that most users have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from recommenders.data.implicit.dataset import ImplicitDataset
from recommenders.tasks.ranking.anchors.anchor import Anchor
from recommenders.tasks.ranking.scores import ScoreFunction


@dataclass(frozen=True)
class Popularity(Anchor):
    """The number of users that have an item, the same score for every user."""

    about: ClassVar[str] = "the items that most users have, the same for every user"

    def fit(self, data: ImplicitDataset, seed: int) -> ScoreFunction:
        """See Anchor."""
        scores = data.popularity().astype(np.float64)
        return lambda users: np.broadcast_to(scores, (len(users), len(scores)))
