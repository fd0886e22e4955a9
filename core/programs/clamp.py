"""The clamp after every operator: paper, caption of Table 2. Rules: `core.programs.space.CLAMPS`."""

from __future__ import annotations

from torch import Tensor

from core.programs.operators import sign


def clamp(x: Tensor, rule: str, xi: float) -> Tensor:
    """Bring x under the rule, differentiable by autograd; NaN stays NaN."""
    if rule == "none":
        return x
    if rule == "paper":
        return x.clamp(xi, 1 / xi)
    side = sign(x)
    return (x * side).clamp(xi, 1 / xi) * side


def clamp_derivative(x: Tensor, clamped: Tensor) -> Tensor:
    """The derivative of `clamp` at x, given its result: 1 where it left x alone (bounds included), else 0."""
    return (clamped == x).to(x.dtype)
