"""Shapes of set-wise losses, what a search proposes: a pull on the positive, and one to three pushes on negatives.

    pull + w1*outer(reduction(second(first((x - m1)/t1))/r1)) + w2*...

A pull is a function of m0 - p. The x of a push is n, or d = n - p; its functions are elementwise, its reduction is over
the negatives. Constants have names and no numbers; where one would change nothing but a factor, there is none. Pushes
are added or multiplied.

BPR, hinge and triplet losses, SL, InfoNCE, all versions of BSL, CCL, MML, squared error, the contrastive loss, PSL and
MINE are such. What is not: SL@K and gBCE, which know more than scores, and DirectAU, which is no function of scores.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from itertools import product
from typing import Any

from core.common.errors import UserError
from core.programs.sets.expression import D, Expression, N, P
from core.programs.sets.formula import formula_of

#: Elementwise functions by name.
FUNCTIONS: Mapping[str, Callable[[Expression], Expression]] = {
    "identity": lambda x: x,
    "relu": Expression.relu,
    "softplus": Expression.softplus,
    "exp": Expression.exp,
    "square": Expression.square,
    "relu_square": lambda x: x.relu().square(),
    "sigmoid": Expression.sigmoid,
    "tanh": Expression.tanh,
    "atan": Expression.atan,
    "log1p": lambda x: (x + 1.0).log(),
}
#: What a pull may be, the first one nothing.
PULLS = ("none", "identity", "relu", "softplus", "exp", "square", "relu_square", "sigmoid")
#: The first and the second function of a push (the second only behind another), and the one of what is reduced.
FIRSTS = ("identity", "relu", "softplus", "exp", "square", "sigmoid", "tanh", "atan")
SECONDS = ("identity", "log1p", "square", "tanh")
OUTERS = ("identity", "softplus", "log1p", "sigmoid", "square", "tanh")
REDUCTIONS = ("mean", "log_mean_exp", "log_sum_exp", "max")
JOINS = ("none", "plus", "times")
SOURCES = ("n", "d")
#: Functions of (x - m)/t in which t is more than a factor, and those in which m is.
_SCALED = frozenset(("softplus", "exp", "sigmoid", "tanh", "atan"))
_SHIFTED = frozenset(("relu", "softplus", "square", "relu_square", "sigmoid", "tanh", "atan"))
_EXPONENTIAL = frozenset(("log_mean_exp", "log_sum_exp"))


@dataclass(frozen=True)
class Pull:
    """The part of the positive."""

    function: str
    """One of PULLS."""
    shifted: bool = False
    """Whether there is a margin m0; else p is compared with 0."""

    @staticmethod
    def can_shift(function: str) -> bool:
        """Return whether a margin would count."""
        return function in _SHIFTED

    @property
    def expression(self) -> Expression | None:
        """The part as an expression; None without one."""
        if self.function == "none":
            return None
        x = Expression("m0") - P if self.shifted else -P
        return FUNCTIONS[self.function](x / Expression("t0") if self.function in _SCALED else x)

    @property
    def complexity(self) -> int:
        """Functions and constants."""
        return (self.function != "none") + self.shifted + (self.function in _SCALED)


@dataclass(frozen=True)
class Push:
    """A part of the negatives."""

    source: str
    """One of SOURCES."""
    first: str = "identity"
    shifted: bool = False
    """Whether there is a margin; else x is compared with 0."""
    second: str = "identity"
    reduction: str = "mean"
    outer: str = "identity"
    weighted: bool = False
    """Whether it has a weight; only where there is something beside it."""
    join: str = "plus"
    """How it joins what is before it."""

    def expression(self, k: int) -> Expression:
        """Return it without its weight.

        Args:
            k: its number, from 1, which its constants have.
        """
        x = N if self.source == "n" else D
        if self.shifted:
            x = x - Expression(f"m{k}")
        if self.first in _SCALED:
            x = x / Expression(f"t{k}")
        x = FUNCTIONS[self.second](FUNCTIONS[self.first](x))
        # A temperature of the reduction is that of plain scores where there is no function.
        temperature = Expression(f"t{k}" if self.first == "identity" else f"r{k}")
        if self.reduction not in _EXPONENTIAL:
            return FUNCTIONS[self.outer](Expression(self.reduction, (x,)))
        reduced = Expression(self.reduction, (x / temperature,))
        # Times its temperature, so that the size of the gradient does not depend on it.
        return temperature * reduced if self.outer == "identity" else FUNCTIONS[self.outer](reduced)

    @property
    def complexity(self) -> int:
        """Functions and constants."""
        functions = sum(one != "identity" for one in (self.first, self.second, self.outer)) + (self.source == "d")
        return 1 + functions + self.shifted + self.weighted + (self.first in _SCALED) + (self.reduction in _EXPONENTIAL)

    @staticmethod
    def can_shift(first: str) -> bool:
        """Return whether a margin would count."""
        return first in _SHIFTED


@dataclass(frozen=True)
class Shape:
    """A candidate: a loss whose constants have no numbers yet. See Solution."""

    pull: Pull
    pushes: tuple[Push, ...]

    @cached_property
    def expression(self) -> Expression:
        """The loss, with names for constants."""
        total, terms = self.pull.expression, list[tuple[Expression, bool, int]]()
        for k, push in enumerate(self.pushes, 1):
            if push.join == "times" and terms:
                before, weighted, first = terms[-1]
                terms[-1] = before * push.expression(k), weighted, first
            else:
                terms.append((push.expression(k), push.weighted, k))
        for term, weighted, k in terms:
            one = Expression(f"w{k}") * term if weighted else term
            total = one if total is None else total + one
        assert total is not None, "there is a push"
        return total

    @property
    def key(self) -> str:
        """See Solution."""
        return str(self)

    @property
    def complexity(self) -> int:
        """See Solution; functions, reductions and constants."""
        return self.pull.complexity + sum(one.complexity for one in self.pushes)

    def __str__(self) -> str:
        """Return the formula."""
        return formula_of(self.expression)

    def to_dict(self) -> dict[str, Any]:
        """See Solution."""
        return {"formula": str(self), "pull": asdict(self.pull), "pushes": [asdict(one) for one in self.pushes]}


def shape_of(expression: Expression) -> Shape:
    """Return the shape that an expression has: one as a shape is printed, its constants with any names.

    Raises:
        UserError: it is of no shape.
    """
    pull, pushes = Pull("none"), list[Push]()
    for term in expression.parts("add"):
        if all(one.name != "n" for one in term.walk()):
            if pull.function != "none" or (found := _pulls().get(_anonymous(term))) is None:
                raise _no_shape(expression, term)
            pull = found
            continue
        factors = list(_factors(term))
        weighted = factors[0].name.startswith("w")
        for i, factor in enumerate(factors[weighted:]):
            push = _pushes().get(_anonymous(factor))
            if push is None:
                raise _no_shape(expression, factor)
            pushes.append(replace(push, weighted=weighted and i == 0, join="times" if i else "plus"))
    if not pushes or (pushes[0].weighted and pull.function == "none"):
        raise _no_shape(expression, expression)
    return Shape(pull, tuple(pushes))


def _no_shape(whole: Expression, part: Expression) -> UserError:
    return UserError(
        f"loss {formula_of(whole)}: expected a function of m0 - p, such as relu(m0 - p), and reduced functions of n or "
        "d with names for constants, such as w1*mean(relu(n - m1)) or t1*log_mean_exp(d/t1), "
        f"got {formula_of(part)}"
    )


def _factors(term: Expression) -> Iterator[Expression]:
    """The weight of a product, if it has one, and its pushes; temperatures belong to what is behind them."""
    temperature: Expression | None = None
    for one in term.parts("mul"):
        if one.name[:1] in ("t", "r") and not one.operands:
            temperature = one
        else:
            yield one if temperature is None else temperature * one
            temperature = None


def _anonymous(expression: Expression) -> str:
    """Its formula, constants without their numbers."""
    return re.sub(r"\b([mtrw])[0-9]+\b", r"\1", formula_of(expression))


@cache
def _pulls() -> Mapping[str, Pull]:
    every = [Pull(one, shifted) for one in PULLS[1:] for shifted in (False, True)[: 1 + Pull.can_shift(one)]]
    return {_anonymous(one.expression): one for one in every if one.expression is not None}


@cache
def _pushes() -> Mapping[str, Push]:
    every = (Push(*one) for one in product(SOURCES, FIRSTS, (False, True), SECONDS, REDUCTIONS, OUTERS))
    return {
        _anonymous(one.expression(1)): one
        for one in every
        if (Push.can_shift(one.first) or not one.shifted) and (one.first != "identity" or one.second == "identity")
    }
