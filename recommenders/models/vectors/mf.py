"""Matrix factorisation for ranking: the rows of two tables are the vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from recommenders.models.recommender import Weights
from recommenders.models.vectors.model import VectorModel


@dataclass(frozen=True)
class VectorMF(VectorModel):
    """Matrix factorisation without biases, as in MF-CCL (Mao et al., CIKM 2021) and BSL (arXiv 2312.12882)."""

    about: ClassVar[str] = "matrix factorisation: a table of users and one of items"

    def vectors(
        self, weights: Weights, users: Tensor | None, items: Tensor | None, positives: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """See VectorModel."""
        user, item = weights["user_embedding"], weights["item_embedding"]
        return user if users is None else user[users], item if items is None else item[items]
