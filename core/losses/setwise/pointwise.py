"""Losses that judge each candidate by itself, with the label 1 or 0: MSE, sigmoid cross entropy and gBCE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from core.losses.setwise import constants
from core.losses.setwise.set_loss import LossAndGradients, SetLoss, SetScores
from core.losses.setwise.terms import Term, apart, half_square, softplus
from core.programs.sets.expression import RATE, Expression, N, P, joined


@dataclass(frozen=True)
class MSE(SetLoss):
    """See SetLoss."""

    name: ClassVar[str] = "MSE"
    formula: ClassVar[str] = "(p - 1)^2 / 2 + negative_weight * sum(n^2 / 2)"
    source: ClassVar[str] = "RecBox, mse_loss.py; Mean Square Error in Table 4 of arXiv 2405.04614"
    published: ClassVar[str] = (
        "As in the code, which sums over negatives: they weigh N times more than in a mean, which is reduction=mean "
        "with a negative_weight of its own."
    )

    negative_weight: float = constants.weight(1.0)
    """The weight of the negatives."""
    reduction: Literal["sum", "mean", "candidates"] = constants.choice("sum", "mean", "candidates")
    """Over negatives; candidates divides everything by N + 1."""

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        return joined((P - 1).square() / 2, self.negative_weight / 2 * N.square(), self.reduction)

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        negatives = half_square(scores.negatives).times(self.negative_weight)
        return apart(half_square(scores.positive - 1), negatives, self.reduction)


def _missed(positive: Tensor, temperature: float) -> Term:
    """Return -log sigmoid(p / temperature) of the positives [B]."""
    value, derivative = softplus(-positive / temperature)
    return Term(value, -derivative / temperature)


def _taken(negatives: Tensor, temperature: float) -> Term:
    """Return -log(1 - sigmoid(n / temperature)) of the negatives [B, N]."""
    value, derivative = softplus(negatives / temperature)
    return Term(value, derivative / temperature)


@dataclass(frozen=True)
class SigmoidCE(SetLoss):
    """See SetLoss."""

    name: ClassVar[str] = "SigmoidCE"
    formula: ClassVar[str] = "log(1 + exp(-p / temperature)) + negative_weight * sum(log(1 + exp(n / temperature)))"
    source: ClassVar[str] = "RecBox, sigmoid_crossentropy_loss.py"
    published: ClassVar[str] = (
        "The code has no temperature and sums over candidates and over the batch, of which here the trainer takes the "
        "mean."
    )

    temperature: float = constants.temperature(1.0)
    """What scores are divided by."""
    negative_weight: float = constants.weight(1.0)
    """The weight of the negatives."""
    reduction: Literal["sum", "mean", "candidates"] = constants.choice("sum", "mean", "candidates")
    """Over negatives; candidates divides everything by N + 1."""

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        taken = self.negative_weight * (N / self.temperature).softplus()
        return joined((-P / self.temperature).softplus(), taken, self.reduction)

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        negatives = _taken(scores.negatives, self.temperature).times(self.negative_weight)
        return apart(_missed(scores.positive, self.temperature), negatives, self.reduction)


@dataclass(frozen=True)
class GBCE(SetLoss):
    """See SetLoss."""

    name: ClassVar[str] = "gBCE"
    formula: ClassVar[str] = (
        "(beta * log(1 + exp(-p / temperature)) + sum(log(1 + exp(n / temperature)))) / (N + 1), "
        "beta = 1 - calibration * (1 - sampling rate)"
    )
    source: ClassVar[str] = "Petrov and Macdonald, gSASRec, RecSys 2023"
    published: ClassVar[str] = (
        "The paper's beta = a (t (1 - 1/a) + 1/a) is written shorter. Its code (gbce.py) divides N by two items less "
        "than there are; the sampling rate comes from the trainer. Neither has a temperature."
    )
    needs: ClassVar[tuple[str, ...]] = ("sampling_rate",)

    calibration: float = constants.part(0.75)
    """The paper's t: 0 is cross entropy as it is, 1 gives calibrated probabilities."""
    temperature: float = constants.temperature(1.0)
    """What scores are divided by."""

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        beta = 1 - self.calibration * (1 - RATE)
        return joined(beta * (-P / self.temperature).softplus(), (N / self.temperature).softplus(), "candidates")

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        rate = self.needed(scores.sampling_rate, "sampling_rate")
        beta = 1 - self.calibration * (1 - rate)
        positive = _missed(scores.positive, self.temperature).times(beta)
        return apart(positive, _taken(scores.negatives, self.temperature), "candidates")
