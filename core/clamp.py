"""The clamp after every operator: paper, caption of Table 2. Rules: `core.space.CLAMPS`."""

from __future__ import annotations

import torch
from torch import Tensor

from core.operators import sign


def clamp(x: Tensor, rule: str, xi: float) -> Tensor:
    """X under the rule, differentiable by autograd; NaN stays NaN."""
    if rule == "none":
        return x
    if rule == "paper":
        return x.clamp(xi, 1 / xi)
    side = sign(x)
    return (x * side).clamp(xi, 1 / xi) * side


def clamp_slope(x: Tensor, rule: str, xi: float) -> Tensor | None:
    """D clamp(x) / d x: 1 inside the bounds (ends included) and 0 outside; None where it is 1 everywhere."""
    if rule == "none":
        return None
    size = x if rule == "paper" else x.abs()
    return ((size >= _as(x, xi)) & (size <= _as(x, 1 / xi))).to(x.dtype)


def _as(x: Tensor, bound: float) -> Tensor:
    """The bound in x's precision, as `clamp` compares it."""
    return torch.tensor(bound, dtype=x.dtype, device=x.device)
