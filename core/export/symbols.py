"""Sympy functions for signed logs, signed reciprocals and clamps, which sympy itself lacks.

Nested `Piecewise` would take sympy minutes. These functions have derivatives and numerical values, also in `lambdify`.
Expressions contain them only where a plain log or reciprocal, or no clamp, would not be equal. Exports copy their
source.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from sympy import Abs, Function
from sympy.printing.str import StrPrinter


def __getattr__(name: str) -> Any:
    """Return a name of sympy, so that operators find all functions in this module."""
    return getattr(sympy, name)


class signed_log(Function):
    """sign(x) log(|x| + eps) with sign(0) = 1."""

    @classmethod
    def eval(cls, x: Any, eps: Any) -> Any:
        """See `sympy.Function`: evaluates numbers only."""
        if x.is_Number:
            return (-1 if x < 0 else 1) * sympy.log(abs(x) + eps)

    def fdiff(self, argindex: int = 1) -> Any:
        """See `sympy.Function`: differentiates by x."""
        x, eps = self.args
        return 1 / (Abs(x) + eps)

    _imp_ = staticmethod(lambda x, eps: np.where(x < 0, -1, 1) * np.log(np.abs(x) + eps))


class signed_reciprocal(Function):
    """sign(x) / (|x| + eps) with sign(0) = 1."""

    @classmethod
    def eval(cls, x: Any, eps: Any) -> Any:
        """See `sympy.Function`: evaluates numbers only."""
        if x.is_Number:
            return (-1 if x < 0 else 1) / (abs(x) + eps)

    def fdiff(self, argindex: int = 1) -> Any:
        """See `sympy.Function`: differentiates by x."""
        x, eps = self.args
        return -1 / (Abs(x) + eps) ** 2

    _imp_ = staticmethod(lambda x, eps: np.where(x < 0, -1, 1) / (np.abs(x) + eps))


class inside(Function):
    """1 where low <= x <= high, else 0."""

    @classmethod
    def eval(cls, x: Any, low: Any, high: Any) -> Any:
        """See `sympy.Function`: evaluates numbers only."""
        if x.is_Number:
            return sympy.Integer(bool(low <= x <= high))

    def fdiff(self, argindex: int = 1) -> Any:
        """See `sympy.Function`: the derivative is zero."""
        return sympy.Integer(0)

    _imp_ = staticmethod(lambda x, low, high: np.where((low <= x) & (x <= high), 1.0, 0.0))


class clamp_value(Function):
    """X clamped to [low, high]."""

    @classmethod
    def eval(cls, x: Any, low: Any, high: Any) -> Any:
        """See `sympy.Function`: evaluates numbers only."""
        if x.is_Number:
            return min(max(x, low), high)

    def fdiff(self, argindex: int = 1) -> Any:
        """See `sympy.Function`: the derivative by x is 0 where the clamp changes x."""
        return inside(*self.args)

    _imp_ = staticmethod(np.clip)


class clamp_magnitude(Function):
    """X with its magnitude clamped to [low, high] and its sign kept; 0 becomes low."""

    @classmethod
    def eval(cls, x: Any, low: Any, high: Any) -> Any:
        """See `sympy.Function`: evaluates numbers only."""
        if x.is_Number:
            return (-1 if x < 0 else 1) * min(max(abs(x), low), high)

    def fdiff(self, argindex: int = 1) -> Any:
        """See `sympy.Function`: the derivative by x is 0 where the clamp changes x."""
        x, low, high = self.args
        return inside(Abs(x), low, high)

    _imp_ = staticmethod(lambda x, low, high: np.where(x < 0, -1, 1) * np.clip(np.abs(x), low, high))


#: Every function of this module.
FUNCTIONS = (signed_log, signed_reciprocal, inside, clamp_value, clamp_magnitude)


class Source(StrPrinter):
    """Prints an expression as Python source that builds it."""

    def _print_Max(self, made: Any) -> str:
        """Print without evaluation: sympy would compare the arguments, which takes long."""
        return f"{made.func.__name__}({', '.join(map(self._print, made.args))}, evaluate=False)"

    _print_Min = _print_Max
