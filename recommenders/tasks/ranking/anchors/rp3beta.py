"""RP3beta (Paudel et al., TiiS 2016): walks of three steps from a user, with less weight for popular items.

The walk from item i to item j has the weight, summed over their common users u, of (1 / items of u)^alpha *
(1 / users of i)^alpha, divided by (users of j)^beta. For each i the largest are kept, and may be divided by their sum,
as in the evaluation framework of Ferrari Dacrema et al. (RecSys 2019); the score of j is the sum over the items i of
the user.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from recommenders.data.implicit.dataset import ImplicitDataset
from recommenders.models.recommender import check_settings
from recommenders.tasks.ranking.anchors.anchor import Anchor
from recommenders.tasks.ranking.anchors.ease import transposed
from recommenders.tasks.ranking.anchors.kernels import add_neighbours, nearest
from recommenders.tasks.ranking.scores import ScoreFunction


@dataclass(frozen=True)
class RP3beta(Anchor):
    """Walks of three steps, see the module."""

    about: ClassVar[str] = "RP3beta, random walks over users and items; seconds"
    grid: ClassVar[Mapping[str, tuple[float, ...]]] = MappingProxyType(
        {"alpha": (0.4, 0.6, 0.8, 1.0), "beta": (0.3, 0.5), "neighbours": (100, 400)}
    )

    alpha: float = 0.8
    """The exponent of the probabilities of steps."""
    beta: float = 0.3
    """How much less weight popular items have."""
    neighbours: int = 100
    """Items that are kept for each item."""
    normalised: bool = True
    """Whether the weights of an item's neighbours are divided by their sum; if not, by (its users)^alpha."""

    def __post_init__(self) -> None:
        """Check the settings."""
        check_settings(self, alpha=(0, 10), beta=(0, 10), neighbours=(1, 1e6))

    def fit(self, data: ImplicitDataset, seed: int) -> ScoreFunction:
        """See Anchor."""
        rows, columns = data.train, transposed(data.train, data.n_items)
        factors = np.maximum(rows.counts, 1) ** -self.alpha
        degree = np.maximum(columns.counts, 1).astype(np.float64)
        k = min(self.neighbours, data.n_items)
        ids, weights = np.empty((data.n_items, k), dtype=np.int32), np.empty((data.n_items, k))
        pairs = (rows.indptr, rows.items)
        nearest(pairs, (columns.indptr, columns.items), factors, degree**-self.beta, k, ids, weights)
        total = weights.sum(axis=1) if self.normalised else degree**self.alpha
        weights /= np.where(total > 0, total, 1)[:, None]

        def score(users: np.ndarray) -> np.ndarray:
            out = np.zeros((len(users), data.n_items))
            add_neighbours(users, pairs, ids, weights, out)
            return out

        return score
