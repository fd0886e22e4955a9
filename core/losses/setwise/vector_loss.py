"""The interface of losses of vectors, which compare users with users and items with items and need no negatives."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from core.common.errors import UserError
from core.losses.setwise.ranking_loss import RankingLoss


@dataclass(frozen=True, eq=False)
class BatchVectors:
    """The vectors whose products are the positive scores of a batch, detached from autograd.

    Raises:
        UserError: shapes or dtypes do not fit.
    """

    users: Tensor
    """[B, D], of any float dtype; a user who is in the batch twice has two rows."""
    positives: Tensor
    """[B, D], of the same dtype: the item that each of them has."""

    def __post_init__(self) -> None:
        """Check shapes and dtypes, and detach the vectors."""
        shapes = [tuple(one.shape) for one in (self.users, self.positives)]
        if self.users.ndim != 2 or shapes[0] != shapes[1]:
            raise UserError(f"vectors: expected users [B, D] and positives [B, D], got {shapes}")
        if not self.users.is_floating_point() or self.users.dtype != self.positives.dtype:
            raise UserError(
                f"vectors: expected one float dtype, got {self.users.dtype} for users and {self.positives.dtype} for "
                "positives"
            )
        object.__setattr__(self, "users", self.users.detach())
        object.__setattr__(self, "positives", self.positives.detach())


class BatchLossAndGradients(NamedTuple):
    """The loss of a batch, and its derivatives by the vectors, of their dtype."""

    value: Tensor
    """[]: one number for the whole batch."""
    users: Tensor
    """d value / d users [B, D]."""
    positives: Tensor
    """d value / d positives [B, D]."""


@dataclass(frozen=True)
class VectorLoss(RankingLoss):
    """A loss of the vectors of a batch. See RankingLoss for constants."""

    @abstractmethod
    def evaluate(self, vectors: BatchVectors) -> BatchLossAndGradients:
        """Return the loss of the batch and its gradients.

        Args:
            vectors: of any length, as they are in scores.
        """
