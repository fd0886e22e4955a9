"""What losses are put together from: functions of single scores with their derivatives, and sums over the negatives.

Everything is finite for finite scores: exponentials are taken of numbers that are at most 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from core.losses.setwise.set_loss import LossAndGradients

Reduction = Literal["mean", "sum", "candidates"]
"""Over negatives: their mean, their sum, or everything divided by N + 1, the number of candidates."""


class Term(NamedTuple):
    """A function of every element of a tensor, with its derivative; both have the tensor's shape."""

    value: Tensor
    derivative: Tensor

    def times(self, factor: float) -> Term:
        """Return the term multiplied by a number."""
        return Term(self.value * factor, self.derivative * factor)


def hinge(x: Tensor) -> Term:
    """Return max(0, x) of any shape; the derivative at 0 is 0."""
    return Term(x.relu(), (x > 0).to(x.dtype))


def hinges(x: Tensor, margins: Sequence[float], weights: Sequence[float]) -> Term:
    """Return the sum over k of weight_k * max(0, x - margin_k), where few elements are above a margin.

    Only those are looked at, so that more margins cost next to nothing.

    Args:
        x: of any shape.
        margins: one or more.
        weights: one for each margin.
    """
    flat = x.flatten()
    at = (~(flat <= min(margins))).nonzero()[:, 0]  # NaN, too
    some, value, derivative = flat[at], torch.zeros_like(flat), torch.zeros_like(flat)
    terms = [hinge(some - margin).times(weight) for margin, weight in zip(margins, weights, strict=True)]
    value[at] = sum(term.value for term in terms)
    derivative[at] = sum(term.derivative for term in terms)
    return Term(value.view_as(x), derivative.view_as(x))


def half_square(x: Tensor) -> Term:
    """Return x^2 / 2 of any shape."""
    return Term(x.square() / 2, x)


def softplus(x: Tensor) -> Term:
    """Return log(1 + exp(x)) of any shape; torch's own is rounded to x above 20."""
    return Term(-logsigmoid(-x), x.sigmoid())


def apart(positive: Term, negatives: Term, reduction: Reduction) -> LossAndGradients:
    """Return the loss whose positive and negatives have a term each.

    Args:
        positive: of the positive scores [B].
        negatives: of the negative scores [B, N].
        reduction: of the negatives.
    """
    n = negatives.value.shape[1]
    for_positive = 1 / (n + 1) if reduction == "candidates" else 1.0
    for_negatives = {"mean": 1 / n, "sum": 1.0, "candidates": for_positive}[reduction]
    value = positive.value * for_positive + negatives.value.sum(1) * for_negatives
    return LossAndGradients(value, positive.derivative * for_positive, negatives.derivative * for_negatives)


def of_pairs(pairs: Term) -> LossAndGradients:
    """Return the mean over negatives of a term of differences d [B, N]."""
    negatives = pairs.derivative / pairs.value.shape[1]
    return LossAndGradients(pairs.value.mean(1), -negatives.sum(1), negatives)


def log_sum_exp(x: Tensor) -> Term:
    """Return log sum exp(x) over the columns of x [B, N] as value [B]; its derivative [B, N] is the softmax."""
    top = x.amax(1, keepdim=True)
    exponentials = (x - top).exp_()
    total = exponentials.sum(1, keepdim=True)
    return Term((total.log() + top)[:, 0], exponentials.div_(total))


def log_mean_exp(x: Tensor) -> Term:
    """Return log mean exp(x) over the columns of x [B, N] as value [B]; its derivative [B, N] is the softmax."""
    total = log_sum_exp(x)
    return Term(total.value - math.log(x.shape[1]), total.derivative)
