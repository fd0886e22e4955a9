"""Expressions of a positive score p and its negatives n: an elementwise part, one reduction over negatives, the rest.

    (1 - P).relu() + 150 * (N - 0.9).relu().mean()

is the loss CCL. Expressions are built with operators and methods as tensors of torch are; numbers are constants. A
constant whose number is still to be found has a name, such as m1: see `SLOT`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from core.common.errors import UserError
from core.programs.sets import functions


class Level(IntEnum):
    """Whether an expression has a value for every example, or for every negative of it."""

    EXAMPLE = 0
    """Every example: the positive score, numbers."""
    NEGATIVE = 1
    """Every negative of every example."""
    REDUCED = 2
    """Every example, made of its negatives, so that no negative can be compared with it."""


@dataclass(frozen=True)
class Operation:
    """A row of the table of operations."""

    arity: int = 1
    function: Callable[[Any], Any] | None = None
    """Of one operand: a number -> its value and derivative, in compiled code."""
    is_reduction: bool = False
    """Whether it makes one number of those of all negatives."""


#: name -> row, in the order of their codes. To add an operation of one operand: a function and a row.
OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "add": Operation(2),
        "mul": Operation(2),
        "div": Operation(2),
        "mean": Operation(is_reduction=True),
        "sum": Operation(is_reduction=True),
        "max": Operation(is_reduction=True),
        "log_mean_exp": Operation(is_reduction=True),
        "log_sum_exp": Operation(is_reduction=True),
        "relu": Operation(function=functions.relu),
        "square": Operation(function=functions.square),
        "exp": Operation(function=functions.exponential),
        "log": Operation(function=functions.log),
        "softplus": Operation(function=functions.softplus),
        "sigmoid": Operation(function=functions.sigmoid),
        "tanh": Operation(function=functions.tanh),
        "atan": Operation(function=functions.atan),
    }
)
#: name -> level of what an expression is made from.
INPUTS: Mapping[str, Level] = MappingProxyType(
    {
        "p": Level.EXAMPLE,
        "n": Level.NEGATIVE,
        "count": Level.EXAMPLE,
        "quantile": Level.EXAMPLE,
        "rate": Level.EXAMPLE,
    }
)
#: Names of constants without a number: margins m, temperatures t and r, weights w, each with a number or none.
SLOT = re.compile(r"[mtrw][0-9]{0,2}")


@dataclass(frozen=True)
class Expression:
    """An input, a constant, or an operation with its operands; two with equal parts are equal.

    Raises:
        UserError: an unknown name, a number of operands that the operation does not take, a number that is not finite,
            or operands that do not go together.
    """

    name: str
    """Of the input or the operation; empty for a number."""
    operands: tuple[Expression, ...] = ()
    number: float = 0.0

    def __post_init__(self) -> None:
        """Check the parts."""
        if self.name in OPERATIONS:
            arity = OPERATIONS[self.name].arity
            if len(self.operands) != arity:
                raise UserError(f"{self.name}: expected {arity} operands, got {len(self.operands)}")
            levels = {one.level for one in self.operands}
            if OPERATIONS[self.name].is_reduction and levels != {Level.NEGATIVE}:
                raise UserError(
                    f"{self.name}: expected something of every negative, such as d or relu(n - m1), got a number "
                    "for each positive (p, a constant, or what is reduced already)"
                )
            if levels == {Level.NEGATIVE, Level.REDUCED}:
                raise UserError(
                    f"{self.name}: expected two numbers of every negative or two for each positive, got one that is "
                    "reduced and one that is not"
                )
            if self.name == "div" and self.operands[1].level == Level.NEGATIVE:
                raise UserError("div: expected a divisor that is no number of every negative, such as t1 or p")
        elif self.name and self.name not in INPUTS and not SLOT.fullmatch(self.name):
            raise UserError(f"expected one of {', '.join((*INPUTS, *OPERATIONS))}, got {self.name!r}")
        if not math.isfinite(self.number):
            raise UserError(f"expected finite numbers in a loss, got {self.number}")

    @property
    def level(self) -> Level:
        """The level of its values."""
        if self.name not in OPERATIONS:
            return INPUTS.get(self.name, Level.EXAMPLE)
        if OPERATIONS[self.name].is_reduction:
            return Level.REDUCED
        return max((one.level for one in self.operands), default=Level.EXAMPLE)

    @property
    def is_slot(self) -> bool:
        """Whether it is a constant without a number."""
        return SLOT.fullmatch(self.name) is not None

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of its constants without a number, in order, each once."""
        if self.is_slot:
            return (self.name,)
        return tuple(dict.fromkeys(name for one in self.operands for name in one.slots))

    def walk(self) -> Iterator[Expression]:
        """Return it and everything that it is made of."""
        yield self
        for one in self.operands:
            yield from one.walk()

    def parts(self, operation: str) -> Iterator[Expression]:
        """Return the terms of a sum or the factors of a product; of anything else itself.

        Args:
            operation: add or mul.
        """
        if self.name != operation:
            yield self
        else:
            for one in self.operands:
                yield from one.parts(operation)

    def bound(self, values: Mapping[str, float]) -> Expression:
        """Return it with numbers for constants.

        Args:
            values: by the names of `slots`; others stay.

        Raises:
            UserError: a number that is not finite, or whose reciprocal is not.
        """
        if self.name in values:
            return Expression("", number=float(values[self.name]))
        operands = tuple(one.bound(values) for one in self.operands)
        if self.name == "div" and not operands[1].name:
            if not operands[1].number:
                raise UserError(f"expected no division by 0 in a loss, got {self} with {self.operands[1]} = 0")
            return operands[0] * (1 / operands[1].number)
        return self if operands == self.operands else Expression(self.name, operands)

    def __str__(self) -> str:
        """Return it as text."""
        if not self.name:
            return f"{self.number:g}"
        return self.name if not self.operands else f"{self.name}({', '.join(map(str, self.operands))})"

    def __add__(self, other: Expression | float) -> Expression:
        """Return the sum."""
        return Expression("add", (self, _as_expression(other)))

    def __radd__(self, other: float) -> Expression:
        """Return the sum."""
        return self + other

    def __mul__(self, other: Expression | float) -> Expression:
        """Return the product."""
        return Expression("mul", (self, _as_expression(other)))

    def __rmul__(self, other: float) -> Expression:
        """Return the product."""
        return self * other

    def __neg__(self) -> Expression:
        """Return the negative."""
        return self * -1.0

    def __sub__(self, other: Expression | float) -> Expression:
        """Return the difference."""
        return self + (-other)

    def __rsub__(self, other: float) -> Expression:
        """Return the difference."""
        return -self + other

    def __truediv__(self, other: Expression | float) -> Expression:
        """Return the quotient; numbers are multiplied by their reciprocal."""
        return Expression("div", (self, other)) if isinstance(other, Expression) else self * (1 / other)

    def relu(self) -> Expression:
        """Return max(0, x)."""
        return Expression("relu", (self,))

    def square(self) -> Expression:
        """Return x^2."""
        return Expression("square", (self,))

    def exp(self) -> Expression:
        """Return e^x."""
        return Expression("exp", (self,))

    def log(self) -> Expression:
        """Return the logarithm of x."""
        return Expression("log", (self,))

    def softplus(self) -> Expression:
        """Return log(1 + e^x)."""
        return Expression("softplus", (self,))

    def sigmoid(self) -> Expression:
        """Return 1 / (1 + e^-x)."""
        return Expression("sigmoid", (self,))

    def tanh(self) -> Expression:
        """Return the hyperbolic tangent of x."""
        return Expression("tanh", (self,))

    def atan(self) -> Expression:
        """Return arctan(x)."""
        return Expression("atan", (self,))

    def mean(self) -> Expression:
        """Return the mean over negatives."""
        return Expression("mean", (self,))

    def sum(self) -> Expression:
        """Return the sum over negatives."""
        return Expression("sum", (self,))

    def max(self) -> Expression:
        """Return the largest over negatives."""
        return Expression("max", (self,))

    def log_mean_exp(self) -> Expression:
        """Return the logarithm of the mean of exponentials over negatives."""
        return Expression("log_mean_exp", (self,))

    def log_sum_exp(self) -> Expression:
        """Return the logarithm of the sum of exponentials over negatives."""
        return Expression("log_sum_exp", (self,))

    def reduced(self, reduction: str) -> Expression:
        """Return the mean or the sum over negatives.

        Args:
            reduction: mean or sum.
        """
        return self.mean() if reduction == "mean" else self.sum()


def _as_expression(value: Expression | float) -> Expression:
    return value if isinstance(value, Expression) else Expression("", number=float(value))


#: The positive score, a negative one, how many negatives there are, and what `SetScores` calls quantile and rate.
P, N, COUNT, QUANTILE, RATE = (Expression(name) for name in INPUTS)
#: Every negative minus its positive.
D = N - P


def joined(positive: Expression, negatives: Expression, reduction: str) -> Expression:
    """Return the sum of a part of the positive and one of the negatives.

    Args:
        positive: of the positive.
        negatives: of every negative.
        reduction: mean or sum over negatives, or candidates: everything divided by N + 1.
    """
    if reduction == "candidates":
        return (positive + negatives.sum()) / (COUNT + 1)
    return positive + negatives.reduced(reduction)
