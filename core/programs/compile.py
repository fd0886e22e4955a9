"""Compile a program to a torch function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from core.programs.clamp import clamp
from core.programs.line import EPSILON, Line
from core.programs.operators import OPERATORS
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace

#: (y_hat [..., B], y [..., B]) -> per-example loss [..., B].
LossFn = Callable[[Tensor, Tensor], Tensor]


def compile_loss(
    program: LossProgram, space: OperatorSpace, epsilon: float | None = None, scale: float = 1.0
) -> LossFn:
    """Return a program as a per-example loss that autograd can differentiate.

    Args:
        program: the program; its dead lines cost nothing.
        space: gives the clamp rule and xi.
        epsilon: the smoothing term of every log and reciprocal, and the value of `eps`. None: the space's xi. This is
            the constant that the paper tunes in its final losses (section 5.1.4).
        scale: factor of the result.

    Returns:
        (y_hat [..., B], y [..., B]) -> loss [..., B]. NaN and infinity pass through to the result; nothing is raised.
    """
    smoothing = space.xi if epsilon is None else epsilon
    return partial(_value, program.inputs, program.canonical.lines, space, smoothing, scale)  # a closure has no pickle


def _value(
    inputs: Sequence[str],
    lines: Sequence[Line],
    space: OperatorSpace,
    smoothing: float,
    scale: float,
    y_hat: Tensor,
    y: Tensor,
) -> Tensor:
    y_hat, y = torch.broadcast_tensors(y_hat, y.to(y_hat))
    known = {"y_hat": y_hat, "y": y, "1": torch.ones_like(y_hat)}
    known[EPSILON] = torch.full_like(y_hat, smoothing)
    slots = [known[name] for name in inputs]
    for name, operands in lines:
        row = OPERATORS[name]
        result = row.value(*(slots[o] for o in operands), smoothing)
        slots.append(result if row.transparent else clamp(result, space.clamp, space.xi))
    return slots[-1] if scale == 1 else slots[-1] * scale


def prediction_gradient(function: LossFn, y_hat: Tensor, y: Tensor) -> Tensor:
    """Return d loss / d y_hat of every example by autograd; zero for a loss that does not depend on y_hat.

    Args:
        function: the per-example loss.
        y_hat: predictions [..., B].
        y: labels [..., B].

    Returns:
        The gradient, in the shape of y_hat.
    """
    with torch.enable_grad():
        y_hat = y_hat.detach().clone().requires_grad_()
        value = function(y_hat, y)
        if not value.requires_grad:
            return torch.zeros_like(y_hat)
        return torch.autograd.grad(value.sum(), y_hat)[0]
