"""Typeset a program as mathematics, in LaTeX or MathML.

Smoothing terms are written out. Where the operand of a smoothed operator may have either sign, a log with the index ±
stands for sign(x) log(|x| + eps), and the sign before eps in `1/(x ± eps)` is that of x.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.analysis.ranges import BoundedLine, bounded_lines
from core.losses.loss import ProgramLoss
from core.programs.operators import OPERATORS
from core.programs.operators.writing import CALL, POWER, PRODUCT, SIGN, SUM, Form

#: Text and precedence, see `core.programs.operators.writing`.
_Part = tuple[str, int]


@dataclass(frozen=True)
class Notation:
    """A markup language for mathematics: templates with the operands as {0} and {1}."""

    of: Callable[[Form], str]
    """Form of an operator -> its template."""
    inputs: Mapping[str, str]
    """The letters of y_hat, y, 1, eps and scale."""
    brackets: str
    difference: str
    """A sum whose second operand is a negation."""
    fraction: str
    """A product with a reciprocal."""
    smoothed: str
    """A denominator of either sign with the smoothing term."""
    smoothed_above_zero: str
    """A denominator that is never negative with the smoothing term."""


def typeset(loss: ProgramLoss, notation: Notation) -> str:
    """Return the canonical program of a loss in a notation, without clamps.

    Args:
        loss: the loss; a scale other than 1 is written as a letter.
        notation: LaTeX or MathML.
    """
    setter = _Setter(notation, bounded_lines(loss), loss.program.inputs)
    return setter.text(loss.scale != 1)


class _Setter:
    """Writes line after line, with no more brackets than needed."""

    def __init__(self, notation: Notation, lines: Sequence[BoundedLine], inputs: Sequence[str]) -> None:
        self._notation, self._lines, self._n = notation, lines, len(inputs)
        self._names = set(notation.inputs.values())
        self._parts: list[_Part] = [(notation.inputs[name], CALL) for name in inputs]

    def text(self, is_scaled: bool) -> str:
        for line in self._lines:
            self._parts.append(self._written(line))
        if not is_scaled:
            return self._parts[-1][0]
        product = self._notation.of(OPERATORS["mul"].forms[-1])
        return product.format(self._notation.inputs["scale"], self._unsigned(self._parts[-1], PRODUCT))

    def _written(self, bounded: BoundedLine) -> _Part:
        """Return text and precedence of a line, given those of the slots before it."""
        operator, operands = bounded.line
        if OPERATORS[operator].transparent:
            return self._parts[operands[0]]
        if operator == "add":
            operands = self._last(operands, "neg")
            if subtracted := self._made_by(operands[1], "neg"):
                below = self._unsigned(self._parts[subtracted.line.operands[0]], PRODUCT)
                return self._notation.difference.format(self._within(self._parts[operands[0]], SUM), below), SUM
        if operator == "mul":
            operands = self._last(operands, "reciprocal")
            above, divisor = self._parts[operands[0]][0], self._made_by(operands[1], "reciprocal")
            if divisor and above != self._notation.inputs["1"]:
                return self._notation.fraction.format(above, self._denominator(divisor)), CALL
        form = bounded.form
        texts = self._bracketed_operands([self._parts[o] for o in operands], form.precedence)
        return self._notation.of(form).format(*texts), form.precedence

    def _bracketed_operands(self, parts: Sequence[_Part], precedence: int) -> list[str]:
        """Return the texts of operands, in brackets where an operator of this precedence needs them."""
        if precedence == CALL:
            return [text for text, _ in parts]
        if precedence == POWER:
            return [part[0] if part[0] in self._names else self._bracketed(part) for part in parts]
        if precedence == SIGN:
            return [self._unsigned(part, PRODUCT) for part in parts]
        first, *others = parts
        return [self._within(first, precedence), *(self._unsigned(other, precedence) for other in others)]

    def _denominator(self, reciprocal: BoundedLine) -> str:
        above_zero = reciprocal.operands[0][0] >= 0
        template = self._notation.smoothed_above_zero if above_zero else self._notation.smoothed
        return template.format(self._parts[reciprocal.line.operands[0]][0])

    def _last(self, operands: Sequence[int], operator: str) -> tuple[int, ...]:
        """Return the operands, with results of the given operator last."""
        return tuple(sorted(operands, key=lambda o: self._made_by(o, operator) is not None))

    def _made_by(self, slot: int, operator: str) -> BoundedLine | None:
        """Return the line of a slot made by the operator; None for others, and if it is written with a minus."""
        line = self._lines[slot - self._n] if slot >= self._n else None
        is_wanted = line is not None and line.line.operator == operator
        return line if is_wanted and line and (operator == "neg" or line.form.precedence != SIGN) else None

    def _within(self, part: _Part, lowest: int) -> str:
        return part[0] if part[1] >= lowest else self._bracketed(part)

    def _unsigned(self, part: _Part, lowest: int) -> str:
        """Return the text as it stands after another sign, where a leading minus needs brackets."""
        return self._bracketed(part) if part[1] == SIGN else self._within(part, lowest)

    def _bracketed(self, part: _Part) -> str:
        return self._notation.brackets.format(part[0])
