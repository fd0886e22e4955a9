"""Evaluate expressions with torch, so that autograd and any device will do."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from core.programs.sets.expression import Expression

_FUNCTIONS: Mapping[str, Callable[..., Tensor]] = {
    "add": torch.add,
    "mul": torch.mul,
    "div": torch.div,
    "mean": lambda x: x.mean(1, keepdim=True),
    "sum": lambda x: x.sum(1, keepdim=True),
    "max": lambda x: x.gather(1, x.argmax(1, keepdim=True)),  # one of equal ones, as in compiled code
    "log_mean_exp": lambda x: x.logsumexp(1, keepdim=True) - math.log(x.shape[1]),
    "log_sum_exp": lambda x: x.logsumexp(1, keepdim=True),
    "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
    **{name: getattr(torch, name) for name in ("relu", "square", "exp", "log", "sigmoid", "tanh", "atan")},
}


def evaluate_by_torch(expression: Expression, inputs: Mapping[str, Tensor]) -> Tensor:
    """Return the values of an expression: [B, 1], or [B, N] where it has one for every negative.

    Args:
        expression: without constants that have no number.
        inputs: those that occur, p [B, 1] and n [B, N], others [B, 1] or of one number.
    """
    if not expression.name:
        return next(iter(inputs.values())).new_tensor(expression.number)
    if expression.name in inputs:
        return inputs[expression.name]
    return _FUNCTIONS[expression.name](*(evaluate_by_torch(one, inputs) for one in expression.operands))
