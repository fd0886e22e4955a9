"""Formulas of set-wise losses, read without `eval` and written: `relu(1 - p) + 150*mean(relu(n - 0.9))`.

    sum     = product {("+" | "-") product}
    product = signed {("*" | "/") signed}
    signed  = "-" signed | power
    power   = atom {("^" | "**") "2"}
    atom    = name | number | "(" sum ")" | function "(" sum ")"

Names are those of inputs and constants, and d for n - p. Functions are the operations of one operand, and log1p.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.common.errors import UserError, format_value
from core.common.region import short
from core.programs.parsing import FormulaError
from core.programs.sets.expression import INPUTS, OPERATIONS, SLOT, D, Expression

_LONGEST, _DEEPEST, _MOST = 2_000, 40, 300
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\*\*|[-+*/^()]))",
    re.ASCII,
)
_FUNCTIONS: Mapping[str, Callable[[Expression], Expression]] = {
    "log1p": lambda x: (x + 1.0).log(),
    **{
        name: lambda x, name=name: Expression(name, (x,))  # type: ignore[misc]  # the name of the row
        for name, row in OPERATIONS.items()
        if row.arity == 1
    },
}
_NAMES: Mapping[str, Expression] = {"d": D, **{name: Expression(name) for name in INPUTS}}
_SUM, _PRODUCT, _ATOM = range(3)


def is_formula(text: str) -> bool:
    """Return whether a line is meant as a formula and not as the name of a loss: it calls or computes something."""
    return any(sign in text.partition(":")[0] for sign in "(*/^") or text.lstrip().startswith("-")


def parse_formula(text: str) -> Expression:
    """Return the expression that a formula describes.

    Raises:
        FormulaError: it is none; the message says where.
        UserError: its parts do not go together, such as a sum of a mean and something of every negative.
    """
    if len(text) > _LONGEST:
        raise FormulaError(text, _LONGEST, f"at most {_LONGEST} characters expected, got {len(text)}")
    reader = _Reader(text)
    found = reader.sum()
    if reader.kind != "end":
        raise reader.fail(f"expected an operator or the end, got {format_value(reader.word)}")
    return found


@dataclass
class _Reader:
    """What is left of a text, the next token in view."""

    text: str
    at: int = 0
    kind: str = ""
    word: str = ""
    start: int = 0
    depth: int = 0
    n_parts: int = 0

    def __post_init__(self) -> None:
        self.next()

    def next(self) -> str:
        """Go on to the next token; return the one before."""
        before, match = self.word, _TOKEN.match(self.text, self.at)
        if match is None or match.lastgroup is None:
            self.start = self.at + len(self.text[self.at :]) - len(self.text[self.at :].lstrip())
            if self.start < len(self.text):
                raise self.fail(f"expected a number, a name or an operator, got {format_value(self.text[self.start])}")
            self.kind, self.word = "end", ""
            return before
        self.kind, self.word, self.start = match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)
        self.at = match.end()
        return before

    def fail(self, problem: str) -> FormulaError:
        return FormulaError(self.text, self.start, problem)

    def takes(self, *signs: str) -> str | None:
        return self.next() if self.kind == "sign" and self.word in signs else None

    def made(self, expression: Expression) -> Expression:
        self.n_parts += 1
        if self.n_parts > _MOST:
            raise self.fail(f"at most {_MOST} parts expected, got more")
        return expression

    def sum(self) -> Expression:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.fail(f"at most {_DEEPEST} levels of brackets expected, got more")
        found = self.product()
        while sign := self.takes("+", "-"):
            other = self.product()
            found = self.made(found + (other if sign == "+" else _negated(other)))
        self.depth -= 1
        return found

    def product(self) -> Expression:
        found = self.signed()
        while sign := self.takes("*", "/"):
            at, other = self.start, self.signed()
            if sign == "*":
                found = self.made(found * other)
            elif other.name:
                found = self.made(found / other)
            elif other.number:
                found = self.made(found * (1 / other.number))
            else:
                self.start = at
                raise self.fail("expected a divisor that is not 0")
        return found

    def signed(self) -> Expression:
        signs = 0
        while self.takes("-"):
            signs += 1
        found = self.power()
        return self.made(_negated(found)) if signs % 2 else found

    def power(self) -> Expression:
        found = self.atom()
        while self.takes("^", "**"):
            if self.kind != "number" or float(self.word) != 2:
                raise self.fail(f"expected the power 2, got {format_value(self.word)}")
            self.next()
            found = self.made(found.square())
        return found

    def atom(self) -> Expression:
        if self.kind == "number":
            number = float(self.next())
            if not math.isfinite(number):
                raise self.fail("expected finite numbers")
            return self.made(Expression("", number=number))
        if self.kind == "name":
            return self.made(self._named())
        if self.takes("("):
            found = self.sum()
            self._close()
            return found
        raise self.fail(f"expected a number, a name or a bracket, got {format_value(self.word or 'the end')}")

    def _named(self) -> Expression:
        name = self.word
        if name in _FUNCTIONS:
            self.next()
            if not self.takes("("):
                raise self.fail(f"expected a bracket after {name}, got {format_value(self.word or 'the end')}")
            operand = self.sum()
            self._close()
            return _FUNCTIONS[name](operand)
        if name in _NAMES or SLOT.fullmatch(name):
            self.next()
            return _NAMES.get(name) or Expression(name)
        names = ", ".join(("d", "p", "n", "count", "a constant such as m1, t1 or w1", *_FUNCTIONS))
        raise self.fail(f"expected one of {names}, got {format_value(name)}")

    def _close(self) -> None:
        if not self.takes(")"):
            raise self.fail(f"expected a closing bracket, got {format_value(self.word or 'the end')}")


def _negated(one: Expression) -> Expression:
    return -one if one.name else Expression("", number=-one.number)


def formula_of(expression: Expression) -> str:
    """Return an expression as a formula: parsing it gives one with the same values, and the same formula again."""
    return _written(expression)[0]


def _written(one: Expression) -> tuple[str, int]:
    """Return text and precedence."""
    if one == D:
        return "d", _ATOM
    if not one.name:
        return _number(one.number), _ATOM if one.number >= 0 else _PRODUCT
    if not one.operands:
        return one.name, _ATOM
    if one.name == "add":
        return _sum(*one.operands), _SUM
    if one.name == "mul":
        left, right = sorted(one.operands, key=lambda x: bool(x.name))  # numbers first
        if left.name == "" and left.number == -1 and right.name:
            return f"-{_within(right, _PRODUCT + 1)}", _PRODUCT
        divisor = None if left.name else short_divisor(left.number)
        if divisor is not None:
            return f"{_within(right, _PRODUCT)}/{_number(divisor)}", _PRODUCT
        return f"{_within(left, _PRODUCT)}*{_within(right, _PRODUCT + 1)}", _PRODUCT
    if one.name == "div":
        return f"{_within(one.operands[0], _PRODUCT)}/{_within(one.operands[1], _ATOM)}", _PRODUCT
    (x,) = one.operands
    if one.name == "log" and x.name == "add" and x.operands[1] == Expression("", number=1.0):
        return f"log1p({_written(x.operands[0])[0]})", _ATOM
    return f"{one.name}({_written(x)[0]})", _ATOM


def _sum(left: Expression, right: Expression) -> str:
    if subtracted(left) is not None and subtracted(right) is None:
        left, right = right, left
    taken = subtracted(right)
    if taken is None:
        return f"{_written(left)[0]} + {_within(right, _PRODUCT)}"
    return f"{_written(left)[0]} - {_within(taken, _PRODUCT)}"


def subtracted(one: Expression) -> Expression | None:
    """Return x of -x, and of a negative number what it is without its sign; None of anything else."""
    if not one.name:
        return Expression("", number=-one.number) if one.number < 0 else None
    minus = Expression("", number=-1.0)
    return next((one.operands[1 - i] for i in (0, 1) if one.operands[i] == minus), None) if one.name == "mul" else None


def _within(one: Expression, lowest: int) -> str:
    text, precedence = _written(one)
    return text if precedence >= lowest else f"({text})"


def short_divisor(number: float) -> float | None:
    """Return the number with few digits of which this one is the reciprocal, if it has more of them itself."""
    divisor = short(1 / number) if number > 0 else 0.0
    return divisor if divisor and 1 / divisor == number and short(number) != number else None


def _number(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def check_loss(expression: Expression) -> Expression:
    """Return an expression that can be a loss: of the positive and its negatives, a number for each example.

    Raises:
        UserError: it has no negatives, a number for every negative, or takes what only some losses are given.
    """
    text, names = formula_of(expression), {one.name for one in expression.walk()}
    if "n" not in names or "p" not in names:
        raise UserError(f"loss {text}: expected p, the positive, and n, the negatives (or d = n - p) in it")
    if others := sorted(names & {"quantile", "rate"}):
        raise UserError(f"loss {text}: expected no {', '.join(others)}: only losses with a name are given these")
    if expression.level.name == "NEGATIVE":
        raise UserError(
            f"loss {text}: expected one number for a positive, got one for every negative: reduce them, as mean(...)"
        )
    return expression
