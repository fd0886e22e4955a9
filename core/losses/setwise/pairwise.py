"""Losses that are means over negatives of a function of the difference: triplet, hinge and BPR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from core.losses.setwise import constants
from core.losses.setwise.set_loss import LossAndGradients, SetLoss, SetScores
from core.losses.setwise.terms import Term, hinge, of_pairs, softplus
from core.programs.sets.expression import D, Expression


@dataclass(frozen=True)
class Triplet(SetLoss):
    """See SetLoss. The default margin is FaceNet's."""

    name: ClassVar[str] = "triplet"
    formula: ClassVar[str] = "mean(max(0, 2 d + margin))"
    source: ClassVar[str] = "Schroff et al., FaceNet, CVPR 2015; Eq. 3 of arXiv 2405.04614"
    published: ClassVar[str] = (
        "Squared distances of unit vectors are 2 - 2 cosine, so their difference is 2 d. Eq. 3 sums over negatives, "
        "which is N times this."
    )
    scores: ClassVar[Literal["cosine", "any"]] = "cosine"

    margin: float = constants.margin(0.2)
    """By how much the squared distance of a negative should be larger than that of the positive."""

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        return (2 * D + self.margin).relu().mean()

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        value, derivative = hinge(2 * scores.differences + self.margin)
        return of_pairs(Term(value, 2 * derivative))


@dataclass(frozen=True)
class PairwiseHinge(SetLoss):
    """See SetLoss."""

    name: ClassVar[str] = "hinge"
    formula: ClassVar[str] = "mean(max(0, d + margin))"
    source: ClassVar[str] = "RecBox, pairwise_margin_loss.py; Pairwise Hinge Loss in Table 4 of arXiv 2405.04614"
    published: ClassVar[str] = "As in the code. On cosines its margin of 1 leaves nearly all pairs active."

    margin: float = constants.margin(1.0)
    """By how much the positive should be above a negative."""

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        return (D + self.margin).relu().mean()

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        return of_pairs(hinge(scores.differences + self.margin))


@dataclass(frozen=True)
class BPR(SetLoss):
    """See SetLoss."""

    name: ClassVar[str] = "BPR"
    formula: ClassVar[str] = "mean(log(1 + exp(d / temperature)))"
    source: ClassVar[str] = "Rendle et al., UAI 2009"
    published: ClassVar[str] = (
        "The paper draws one negative; RecBox averages over N, without a temperature, and takes the logarithm of the "
        "sigmoid, which overflows. On cosines a temperature of 1 costs half of the recall."
    )

    temperature: float = constants.temperature(1.0)
    """What differences are divided by."""

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        return (D / self.temperature).softplus().mean()

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        value, derivative = softplus(scores.differences / self.temperature)
        return of_pairs(Term(value, derivative / self.temperature))
