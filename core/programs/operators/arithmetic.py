"""Arithmetic operators: add, mul, max, min, neg, identity and square."""

from __future__ import annotations

import torch
from torch import Tensor

from core.common.jit import constant
from core.programs.operators.operator import Operator
from core.programs.operators.writing import NEGATIVE, PLUS, POWER, PRODUCT, SIGN, SUM, Form, Range, function, row


def _share(x: Tensor, wins: Tensor, ties: Tensor) -> Tensor:
    """Return 1 where x is chosen and 1/2 at ties: the gradient of maximum and minimum in autograd."""
    return wins.to(x.dtype) + 0.5 * ties.to(x.dtype)


def _add(x: float, dx: float, z: float, dz: float, e: float) -> tuple[float, float]:
    return x + z, dx + dz


def _mul(x: float, dx: float, z: float, dz: float, e: float) -> tuple[float, float]:
    return x * z, z * dx + x * dz


def _max(x: float, dx: float, z: float, dz: float, e: float) -> tuple[float, float]:
    value = x if x > z or x != x else z
    return value, dx if x > z else (dz if x != z else (dx + dz) / constant(2, x))


def _min(x: float, dx: float, z: float, dz: float, e: float) -> tuple[float, float]:
    value = x if x < z or x != x else z
    return value, dx if x < z else (dz if x != z else (dx + dz) / constant(2, x))


def _neg(x: float, dx: float, z: float, dz: float, e: float) -> tuple[float, float]:
    return -x, -dx


def _identity(x: float, dx: float, z: float, dz: float, e: float) -> tuple[float, float]:
    return x, dx


def _square(x: float, dx: float, z: float, dz: float, e: float) -> tuple[float, float]:
    return x * x, (x + x) * dx


def _product_of(x: Range, z: Range) -> Range:
    ends = [0.0 if 0 in (a, b) else a * b for a in x for b in z]  # 0 times infinity: the bound is 0
    return min(ends), max(ends)


def _square_of(x: Range) -> Range:
    low, high = sorted((abs(x[0]), abs(x[1])))
    return (0.0 if x[0] <= 0 <= x[1] else low * low), high * high


ADD = Operator(
    "add", 2, "x + z",
    value=lambda x, z, e: x + z,
    derivatives=lambda x, z, e: (torch.ones_like(x), torch.ones_like(z)),
    scalar=_add,
    forms=(Form("{0} + {1}", lambda s, e, x, z: x + z, "{0} + {1}", row("{0}", PLUS, "{1}"), SUM),),
    template="{0} + {1}", precedence=SUM, commutative=True, in_paper=True,
)  # fmt: skip
MUL = Operator(
    "mul", 2, "x * z",
    value=lambda x, z, e: x * z,
    derivatives=lambda x, z, e: (z, x),
    scalar=_mul,
    interval=lambda e, x, z: _product_of(x, z),
    forms=(Form("{0} * {1}", lambda s, e, x, z: x * z, r"{0} \cdot {1}", row("{0}", "<mo>·</mo>", "{1}"), PRODUCT),),
    template="{0}*{1}", precedence=PRODUCT, commutative=True, in_paper=True,
)  # fmt: skip
MAX = Operator(
    "max", 2, "the larger of x and z",
    value=lambda x, z, e: torch.maximum(x, z),
    derivatives=lambda x, z, e: (_share(x, x > z, x == z), _share(x, x < z, x == z)),
    scalar=_max,
    forms=(
        function(
            "max", "torch.maximum({0}, {1})", lambda s, e, x, z: s.Max(x, z, evaluate=False), arity=2, latex=r"\max"
        ),
    ),
    commutative=True, idempotent=True, in_paper=True,
)  # fmt: skip
MIN = Operator(
    "min", 2, "the smaller of x and z",
    value=lambda x, z, e: torch.minimum(x, z),
    derivatives=lambda x, z, e: (_share(x, x < z, x == z), _share(x, x > z, x == z)),
    scalar=_min,
    forms=(
        function(
            "min", "torch.minimum({0}, {1})", lambda s, e, x, z: s.Min(x, z, evaluate=False), arity=2, latex=r"\min"
        ),
    ),
    commutative=True, idempotent=True, in_paper=True,
)  # fmt: skip
NEG = Operator(
    "neg", 1, "-x",
    value=lambda x, e: -x,
    derivatives=lambda x, e: (-torch.ones_like(x),),
    scalar=_neg,
    interval=lambda e, x: (-x[1], -x[0]),
    forms=(Form("-{0}", lambda s, e, x: -x, "-{0}", row(NEGATIVE, "{0}"), SIGN),),
    template="-{0}", precedence=SIGN, in_paper=True,
)  # fmt: skip
IDENTITY = Operator(
    "identity", 1, "x itself",
    value=lambda x, e: x,
    derivatives=lambda x, e: (torch.ones_like(x),),
    scalar=_identity,
    forms=(Form("{0}", lambda s, e, x: x, "{0}", "{0}"),),
    template="{0}", transparent=True, in_paper=True,
)  # fmt: skip
SQUARE = Operator(
    "square", 1, "x squared",
    value=lambda x, e: x * x,
    derivatives=lambda x, e: (2 * x,),
    scalar=_square,
    interval=lambda e, x: _square_of(x),
    forms=(Form("{0} * {0}", lambda s, e, x: x**2, "{0}^{{2}}", "<msup>{0}<mn>2</mn></msup>", POWER),),
    template="{0}^2", precedence=POWER, in_paper=True,
)  # fmt: skip
