"""Losses made to follow NDCG more closely than the softmax loss does: PSL and SL@K."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from core.losses.setwise import constants
from core.losses.setwise.set_loss import LossAndGradients, SetLoss, SetScores
from core.losses.setwise.terms import Term, log_mean_exp, log_sum_exp
from core.programs.sets.expression import QUANTILE, D, Expression, P

#: The surrogates relu and atan reach 0 and below; no value below this one is taken.
FLOOR = 1e-6


def _log_tanh(x: Tensor) -> Term:
    """Return log(tanh(x) + 1) of any shape, which is log 2 + log sigmoid(2 x)."""
    return Term(logsigmoid(2 * x) + math.log(2), 2 * torch.sigmoid(-2 * x))


def _log_atan(x: Tensor) -> Term:
    """Return log(atan(x) + 1) of any shape, from FLOOR upwards."""
    return _log_above_floor(x.atan() + 1, 1 / (1 + x.square()))


def _log_relu(x: Tensor) -> Term:
    """Return log(max(0, x + 1)) of any shape, from FLOOR upwards."""
    return _log_above_floor(x + 1, torch.ones_like(x))


def _log_above_floor(surrogate: Tensor, derivative: Tensor) -> Term:
    held = surrogate.clamp(min=FLOOR)
    return Term(held.log(), torch.where(surrogate > FLOOR, derivative / held, 0))


def _above_floor(surrogate: Expression) -> Expression:
    return ((surrogate - FLOOR).relu() + FLOOR).log()


#: The same as expressions; log(tanh(x) + 1) is log 2 - softplus(-2 x).
_LOGS: Mapping[str, Callable[[Expression], Expression]] = {
    "tanh": lambda x: math.log(2) - (-2 * x).softplus(),
    "atan": lambda x: _above_floor(x.atan() + 1),
    "relu": lambda x: _above_floor(x + 1),
}
_SURROGATES = {"tanh": _log_tanh, "atan": _log_atan, "relu": _log_relu}


@dataclass(frozen=True)
class PSL(SetLoss):
    """See SetLoss."""

    name: ClassVar[str] = "PSL"
    formula: ClassVar[str] = (
        "log(mean(s(d / score_divisor)^(1 / temperature))), s(x) = tanh(x) + 1, atan(x) + 1 or max(0, x + 1)"
    )
    source: ClassVar[str] = "Yang et al., NeurIPS 2024; IR-Benchmark, optim_PSL.py, method 1"
    published: ClassVar[str] = (
        "The code divides cosines by a first temperature of at least 2, so that d is in [-1, 1], where the surrogates "
        "are bounds. It sums over negatives: the same gradient. Below 1e-6 surrogates are constant here; the code's "
        "logarithm is minus infinity or no number there."
    )
    scores: ClassVar[Literal["cosine", "any"]] = "cosine"

    surrogate: Literal["tanh", "atan", "relu"] = constants.choice("tanh", "atan", "relu")
    """What stands for the step function of d."""
    temperature: float = constants.temperature(0.05)
    """The code's tau_star; half of what SL takes, since differences are halved."""
    score_divisor: float = constants.temperature(2.0)
    """The code's tau."""

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        logs = _LOGS[self.surrogate](D / self.score_divisor)
        return (logs / self.temperature).log_mean_exp()

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        logs = _SURROGATES[self.surrogate](scores.differences / self.score_divisor)
        value, softmax = log_mean_exp(logs.value / self.temperature)
        negatives = softmax * logs.derivative / (self.temperature * self.score_divisor)
        return LossAndGradients(value, -negatives.sum(1), negatives)


@dataclass(frozen=True)
class SLAtK(SetLoss):
    """See SetLoss. The quantile of a user is the score of the K-th best item, estimated anew every few epochs."""

    name: ClassVar[str] = "SL@K"
    formula: ClassVar[str] = "sigmoid((p - quantile) / weight_temperature) * log(sum(exp(d / temperature)))"
    source: ClassVar[str] = "Yang et al., KDD 2025 (SL@K); IR-Benchmark, optim_SLatK.py"
    published: ClassVar[str] = (
        "As in the code, which leaves out that weights of a user sum to 1. The gradient goes through the weight too, "
        "so that a positive may be pushed down; the sum matters, since the weight multiplies log N (reduction=mean)."
    )
    needs: ClassVar[tuple[str, ...]] = ("quantile",)

    temperature: float = constants.temperature(0.1)
    """What differences are divided by."""
    weight_temperature: float = constants.temperature(1.0)
    """What the distance of the positive from the quantile is divided by."""
    reduction: Literal["sum", "mean"] = constants.choice("sum", "mean")
    """Over negatives, inside of the logarithm."""

    @property
    def expression(self) -> Expression:
        """See SetLoss."""
        pairs, weight = D / self.temperature, ((P - QUANTILE) / self.weight_temperature).sigmoid()
        return weight * (pairs.log_sum_exp() if self.reduction == "sum" else pairs.log_mean_exp())

    def evaluate(self, scores: SetScores) -> LossAndGradients:
        """See SetLoss."""
        over_quantile = scores.positive - self.needed(scores.quantile, "quantile")
        inner = log_sum_exp if self.reduction == "sum" else log_mean_exp
        total, softmax = inner(scores.differences / self.temperature)
        weight = torch.sigmoid(over_quantile / self.weight_temperature)
        growth = weight * torch.sigmoid(-over_quantile / self.weight_temperature) / self.weight_temperature
        push = weight / self.temperature
        return LossAndGradients(weight * total, growth * total - push, softmax * push[:, None])
