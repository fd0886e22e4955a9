"""Optional operators, which the paper does not have: exp, sigmoid, tanh and softplus."""

from __future__ import annotations

import math

import torch

from core.common.jit import constant
from core.programs.operators.operator import Operator
from core.programs.operators.writing import function

#: Above this operand, exp stays constant (5.5e34) with a gradient of 0. So float32 does not overflow: the clamp would
#: cut infinity off to a number, but the gradient would be infinity times 0, which is NaN.
_MOST = 80

_SIGMA = "\N{GREEK SMALL LETTER SIGMA}"


def _exp(x: float, dx: float, z: float, dz: float, e: float) -> tuple[float, float]:
    most = constant(_MOST, x)
    value = math.exp(most if x > most else x)
    return value, constant(0, x) if x > most else value * dx


def _sigmoid(x: float, dx: float, z: float, dz: float, e: float) -> tuple[float, float]:
    one, small = constant(1, x), math.exp(-abs(x))
    return (small if x < 0 else one) / (one + small), dx * (small / ((one + small) * (one + small)))


def _tanh(x: float, dx: float, z: float, dz: float, e: float) -> tuple[float, float]:
    value = math.tanh(x)
    return value, dx * (constant(1, x) - value * value)


def _softplus(x: float, dx: float, z: float, dz: float, e: float) -> tuple[float, float]:
    one, small = constant(1, x), math.exp(-abs(x))
    value = (constant(0, x) if x < 0 else x) + math.log1p(small)
    return value, dx * ((small if x < 0 else one) / (one + small))


#: In the order of messages and of encoded operations, after the operators of the paper.
OPTIONAL = (
    Operator(
        "exp", 1, f"e^x, for x above {_MOST} that of {_MOST}",
        value=lambda x, e: torch.exp(x.clamp(max=_MOST)),
        derivatives=lambda x, e: (torch.exp(x.clamp(max=_MOST)) * (x <= _MOST),),
        scalar=_exp,
        forms=(
            function("exp", "torch.exp({0})", lambda s, e, x: s.exp(x), latex=r"\exp", fits=lambda x: x[1] <= _MOST),
            function(
                "exp", f"torch.exp({{0}}.clamp(max={_MOST}))", lambda s, e, x: s.exp(s.Min(x, _MOST, evaluate=False)),
                latex=r"\exp",
            ),
        ),
    ),
    Operator(
        "sigmoid", 1, "1/(1 + e^-x)",
        value=lambda x, e: torch.sigmoid(x),
        derivatives=lambda x, e: (torch.sigmoid(x) * torch.sigmoid(-x),),
        scalar=_sigmoid,
        forms=(
            function(
                "sigmoid", "torch.sigmoid({0})", lambda s, e, x: 1 / (1 + s.exp(-x)), latex=r"\sigma", mathml=_SIGMA,
                fits=lambda x: x[0] >= -_MOST,
            ),
            function(
                "sigmoid", "torch.sigmoid({0})", lambda s, e, x: (1 + s.tanh(x / 2)) / 2, latex=r"\sigma", mathml=_SIGMA
            ),
        ),
    ),
    Operator(
        "tanh", 1, "the hyperbolic tangent of x",
        value=lambda x, e: torch.tanh(x),
        derivatives=lambda x, e: (1 - torch.tanh(x) ** 2,),
        scalar=_tanh,
        forms=(function("tanh", "torch.tanh({0})", lambda s, e, x: s.tanh(x), latex=r"\tanh"),),
    ),
    Operator(
        "softplus", 1, "log(1 + e^x)",
        value=lambda x, e: torch.logaddexp(x, torch.zeros_like(x)),
        derivatives=lambda x, e: (torch.sigmoid(x),),
        scalar=_softplus,
        forms=(
            function(
                "softplus", "-nn.functional.logsigmoid(-{0})", lambda s, e, x: s.log(1 + s.exp(x)),
                fits=lambda x: x[1] <= _MOST,
            ),
            function(
                "softplus", "-nn.functional.logsigmoid(-{0})",
                lambda s, e, x: s.Max(x, 0, evaluate=False) + s.log(1 + s.exp(-s.Abs(x))),
            ),
        ),
    ),
)  # fmt: skip
