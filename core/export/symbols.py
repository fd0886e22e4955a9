"""The functions of sympy's own kind that expressions of losses need, beside those that sympy has.

Nested `Piecewise` would take sympy minutes. These are functions with a derivative and with numbers, also in `lambdify`;
they occur only where a plain log, reciprocal or no clamp at all would not be the same. Exports copy their text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from sympy import Abs, Function
from sympy.printing.str import StrPrinter


def __getattr__(name: str) -> Any:
    """All names of sympy, so that operators take these and those from one place."""
    return getattr(sympy, name)


class signed_log(Function):
    """sign(x) log(|x| + eps) with sign(0) = 1."""

    @classmethod
    def eval(cls, x: Any, eps: Any) -> Any:
        """The number, where there is one."""
        if x.is_Number:
            return (-1 if x < 0 else 1) * sympy.log(abs(x) + eps)

    def fdiff(self, argindex: int = 1) -> Any:
        """The derivative with respect to x."""
        x, eps = self.args
        return 1 / (Abs(x) + eps)

    _imp_ = staticmethod(lambda x, eps: np.where(x < 0, -1, 1) * np.log(np.abs(x) + eps))


class signed_reciprocal(Function):
    """sign(x) / (|x| + eps) with sign(0) = 1."""

    @classmethod
    def eval(cls, x: Any, eps: Any) -> Any:
        """The number, where there is one."""
        if x.is_Number:
            return (-1 if x < 0 else 1) / (abs(x) + eps)

    def fdiff(self, argindex: int = 1) -> Any:
        """The derivative with respect to x."""
        x, eps = self.args
        return -1 / (Abs(x) + eps) ** 2

    _imp_ = staticmethod(lambda x, eps: np.where(x < 0, -1, 1) / (np.abs(x) + eps))


class inside(Function):
    """1 where low <= x <= high, else 0."""

    @classmethod
    def eval(cls, x: Any, low: Any, high: Any) -> Any:
        """The number, where there is one."""
        if x.is_Number:
            return sympy.Integer(bool(low <= x <= high))

    def fdiff(self, argindex: int = 1) -> Any:
        """No gradient anywhere."""
        return sympy.Integer(0)

    _imp_ = staticmethod(lambda x, low, high: np.where((low <= x) & (x <= high), 1.0, 0.0))


class clamp_value(Function):
    """X brought into [low, high]."""

    @classmethod
    def eval(cls, x: Any, low: Any, high: Any) -> Any:
        """The number, where there is one."""
        if x.is_Number:
            return min(max(x, low), high)

    def fdiff(self, argindex: int = 1) -> Any:
        """The derivative with respect to x: 0 where it was changed."""
        return inside(*self.args)

    _imp_ = staticmethod(np.clip)


class clamp_magnitude(Function):
    """The magnitude of x brought into [low, high], its sign kept; 0 becomes low."""

    @classmethod
    def eval(cls, x: Any, low: Any, high: Any) -> Any:
        """The number, where there is one."""
        if x.is_Number:
            return (-1 if x < 0 else 1) * min(max(abs(x), low), high)

    def fdiff(self, argindex: int = 1) -> Any:
        """The derivative with respect to x: 0 where it was changed."""
        x, low, high = self.args
        return inside(Abs(x), low, high)

    _imp_ = staticmethod(lambda x, low, high: np.where(x < 0, -1, 1) * np.clip(np.abs(x), low, high))


#: Every function of this module.
FUNCTIONS = (signed_log, signed_reciprocal, inside, clamp_value, clamp_magnitude)


class Source(StrPrinter):
    """Writes expressions as Python source that makes the same ones."""

    def _print_Max(self, made: Any) -> str:
        """Without the comparisons that sympy would try, which take long."""
        return f"{made.func.__name__}({', '.join(map(self._print, made.args))}, evaluate=False)"

    _print_Min = _print_Max
