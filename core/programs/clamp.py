"""The clamp after every operator: paper, caption of Table 2. Rules: `core.programs.space.CLAMPS`."""

from __future__ import annotations

from torch import Tensor

from core.programs.operators import sign


def clamp(x: Tensor, rule: str, xi: float) -> Tensor:
    """Clamp the result of an operator; differentiable by autograd. NaN stays NaN.

    Args:
        x: the result, of any shape.
        rule: a key of CLAMPS.
        xi: bounds the value or magnitude to [xi, 1/xi].
    """
    if rule == "none":
        return x
    if rule == "paper":
        return x.clamp(xi, 1 / xi)
    side = sign(x)
    return (x * side).clamp(xi, 1 / xi) * side


def clamp_derivative(x: Tensor, clamped: Tensor) -> Tensor:
    """Return the derivative of `clamp`: 1 where it did not change x (bounds included), else 0.

    Args:
        x: before clamping, of any shape.
        clamped: the result of `clamp`, of the same shape.
    """
    return (clamped == x).to(x.dtype)
