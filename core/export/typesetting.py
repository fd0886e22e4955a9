"""A program set as mathematics, in whichever notation the templates are of: LaTeX or MathML.

Smoothing terms are written out. Where the operand of a smoothed operator may have either sign, a log with the index ±
stands for sign(x) log(|x| + eps), and the sign before eps in `1/(x ± eps)` is that of x.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.analysis.ranges import BoundedLine, bounded_lines
from core.export.statements import template_of
from core.losses.loss import ProgramLoss

#: Text and precedence: 1 sums, 2 products, 3 signs, 4 powers, 5 what has brackets of its own.
_Part = tuple[str, int]
_SIGNED = 3
_BRACKETED_ITSELF = 5


@dataclass(frozen=True)
class Notation:
    """How mathematics is written: texts with the operands as {0} and {1}."""

    inputs: Mapping[str, str]
    """Of y_hat, y, 1, eps and scale."""
    templates: Mapping[str, str]
    """Of the operators and of what they make together: see `TEMPLATES`."""

    def __post_init__(self) -> None:
        """Nothing may be missing."""
        assert set(self.templates) == TEMPLATES

    def write(self, template: str, *operands: str) -> str:
        """One template with its operands."""
        return self.templates[template].format(*operands)


#: What every notation has a text for. `log+` and `log-` are for operands that keep to that side of zero, `smoothed` is
#: a denominator with its smoothing term.
TEMPLATES = frozenset({"add", "subtract", "mul", "over", "neg", "square", "max", "min", "brackets"}) | {
    *("smoothed", "smoothed+", "log", "log+", "log-", "reciprocal", "reciprocal+", "reciprocal-")
}


def typeset(loss: ProgramLoss, notation: Notation) -> str:
    """The canonical program in a notation, after the letter of its scale if that is not 1; clamps are not shown."""
    setter = _Setter(notation, bounded_lines(loss), loss.program.inputs)
    return setter.text(loss.scale != 1)


class _Setter:
    """Writes line after line, with no more brackets than needed."""

    def __init__(self, notation: Notation, lines: Sequence[BoundedLine], inputs: Sequence[str]) -> None:
        self._notation, self._lines, self._n = notation, lines, len(inputs)
        self._names = set(notation.inputs.values())
        self._parts: list[_Part] = [(notation.inputs[name], _BRACKETED_ITSELF) for name in inputs]

    def text(self, is_scaled: bool) -> str:
        for line in self._lines:
            self._parts.append(self._written(line))
        if not is_scaled:
            return self._parts[-1][0]
        return self._notation.write("mul", self._notation.inputs["scale"], self._unsigned(self._parts[-1], 2))

    def _written(self, bounded: BoundedLine) -> _Part:
        """Text and precedence of a line, given those of the slots before it."""
        name, operands = template_of(bounded), list(bounded.line.operands)
        texts = [self._parts[o] for o in operands]
        write = self._notation.write
        if name == "identity":
            return texts[0]
        if name == "add":
            return self._sum(operands)
        if name == "mul":
            return self._product(operands)
        if name == "neg":
            return write("neg", self._unsigned(texts[0], 2)), _SIGNED
        if name == "square":
            return write("square", texts[0][0] if texts[0][0] in self._names else self._bracketed(texts[0])), 4
        if name in ("log-", "reciprocal-"):
            return write(name, self._unsigned(texts[0], 2)), _SIGNED
        return write(name, *(text for text, _ in texts)), _BRACKETED_ITSELF

    def _sum(self, operands: list[int]) -> _Part:
        """A sum, or a difference where one operand is a negation."""
        operands.sort(key=lambda o: self._made_by(o, "neg"))
        first, second = (self._parts[o] for o in operands)
        if self._made_by(operands[1], "neg"):
            subtracted = self._parts[self._lines[operands[1] - self._n].line.operands[0]]
            return self._notation.write("subtract", self._within(first, 1), self._unsigned(subtracted, 2)), 1
        return self._notation.write("add", self._within(first, 1), self._unsigned(second, 1)), 1

    def _product(self, operands: list[int]) -> _Part:
        """A product, or a fraction where one operand is a reciprocal."""
        operands.sort(key=lambda o: self._made_by(o, "reciprocal", "reciprocal+"))
        first, second = (self._parts[o] for o in operands)
        if self._made_by(operands[1], "reciprocal", "reciprocal+") and first[0] != self._notation.inputs["1"]:
            reciprocal = self._lines[operands[1] - self._n]
            smoothed = "smoothed+" if template_of(reciprocal).endswith("+") else "smoothed"
            below = self._notation.write(smoothed, self._parts[reciprocal.line.operands[0]][0])
            return self._notation.write("over", first[0], below), _BRACKETED_ITSELF
        return self._notation.write("mul", self._within(first, 2), self._unsigned(second, 2)), 2

    def _made_by(self, slot: int, *operators: str) -> bool:
        return slot >= self._n and template_of(self._lines[slot - self._n]) in operators

    def _within(self, part: _Part, lowest: int) -> str:
        return part[0] if part[1] >= lowest else self._bracketed(part)

    def _unsigned(self, part: _Part, lowest: int) -> str:
        """The same behind another sign, where one of its own needs brackets."""
        return self._bracketed(part) if part[1] == _SIGNED else self._within(part, lowest)

    def _bracketed(self, part: _Part) -> str:
        return self._notation.write("brackets", part[0])
