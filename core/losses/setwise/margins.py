"""Losses with margins on single scores: MML, CCL and the contrastive loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from core.common.errors import UserError
from core.losses.setwise import constants
from core.losses.setwise.set_loss import LossAndGradients, SetLoss, SetScores
from core.losses.setwise.terms import Term, apart, half_square, hinge, hinges
from core.programs.sets.expression import Expression, N, P


def _below_one(positive: Tensor, clamp: bool) -> Term:
    """Return 1 - p of the positives [B], or max(0, 1 - p)."""
    rest = 1 - positive
    if clamp:
        value, derivative = hinge(rest)
        return Term(value, -derivative)
    return Term(rest, -torch.ones_like(rest))


@dataclass(frozen=True)
class MML(SetLoss):
    """See SetLoss. Defaults are those for Gowalla.

    Raises:
        UserError: there are not as many weights as margins.
    """

    name: ClassVar[str] = "MML"
    formula: ClassVar[str] = (
        "positive_weight * max(0, 1 - p) + negative_weight * mean(sum over k of weight_k * max(0, n - margin_k))"
    )
    source: ClassVar[str] = "Ozsoy, arXiv 2405.04614, Eq. 7 and section 4.1"
    published: ClassVar[str] = (
        "No code was published. It extends that of SimpleX, so max(0, 1 - p) is as in CCL; clamp=false is the 1 - p "
        "of Eq. 7. For Yelp2018: margins .6,.7,.8,.9, weights .05,.15,.2,.6, negative_weight 400."
    )
    scores: ClassVar[Literal["cosine", "any"]] = "cosine"

    margins: tuple[float, ...] = constants.margins((0.7, 0.8, 0.9))
    """Cosines above which a negative is pushed away."""
    weights: tuple[float, ...] = constants.weights((0.1, 0.15, 0.75))
    """The weight of every margin."""
    positive_weight: float = constants.weight(1.0, tuned=False)
    """The weight of the positive."""
    negative_weight: float = constants.weight(700.0)
    """The weight of the negatives together."""
    clamp: bool = constants.switch(True)
    """Whether a positive above 1, which dropout makes, is left alone."""

    def __post_init__(self) -> None:
        """Check constants and their numbers."""
        super().__post_init__()
        if len(self.margins) != len(self.weights):
            raise UserError(
                f"loss MML: expected a weight for every margin, got {len(self.margins)} margins and "
                f"{len(self.weights)} weights"
            )

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        push = [weight * (N - margin).relu() for margin, weight in zip(self.margins, self.weights, strict=True)]
        pull = (1 - P).relu() if self.clamp else 1 - P
        return self.positive_weight * pull + self.negative_weight * sum(push[1:], push[0]).mean()

    @property
    def threshold(self) -> float:
        """See SetLoss."""
        return min(self.margins)

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        negatives = hinges(scores.negatives, self.margins, [self.negative_weight * one for one in self.weights])
        positive = _below_one(scores.positive, self.clamp).times(self.positive_weight)
        return apart(positive, negatives, "mean")


@dataclass(frozen=True)
class CCL(SetLoss):
    """See SetLoss. Defaults are those of MF with 800 negatives."""

    name: ClassVar[str] = "CCL"
    formula: ClassVar[str] = "max(0, 1 - p) + negative_weight * mean(max(0, n - margin))"
    source: ClassVar[str] = "Mao et al., SimpleX, CIKM 2021; Eq. 2 of arXiv 2405.04614"
    published: ClassVar[str] = (
        "The code clamps the positive at 1, the papers write 1 - p (clamp=false): they differ where dropout makes "
        "scores above 1. Without a weight the code sums over negatives (reduction=sum:negative_weight=1)."
    )
    scores: ClassVar[Literal["cosine", "any"]] = "cosine"

    margin: float = constants.margin(0.9)
    """The cosine above which a negative is pushed away."""
    negative_weight: float = constants.weight(150.0)
    """The weight of the negatives together."""
    clamp: bool = constants.switch(True)
    """Whether a positive above 1, which dropout makes, is left alone."""
    reduction: Literal["mean", "sum"] = constants.choice("mean", "sum")
    """Over negatives."""

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        pull = (1 - P).relu() if self.clamp else 1 - P
        return pull + self.negative_weight * (N - self.margin).relu().reduced(self.reduction)

    @property
    def threshold(self) -> float:
        """See SetLoss."""
        return self.margin

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        negatives = hinges(scores.negatives, [self.margin], [self.negative_weight])
        return apart(_below_one(scores.positive, self.clamp), negatives, self.reduction)


@dataclass(frozen=True)
class Contrastive(SetLoss):
    """See SetLoss."""

    name: ClassVar[str] = "contrastive"
    formula: ClassVar[str] = "(1 - p)^2 / 2 + negative_weight * mean(max(0, margin - (1 - n))^2 / 2)"
    source: ClassVar[str] = "Chopra et al., CVPR 2005; Eq. 1 of arXiv 2405.04614"
    published: ClassVar[str] = (
        "Eq. 1 leaves the distance open; here it is 1 - cosine, because the gradient of the Euclidean one is infinite "
        "where vectors meet. Eq. 1 sums over negatives (reduction=sum); the mean is that of Eq. 6."
    )
    scores: ClassVar[Literal["cosine", "any"]] = "cosine"

    margin: float = constants.margin(1.0)
    """The distance below which a negative is pushed away."""
    negative_weight: float = constants.weight(1.0)
    """The weight of the negatives together."""
    reduction: Literal["mean", "sum"] = constants.choice("mean", "sum")
    """Over negatives."""

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        push = (N - (1 - self.margin)).relu().square()
        return (P - 1).square() / 2 + self.negative_weight / 2 * push.reduced(self.reduction)

    @property
    def threshold(self) -> float:
        """See SetLoss."""
        return 1 - self.margin

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        positive = half_square(scores.positive - 1)
        negatives = half_square((scores.negatives - (1 - self.margin)).relu())
        return apart(positive, negatives.times(self.negative_weight), self.reduction)
