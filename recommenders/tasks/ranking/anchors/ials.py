"""iALS (Hu, Koren and Volinsky, ICDM 2008) with the regularisation of Rendle et al. (RecSys 2022, arXiv 2110.14037).

The objective is the sum over training pairs of (score - 1)^2, plus unobserved * the sum over all pairs of score^2, plus
l2 * the sum over users of (items of the user + unobserved * number of items)^nu * |vector|^2, and likewise over items.
Users and items are solved for in turn, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from core.common.blas import blas_on_one_core
from core.common.seeding import numpy_rng
from recommenders.data.implicit.dataset import ImplicitDataset
from recommenders.data.implicit.user_items import UserItems
from recommenders.models.recommender import check_settings
from recommenders.tasks.ranking.anchors.anchor import Anchor
from recommenders.tasks.ranking.anchors.ease import transposed
from recommenders.tasks.ranking.anchors.kernels import solve_rows
from recommenders.tasks.ranking.scores import VectorScores


@dataclass(frozen=True)
class IALS(Anchor):
    """Matrix factorisation by alternating least squares, see the module."""

    about: ClassVar[str] = "iALS, matrix factorisation of all pairs by alternating least squares"
    grid: ClassVar[Mapping[str, tuple[float, ...]]] = MappingProxyType(
        {"unobserved": (0.003, 0.01, 0.03, 0.1), "l2": (0.0003, 0.001, 0.003, 0.01)}
    )

    factors: int = 64
    """Dimensions of the vectors."""
    unobserved: float = 0.01
    """The weight of all pairs, alpha_0."""
    l2: float = 0.003
    """The weight of squared norms, lambda."""
    nu: float = 1.0
    """How much larger it is for users and items with many pairs."""
    epochs: int = 16
    """How often users and items are solved for."""
    init_std: float = 0.1
    """The standard deviation of the first vectors' length, sigma*."""

    def __post_init__(self) -> None:
        """Check the settings."""
        check_settings(self, factors=(1, 10_000), unobserved=(0, 1e6), l2=(1e-9, 1e6), nu=(0, 10))
        check_settings(self, epochs=(1, 100_000), init_std=(1e-9, 1e6))

    def fit(self, data: ImplicitDataset, seed: int) -> VectorScores:
        """See Anchor."""
        sides = data.train, transposed(data.train, data.n_items)
        rng, std = numpy_rng(seed, "ials"), self.init_std / np.sqrt(self.factors)
        made = [rng.normal(0, std, size=(one.n_users, self.factors)).astype(np.float32) for one in sides]
        with blas_on_one_core():
            for _ in range(self.epochs):
                self._solve(sides[0], made[1], made[0])
                self._solve(sides[1], made[0], made[1])
        return VectorScores(*made)

    def _solve(self, rows: UserItems, others: np.ndarray, out: np.ndarray) -> None:
        gram = np.float32(self.unobserved) * (others.T @ others)
        weights = self.l2 * (rows.counts + self.unobserved * len(others)) ** self.nu
        solve_rows((rows.indptr, rows.items), others, gram, weights.astype(np.float32), out)
