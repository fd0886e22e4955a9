"""Operators with a smoothing term: log and reciprocal of the magnitude, times the sign of the operand.

Departure from the paper: sign(0) is +1, so that both are smooth from the right of 0
(the paper does not say; with sign(0) = 0 the forms of its Table 4 would be constants at y = 0).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from core.common.jit import constant
from core.programs.operators.operator import Operator
from core.programs.operators.writing import (
    MATHML_EPSILON,
    MINUS,
    NEGATIVE,
    PLUS,
    PRODUCT,
    SIGN,
    Form,
    Range,
    applied,
    row,
)

_EITHER = "<mo>±</mo>"


def sign(x: Tensor) -> Tensor:
    """Return -1 where x is negative and +1 elsewhere (zero included), in the shape of x, detached from autograd."""
    return torch.where(x.detach() < 0, -1.0, 1.0).to(x.dtype)


def _magnitude(x: Tensor) -> Tensor:
    return x * sign(x)


def _log(x: float, dx: float, z: float, dz: float, e: float) -> tuple[float, float]:
    size = abs(x) + e
    value = math.log(size)
    return -value if x < 0 else value, dx / size


def _reciprocal(x: float, dx: float, z: float, dz: float, e: float) -> tuple[float, float]:
    value = constant(1, x) / (abs(x) + e)
    return -value if x < 0 else value, -dx * (value * value)


def _odd(x: Range, of_magnitude: Callable[[float], float]) -> Range:
    """Return the bounds of sign(x) f(|x|) with sign(0) = 1 and a monotone f: both sides of zero, end by end."""
    ends = []
    if x[1] >= 0:
        ends += [of_magnitude(max(x[0], 0.0)), of_magnitude(x[1])]
    if x[0] < 0:
        ends += [-of_magnitude(-x[0]), -of_magnitude(max(-x[1], 0.0))]
    return min(ends), max(ends)


def _not_below_zero(x: Range) -> bool:
    return x[0] >= 0


def _below_zero(x: Range) -> bool:
    return x[1] < 0


LOG = Operator(
    "log", 1, "sign(x) log(|x| + eps)",
    value=lambda x, e: sign(x) * torch.log(_magnitude(x) + e),
    derivatives=lambda x, e: (1 / (_magnitude(x) + e),),
    scalar=_log,
    interval=lambda e, x: _odd(x, lambda size: math.log(size + e)),
    forms=(
        Form(
            "torch.log({0} + eps)",
            lambda s, e, x: s.log(x + e),
            r"\log\left({0} + \epsilon\right)",
            applied("<mi>log</mi>", "{0}", PLUS, MATHML_EPSILON),
            fits=_not_below_zero,
        ),
        Form(
            "-torch.log(eps - {0})",
            lambda s, e, x: -s.log(e - x),
            r"-\log\left(\epsilon - {0}\right)",
            row(NEGATIVE, applied("<mi>log</mi>", MATHML_EPSILON, MINUS, "{0}")),
            SIGN,
            fits=_below_zero,
        ),
        Form(
            "sign({0}) * torch.log({0} * sign({0}) + eps)",
            lambda s, e, x: s.signed_log(x, e),
            r"\log_{{\pm}}\left({0}\right)",
            applied("<msub><mi>log</mi><mo>±</mo></msub>", "{0}"),
        ),
    ),
    smoothed=True, in_paper=True,
)  # fmt: skip
RECIPROCAL = Operator(
    "reciprocal", 1, "sign(x) / (|x| + eps)",
    value=lambda x, e: sign(x) / (_magnitude(x) + e),
    derivatives=lambda x, e: (-1 / (_magnitude(x) + e) ** 2,),
    scalar=_reciprocal,
    interval=lambda e, x: _odd(x, lambda size: 1 / (size + e)),
    forms=(
        Form(
            "1 / ({0} + eps)",
            lambda s, e, x: 1 / (x + e),
            r"\frac{{1}}{{{0} + \epsilon}}",
            f"<mfrac><mn>1</mn>{row('{0}', PLUS, MATHML_EPSILON)}</mfrac>",
            fits=_not_below_zero,
        ),
        Form(
            "-1 / (eps - {0})",
            lambda s, e, x: -1 / (e - x),
            r"-\frac{{1}}{{\epsilon - {0}}}",
            row(NEGATIVE, f"<mfrac><mn>1</mn>{row(MATHML_EPSILON, MINUS, '{0}')}</mfrac>"),
            SIGN,
            fits=_below_zero,
        ),
        Form(
            "sign({0}) / ({0} * sign({0}) + eps)",
            lambda s, e, x: s.signed_reciprocal(x, e),
            r"\frac{{1}}{{{0} \pm \epsilon}}",
            f"<mfrac><mn>1</mn>{row('{0}', _EITHER, MATHML_EPSILON)}</mfrac>",
        ),
    ),
    template="1/({0})", precedence=PRODUCT, smoothed=True, in_paper=True,
)  # fmt: skip
