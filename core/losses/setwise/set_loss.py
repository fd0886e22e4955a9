"""The interface of losses of one positive score and the scores of its negatives."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from torch import Tensor

from core.common.errors import UserError
from core.losses.setwise.ranking_loss import RankingLoss
from core.programs.sets.expression import Expression

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class SetScores:
    """The scores of a batch, detached from autograd: one positive and N negatives in every row.

    Raises:
        UserError: shapes or dtypes do not fit, there are no negatives, or the sampling rate is not in (0, 1].
    """

    positive: Tensor
    """[B], of any float dtype."""
    negatives: Tensor
    """[B, N], of the same dtype."""
    quantile: Tensor | None = None
    """[B], of the same dtype: the score that a user's K-th best item has, a constant to the gradient. Only for losses
    that say so in `needs`."""
    sampling_rate: float | None = None
    """The part of all negative items that is drawn for a positive, N / number of them. Only for losses that say so."""

    def __post_init__(self) -> None:
        """Check shapes, dtypes and the sampling rate, and detach the scores."""
        positive, negatives, quantile = self.positive, self.negatives, self.quantile
        shapes = [tuple(one.shape) for one in (positive, negatives)]
        if positive.ndim != 1 or negatives.ndim != 2 or len(positive) != len(negatives) or not negatives.shape[1]:
            raise UserError(f"scores: expected a positive [B] and negatives [B, N] with N > 0, got {shapes}")
        if quantile is not None and quantile.shape != positive.shape:
            raise UserError(f"scores: expected a quantile {shapes[0]} as the positive, got {tuple(quantile.shape)}")
        every = [positive, negatives, *([] if quantile is None else [quantile])]
        if not positive.is_floating_point() or any(one.dtype != positive.dtype for one in every):
            raise UserError(f"scores: expected one float dtype, got {', '.join(str(one.dtype) for one in every)}")
        if self.sampling_rate is not None and not 0 < self.sampling_rate <= 1:
            raise UserError(f"scores: expected a sampling rate above 0 and at most 1, got {self.sampling_rate}")
        object.__setattr__(self, "positive", positive.detach())
        object.__setattr__(self, "negatives", negatives.detach())
        object.__setattr__(self, "quantile", None if quantile is None else quantile.detach())

    @property
    def differences(self) -> Tensor:
        """Every negative minus its positive, d [B, N]."""
        return self.negatives - self.positive[:, None]


class LossAndGradients(NamedTuple):
    """The loss of every row of a batch, and its derivatives by the scores of the row, of the scores' dtype."""

    value: Tensor
    """[B]; the mean over the batch is the trainer's."""
    positive: Tensor
    """d value / d positive [B]."""
    negatives: Tensor
    """d value / d negatives [B, N]."""


@dataclass(frozen=True)
class SetLoss(RankingLoss):
    """A loss of a positive score and the scores of its N negatives. See RankingLoss for constants."""

    @property
    def expression(self) -> Expression | None:
        """The same loss for compiled code, which evaluates it many times as fast; None: there is no such."""
        return None

    @property
    def threshold(self) -> float | None:
        """A score at and below which a negative has no part in the loss, so that it need not be known; None: no such.

        There the loss is that of a negative at minus infinity, and the gradient by it is 0.
        """
        return None

    def needed(self, given: T | None, name: str) -> T:
        """Return a field of SetScores that the loss needs.

        Args:
            given: its value.
            name: its name.

        Raises:
            UserError: it is None.
        """
        if given is None:
            raise UserError(f"loss {self.name}: expected scores with a {name}, got none: the trainer has to give it")
        return given

    @abstractmethod
    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """Return the loss of every row and its gradients.

        Args:
            scores: a batch [B] of positives and [B, N] of negatives.

        Raises:
            UserError: something that the loss needs is missing.
        """
