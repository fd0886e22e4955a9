"""Parse formulas, without `eval`: nothing that a user writes is ever executed.

    sum     = product {("+" | "-") product}
    product = signed {("*" | "/") signed}
    signed  = "-" signed | power
    power   = atom {("^" | "**") "2"}
    atom    = name | "1" | "(" sum ")" | call
    call    = operator "(" sum {"," sum} ")"

`a - b` is add(a, neg(b)); `a/b` is mul(a, reciprocal(b)) and `1/b` is reciprocal(b). One `+ eps` in a
divisor or in a log stands for the smoothing term that these operators add anyway.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from core.common.errors import UserError, counted, format_value
from core.programs.line import EPSILON, INPUTS, KNOWN_INPUTS, Line
from core.programs.operators import OPERATORS

MAX_LENGTH = 10_000
MAX_DEPTH = 50
MAX_OPERATORS = 400

_TOKEN = re.compile(r"(?P<name>[A-Za-z_]\w*)|(?P<number>[0-9.]+)|(?P<symbol>\*\*|[-+*/^(),])", re.ASCII)
_SPACE = " \t\n\r\f\v"
_Way: TypeAlias = "tuple[int, bool, _Way] | None"
_LOOK_ALIKES = {
    "\N{MINUS SIGN}": "-",
    "\N{MULTIPLICATION SIGN}": "*",
    "\N{MIDDLE DOT}": "*",
    "\N{DOT OPERATOR}": "*",
    "\N{ASTERISK OPERATOR}": "*",
    "\N{BULLET}": "*",
    "\N{DIVISION SIGN}": "/",
    "\N{DIVISION SLASH}": "/",
    "\N{FRACTION SLASH}": "/",
    "\N{SUPERSCRIPT TWO}": "^2",
    "\N{MODIFIER LETTER CIRCUMFLEX ACCENT}": "^",
    "\N{LATIN SMALL LETTER Y WITH CIRCUMFLEX}": "y_hat",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "y_hat",
    "\N{GREEK SMALL LETTER EPSILON}": "eps",
    "[": "(",
    "]": ")",
}
#: What the formula of a loss may name -> the input.
LOSS_NAMES: Mapping[str, str] = MappingProxyType(
    {name: name for name in KNOWN_INPUTS} | {"pred": "y_hat", "prediction": "y_hat", "label": "y", "epsilon": EPSILON}
)


class FormulaError(UserError):
    """A malformed formula.

    Args:
        text: the formula.
        position: index of the character where it is wrong, from 0.
        problem: what is wrong there.
    """

    def __init__(self, text: str, position: int, problem: str) -> None:
        self.position = position
        around = text if len(text) <= 60 else text[max(0, position - 25) : position + 25]
        # One character each, so that the message stays short and a person can count to the position.
        printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in around)
        super().__init__(f"malformed formula at position {position}: {problem} in {printable!r}")


@dataclass
class _Reader:
    """The tokens of a text, and the expressions parsed so far (equal ones share a number)."""

    text: str
    tokens: list[tuple[str, str, int]]
    names: Mapping[str, str]
    at: int = 0
    depth: int = 0
    nodes: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    numbers: dict[tuple[str, tuple[int, ...]], int] = field(default_factory=dict)

    def node(self, operator: str, *children: int) -> int:
        number = self.numbers.setdefault((operator, children), len(self.nodes))
        if number == len(self.nodes):
            if number >= MAX_OPERATORS:
                raise self.fail(f"at most {MAX_OPERATORS} different parts expected, got more")
            self.nodes.append((operator, children))
        return number

    def got(self) -> str:
        """The next token for a message; a name may be of any length."""
        return format_value(self.tokens[self.at][1] or "the end")

    def fail(self, problem: str) -> FormulaError:
        return FormulaError(self.text, self.tokens[self.at][2], problem)

    def accept(self, *symbols: str) -> str | None:
        """Take the next token if it is one of these symbols."""
        kind, text, _ = self.tokens[self.at]
        if kind == "symbol" and text in symbols:
            self.at += 1
            return text
        return None

    def expect(self, symbol: str) -> None:
        if not self.accept(symbol):
            raise self.fail(f"expected {symbol!r}, got {self.got()}")


def parse_lines(text: str, names: Mapping[str, str] = LOSS_NAMES) -> tuple[tuple[str, ...], tuple[Line, ...]]:
    """Parse a formula into the inputs and lines of a program.

    Args:
        text: the formula.
        names: what it may name -> the input that this is; 1 it may always name.

    Raises:
        FormulaError: the text is not a formula; the message says where.
    """
    if not isinstance(text, str):
        raise FormulaError("", 0, f"expected text, got {format_value(text)}")
    if len(text) > MAX_LENGTH:
        raise FormulaError(text, MAX_LENGTH, f"at most {MAX_LENGTH} characters expected, got {len(text)}")
    reader = _Reader(text, _tokens(text), names)
    root = _sum(reader)
    if reader.tokens[reader.at][0] != "end":
        raise reader.fail(f"expected an operator or the end, got {reader.got()}")
    return _lines(reader.nodes, root)


def _tokens(text: str) -> list[tuple[str, str, int]]:
    tokens, end = [], len(text.rstrip(_SPACE))
    at = end - len(text[:end].lstrip(_SPACE))
    while at < end:
        match = _TOKEN.match(text, at, end)
        if match is None:
            raise FormulaError(text, at, f"unexpected character {text[at]!r}{_way_out(text[at])}")
        tokens.append((str(match.lastgroup), match[str(match.lastgroup)], at))
        at = end - len(text[match.end() : end].lstrip(_SPACE))
    return [*tokens, ("end", "", end)]


def _way_out(sign: str) -> str:
    """Return a hint what to write instead of a look-alike such as a typographic minus; empty for other characters."""
    category = unicodedata.category(sign)
    if category == "Zs":
        return " (write a plain blank)"
    plain = "-" if category == "Pd" else _LOOK_ALIKES.get(sign) or unicodedata.normalize("NFKC", sign)
    is_ours = plain.isascii() and _TOKEN.match(plain) is not None
    return f" (write {plain})" if is_ours else ""


def _sum(reader: _Reader) -> int:
    reader.depth += 1
    if reader.depth > MAX_DEPTH:
        raise reader.fail(f"at most {MAX_DEPTH} nested brackets and signs expected, got more")
    left = _product(reader)
    while symbol := reader.accept("+", "-"):
        right = _product(reader)
        left = reader.node("add", left, right if symbol == "+" else reader.node("neg", right))
    reader.depth -= 1
    return left


def _product(reader: _Reader) -> int:
    left = _signed(reader)
    while symbol := reader.accept("*", "/"):
        right = _signed(reader)
        if symbol == "/":
            right = reader.node("reciprocal", _without_smoothing(reader, right))
            left = right if reader.nodes[left][0] == "1" else reader.node("mul", left, right)
        else:
            left = reader.node("mul", left, right)
    return left


def _signed(reader: _Reader) -> int:
    signs = 0
    while reader.accept("-"):
        signs += 1
    if signs + reader.depth > MAX_DEPTH:
        raise reader.fail(f"at most {MAX_DEPTH} nested brackets and signs expected, got more")
    node = _power(reader)
    for _ in range(signs):
        node = reader.node("neg", node)
    return node


def _power(reader: _Reader) -> int:
    node = _atom(reader)
    while reader.accept("^", "**"):
        if reader.tokens[reader.at][1] != "2":
            raise reader.fail("the only power is 2, write x*x^2 for a third")
        reader.at += 1
        node = reader.node("square", node)
    return node


def _atom(reader: _Reader) -> int:
    kind, text, _ = reader.tokens[reader.at]
    if reader.accept("("):
        node = _sum(reader)
        reader.expect(")")
        return node
    if kind == "number":
        if text != "1":
            raise reader.fail(f"the only constant is 1, got {reader.got()}; write 1 + 1 for two")
        reader.at += 1
        return reader.node("1")
    if kind == "name":
        if text in OPERATORS:
            return _call(reader, text)
        if text not in reader.names:
            inputs = KNOWN_INPUTS if reader.names is LOSS_NAMES else (*reader.names, "1")
            raise reader.fail(f"unknown name {reader.got()}, expected one of {', '.join((*inputs, *OPERATORS))}")
        reader.at += 1
        return reader.node(reader.names[text])
    raise reader.fail(f"expected a variable, 1, a bracket or an operator's name, got {reader.got()}")


def _call(reader: _Reader, name: str) -> int:
    start, arity = reader.at, OPERATORS[name].arity
    reader.at += 1
    reader.expect("(")
    operands = [_sum(reader)]
    while reader.accept(","):
        operands.append(_sum(reader))
    reader.expect(")")
    if len(operands) != arity:
        reader.at = start
        raise reader.fail(f"{name} takes {counted(arity, 'operand')}, got {len(operands)}")
    if OPERATORS[name].smoothed:
        operands = [_without_smoothing(reader, operands[0])]
    return reader.node(name, *operands)


def _without_smoothing(reader: _Reader, node: int) -> int:
    """Return the expression without one `eps` term of its sum, if it has one.

    The two terms of a sum are searched before the terms of these, left before right. Without recursion, since a sum may
    be 400 deep.
    """
    # A sum yet to be searched, and its path to the root: (the other operand, whether that is the left one, next step).
    pending: list[tuple[int, _Way]] = [(node, None)]
    while pending:
        here, way = pending.pop()
        operator, children = reader.nodes[here]
        if operator != "add":
            continue
        left, right = children
        if EPSILON in (reader.nodes[left][0], reader.nodes[right][0]):
            return _rebuilt(reader, left if reader.nodes[right][0] == EPSILON else right, way)
        pending += [(right, (left, True, way)), (left, (right, False, way))]
    return node


def _rebuilt(reader: _Reader, rest: int, way: _Way) -> int:
    """Rebuild the sums along a path to the root, with `rest` in place of the expression where the path begins."""
    while way is not None:
        other, other_is_left, way = way
        rest = reader.node("add", *((other, rest) if other_is_left else (rest, other)))
    return rest


def _lines(nodes: list[tuple[str, tuple[int, ...]]], root: int) -> tuple[tuple[str, ...], tuple[Line, ...]]:
    """Return inputs and lines for the expression `root`; the operands of an expression have smaller numbers than it."""
    needed = {root}
    for number in range(root, -1, -1):
        if number in needed:
            needed.update(nodes[number][1])
    uses_epsilon = any(nodes[n][0] == EPSILON for n in needed)
    inputs = KNOWN_INPUTS if uses_epsilon else INPUTS
    slot_of: dict[int, int] = {}
    lines: list[Line] = []
    for number in sorted(needed):
        operator, children = nodes[number]
        if operator in inputs:
            slot_of[number] = inputs.index(operator)
        else:
            slot_of[number] = len(inputs) + len(lines)
            lines.append(Line(operator, tuple(slot_of[c] for c in children)))
    if slot_of[root] < len(inputs):
        lines.append(Line("identity", (slot_of[root],)))
    return inputs, tuple(lines)
