"""Losses that are logarithms of sums of exponentials: InfoNCE, the softmax loss and three versions of BSL.

All are computed from differences d, since p / temperature and the logarithm of a sum of exp(n / temperature) are both
large where the temperature is small, and cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from core.losses.setwise import constants
from core.losses.setwise.set_loss import LossAndGradients, SetLoss, SetScores
from core.losses.setwise.terms import log_mean_exp, log_sum_exp, softplus
from core.programs.sets.expression import D, Expression, N, P


def balanced(scores: SetScores, temperature: float, factor: float) -> LossAndGradients:
    """Return factor * log mean exp(d / temperature), which pulls as strongly as it pushes.

    Args:
        scores: of a batch [B].
        temperature: what differences are divided by.
        factor: what the logarithm is multiplied by.
    """
    value, softmax = log_mean_exp(scores.differences / temperature)
    negatives = softmax.mul_(factor / temperature)
    return LossAndGradients(value * factor, torch.full_like(value, -factor / temperature), negatives)


@dataclass(frozen=True)
class InfoNCE(SetLoss):
    """See SetLoss."""

    name: ClassVar[str] = "InfoNCE"
    formula: ClassVar[str] = "log(1 + sum(exp(d / temperature)))"
    source: ClassVar[str] = "van den Oord et al., arXiv 1807.03748; Eq. 4 of arXiv 2405.04614"
    published: ClassVar[str] = (
        "The positive is in the denominator. Eq. 4 and RecBox's SCE (softmax_crossentropy_loss.py) have no "
        "temperature, which on cosines halves the recall; .1 is usual there."
    )

    temperature: float = constants.temperature(1.0)
    """What scores are divided by."""

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        return (D / self.temperature).log_sum_exp().softplus()

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        total, softmax = log_sum_exp(scores.differences / self.temperature)
        value, derivative = softplus(total)
        push = derivative / self.temperature
        return LossAndGradients(value, -push, softmax.mul_(push[:, None]))


@dataclass(frozen=True)
class SL(SetLoss):
    """See SetLoss."""

    name: ClassVar[str] = "SL"
    formula: ClassVar[str] = "-p / temperature + log(mean(exp(n / temperature)))"
    source: ClassVar[str] = "Wu et al., ACM TOIS 2024 (arXiv 2201.02327); BSL (arXiv 2312.12882), its loss SL"
    published: ClassVar[str] = (
        "The positive is outside of the denominator. Code with a sum instead of the mean has larger values by log N "
        "and the same gradient."
    )

    temperature: float = constants.temperature(0.1)
    """What scores are divided by."""

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        return BSL(self.temperature, 1.0).expression

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        return balanced(scores, self.temperature, 1.0)


@dataclass(frozen=True)
class BSL(SetLoss):
    """See SetLoss. Defaults are those for Gowalla."""

    name: ClassVar[str] = "BSL"
    formula: ClassVar[str] = "-p / temperature + exponent * log(mean(exp(n / temperature)))"
    source: ClassVar[str] = "Wu et al., arXiv 2312.12882, the authors' code (junkangwu/BSL, utils/losses.py)"
    published: ClassVar[str] = (
        "The code's temperature2 is this exponent, not a temperature as in the paper's formula (BSL-paper). Its mode "
        "multi averages exp(p / temperature) over rows of a batch with the same user, which seldom recurs; here every "
        "row is alone. For Yelp2018: temperature .11, exponent 1.1."
    )

    temperature: float = constants.temperature(0.08)
    """What scores are divided by."""
    exponent: float = constants.above_zero(1.22)
    """The strength of the negatives together, against 1 for the positive."""

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        return self.exponent * (N / self.temperature).log_mean_exp() - P / self.temperature

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        value, _, negatives = balanced(scores, self.temperature, self.exponent)
        value = value + scores.positive * ((self.exponent - 1) / self.temperature)
        return LossAndGradients(value, torch.full_like(value, -1 / self.temperature), negatives)


@dataclass(frozen=True)
class BSLPaper(SetLoss):
    """See SetLoss."""

    name: ClassVar[str] = "BSL-paper"
    formula: ClassVar[str] = "-p + temperature * log(mean(exp(n / temperature)))"
    source: ClassVar[str] = "Wu et al., arXiv 2312.12882; Eq. 5 of arXiv 2405.04614"
    published: ClassVar[str] = (
        "The paper's first temperature is of a mean over positives; with one positive it cancels and is left out. "
        "What remains is temperature * SL. The authors' code is another loss: BSL."
    )

    temperature: float = constants.temperature(0.1)
    """What the scores of negatives are divided by, the paper's second one."""

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        return self.temperature * SL(self.temperature).expression

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        return balanced(scores, self.temperature, self.temperature)


@dataclass(frozen=True)
class BSLBenchmark(SetLoss):
    """See SetLoss."""

    name: ClassVar[str] = "BSL-benchmark"
    formula: ClassVar[str] = (
        "-p / temperature + (negative_temperature / temperature) * log(mean(exp(n / negative_temperature)))"
    )
    source: ClassVar[str] = "IR-Benchmark (Tiny-Snow/IR-Benchmark, optim_BSL.py), code of the authors of PSL"
    published: ClassVar[str] = (
        "The code sums over negatives: the same gradient. This is BSL-paper with negative_temperature, divided by "
        "temperature, which is thus no more than a factor."
    )

    temperature: float = constants.temperature(0.1, tuned=False)
    """What the positive score is divided by."""
    negative_temperature: float = constants.temperature(0.1)
    """What the scores of negatives are divided by."""

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        factor = self.negative_temperature / self.temperature
        return factor * SL(self.negative_temperature).expression

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        return balanced(scores, self.negative_temperature, self.negative_temperature / self.temperature)
