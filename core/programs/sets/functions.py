"""Functions of one number with their derivatives, which loops over rows run on several numbers at once.

Numba calls the C library for exp and its kin, number by number. Here exp(x) = 2^k e^r with k = round(x / log 2) and
|r| <= log(2) / 2, e^r by the first 14 terms of its series (off by less than 1e-17), and 2^k by its bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from core.common.jit import compiled, constant

_LOG2_E = 1.4426950408889634
#: log 2 in two parts, the first of which times k is exact in either type.
_HIGH, _LOW = 0.693359375, -2.1219444005469057e-4
#: Products and sums may be fused, but not reordered: the two parts of log 2 must not be put together.
_FUSED = frozenset({"contract"})
#: Bits of a type of numbers -> those behind the exponent, and what is added to an exponent.
_LAYOUT = {32: (23, 127), 64: (52, 1023)}


def _generated(_: Any, k: Any) -> Any:
    """Return 2^k of a whole number k in the type of a float, as long as it is neither 0 nor infinite."""
    bits, wide = k.bitwidth, ir.IntType(k.bitwidth)
    shift, bias = _LAYOUT[bits]

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        whole = builder.fptosi(args[0], wide)
        shifted = builder.shl(builder.add(whole, wide(bias)), wide(shift))
        return builder.bitcast(shifted, context.get_value_type(k))

    return k(k), generate


_power_of_two: Any = intrinsic(_generated)


@compiled(fastmath=_FUSED, inline=True)
def exp(x):
    """Return e^x; of numbers whose power is no normal number of their type, that of the nearest whose is.

    Args:
        x: a number.
    """
    is_double = constant(1e-300, x) > 0
    low, high = constant(-708, x) if is_double else constant(-87, x), constant(709, x) if is_double else constant(88, x)
    y = low if x < low else x
    y = high if y > high else y
    k = np.rint(y * constant(_LOG2_E, y))
    r = y - k * constant(_HIGH, y)
    r = r - k * constant(_LOW, y)
    s = constant(1 / 6227020800, r)
    s = s * r + constant(1 / 479001600, r)
    s = s * r + constant(1 / 39916800, r)
    s = s * r + constant(1 / 3628800, r)
    s = s * r + constant(1 / 362880, r)
    s = s * r + constant(1 / 40320, r)
    s = s * r + constant(1 / 5040, r)
    s = s * r + constant(1 / 720, r)
    s = s * r + constant(1 / 120, r)
    s = s * r + constant(1 / 24, r)
    s = s * r + constant(1 / 6, r)
    s = s * r + constant(0.5, r)
    s = s * r + constant(1, r)
    return (s * r + constant(1, r)) * _power_of_two(k)


@compiled(fastmath=_FUSED, inline=True)
def log1p_of_part(e):
    """Return log(1 + e) for e from 0 to 1, by the series of 2 artanh(e / (2 + e)).

    Args:
        e: a number.
    """
    z = e / (constant(2, e) + e)
    t = z * z
    s = constant(1 / 33, e)
    s = s * t + constant(1 / 31, e)
    s = s * t + constant(1 / 29, e)
    s = s * t + constant(1 / 27, e)
    s = s * t + constant(1 / 25, e)
    s = s * t + constant(1 / 23, e)
    s = s * t + constant(1 / 21, e)
    s = s * t + constant(1 / 19, e)
    s = s * t + constant(1 / 17, e)
    s = s * t + constant(1 / 15, e)
    s = s * t + constant(1 / 13, e)
    s = s * t + constant(1 / 11, e)
    s = s * t + constant(1 / 9, e)
    s = s * t + constant(1 / 7, e)
    s = s * t + constant(1 / 5, e)
    s = s * t + constant(1 / 3, e)
    return constant(2, e) * z * (s * t + constant(1, e))


def relu(x: Any) -> Any:
    """Return max(0, x) and its derivative, which is 0 at 0."""
    zero, one = constant(0, x), constant(1, x)
    return (zero, zero) if x <= 0 else (x, one)


def square(x: Any) -> Any:
    """Return x^2 and its derivative."""
    return x * x, x + x


def exponential(x: Any) -> Any:
    """Return e^x and its derivative."""
    y = exp(x)
    return y, y


def log(x: Any) -> Any:
    """Return log x and its derivative."""
    return math.log(x), constant(1, x) / x


def softplus(x: Any) -> Any:
    """Return log(1 + e^x) and its derivative."""
    one, e = constant(1, x), exp(-abs(x))
    return log1p_of_part(e) + max(x, constant(0, x)), (one if x >= 0 else e) / (one + e)


def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + e^-x) and its derivative."""
    one, e = constant(1, x), exp(-abs(x))
    y = (one if x >= 0 else e) / (one + e)
    return y, y * (one - y)


def tanh(x: Any) -> Any:
    """Return tanh x and its derivative."""
    one, e = constant(1, x), exp(-abs(x + x))
    size = (one - e) / (one + e)
    return (size if x >= 0 else -size), one - size * size


def atan(x: Any) -> Any:
    """Return arctan x and its derivative."""
    return math.atan(x), constant(1, x) / (constant(1, x) + x * x)
