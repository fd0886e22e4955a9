"""Optional operators, which the paper does not have: exp, sigmoid, tanh, softplus and root."""

from __future__ import annotations

import math

import torch

from core.common.jit import constant
from core.programs.operators.operator import Operator
from core.programs.operators.writing import MATHML_EPSILON, PLUS, Form, function, row

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


def _root(x: float, dx: float, z: float, dz: float, e: float) -> tuple[float, float]:
    size = abs(x) + e
    one_by = constant(1, x) / math.sqrt(size)
    return x * one_by, dx * one_by * (constant(1, x) - constant(0.5, x) * abs(x) / size)


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
    Operator(
        "root", 1, "x / sqrt(|x| + eps), the root of the magnitude times the sign",
        value=lambda x, e: x / torch.sqrt(x.abs() + e),
        derivatives=lambda x, e: ((1 - 0.5 * x.abs() / (x.abs() + e)) / torch.sqrt(x.abs() + e),),
        scalar=_root,
        forms=(
            Form(
                "{0} / torch.sqrt({0} + eps)",
                lambda s, e, x: x / s.sqrt(x + e),
                r"\frac{{{0}}}{{\sqrt{{{0} + \epsilon}}}}",
                f"<mfrac>{{0}}<msqrt>{row('{0}', PLUS, MATHML_EPSILON)}</msqrt></mfrac>",
                fits=lambda x: x[0] >= 0,
            ),
            Form(
                "{0} / torch.sqrt({0}.abs() + eps)",
                lambda s, e, x: x / s.sqrt(s.Abs(x) + e),
                r"\frac{{{0}}}{{\sqrt{{\left|{0}\right| + \epsilon}}}}",
                f"<mfrac>{{0}}<msqrt>{row('<mo>|</mo>', '{0}', '<mo>|</mo>', PLUS, MATHML_EPSILON)}</msqrt></mfrac>",
            ),
        ),
        smoothed=True,
    ),
)  # fmt: skip
