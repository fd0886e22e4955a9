r"""A loss as LaTeX: one line of mathematics, which KaTeX, MathJax and matplotlib read too.

Smoothing terms are written out. Where the operand of a smoothed operator may have either sign, `\log_\pm(x)` stands for
sign(x) log(|x| + eps), and the sign before eps in `1/(x \pm eps)` is that of x.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy

from core.export.statements import template_of
from core.export.symbolic import Y_HAT, Y, expression
from core.loss import Loss, ProgramLoss
from core.ranges import BoundedLine, bounded_lines

_INPUTS = {"y_hat": r"\hat{y}", "y": "y", "1": "1", "eps": r"\epsilon"}
#: Text and precedence: 1 sums, 2 products, 3 signs, 4 powers, 5 what has brackets of its own.
_Part = tuple[str, int]
_SIGNED = 3
_TEMPLATES: dict[str, _Part] = {
    "max": (r"\max\left({0}, {1}\right)", 5),
    "min": (r"\min\left({0}, {1}\right)", 5),
    "log": (r"\log_{{\pm}}\left({0}\right)", 5),
    "log+": (r"\log\left({0} + \epsilon\right)", 5),
    "reciprocal": (r"\frac{{1}}{{{0} \pm \epsilon}}", 5),
    "reciprocal+": (r"\frac{{1}}{{{0} + \epsilon}}", 5),
}


def latex(loss: Loss) -> str:
    r"""The equation `\ell(\hat{y}, y) = ...`, with the smoothing term if it occurs; clamps are not shown.

    Raises:
        UserError: a loss that is neither a program nor one of the closed forms.
    """
    right = latex_formula(loss)
    smoothing = rf",\quad \epsilon = {_number(loss.smoothing)}" if isinstance(loss, ProgramLoss) else ""
    return rf"\ell(\hat{{y}}, y) = {right}" + (smoothing if r"\epsilon" in right or r"\log_{\pm}" in right else "")


def latex_formula(loss: Loss) -> str:
    """The right side alone."""
    if not isinstance(loss, ProgramLoss):
        return _closed_form(loss)
    program = loss.program.canonical
    bounded = bounded_lines(loss)
    parts: list[_Part] = [(_INPUTS[name], 5) for name in program.inputs]
    for line in bounded:
        parts.append(_written(line, bounded, parts, len(program.inputs)))
    return parts[-1][0]


def _closed_form(loss: Loss) -> str:
    text: str = sympy.latex(expression(loss), symbol_names={Y_HAT: _INPUTS["y_hat"], Y: _INPUTS["y"]})
    return text


def _written(bounded: BoundedLine, lines: Sequence[BoundedLine], parts: Sequence[_Part], n: int) -> _Part:
    """Text and precedence of a line, given those of the slots before it."""

    def made_by(slot: int, *operators: str) -> bool:
        return slot >= n and template_of(lines[slot - n]) in operators

    name, operands = template_of(bounded), list(bounded.line.operands)
    texts = [parts[o] for o in operands]
    if name == "identity":
        return texts[0]
    if name == "add":
        operands.sort(key=lambda o: made_by(o, "neg"))
        if made_by(operands[1], "neg"):
            subtracted = parts[lines[operands[1] - n].line.operands[0]]
            return f"{_within(parts[operands[0]], 1)} - {_unsigned(subtracted, 2)}", 1
        return f"{_within(parts[operands[0]], 1)} + {_unsigned(parts[operands[1]], 1)}", 1
    if name == "mul":
        operands.sort(key=lambda o: made_by(o, "reciprocal", "reciprocal+"))
        if made_by(operands[1], "reciprocal", "reciprocal+") and parts[operands[0]][0] != "1":
            below = lines[operands[1] - n]
            divided = _smoothed(below, parts[below.line.operands[0]])
            return rf"\frac{{{parts[operands[0]][0]}}}{{{divided}}}", 5
        return rf"{_within(parts[operands[0]], 2)} \cdot {_unsigned(parts[operands[1]], 2)}", 2
    if name == "neg":
        return f"-{_unsigned(texts[0], 2)}", 3
    if name == "square":
        return f"{_within(texts[0], 5)}^{{2}}" if _is_name(texts[0]) else f"{_bracketed(texts[0])}^{{2}}", 4
    if name in ("log-", "reciprocal-"):
        inner = rf"\epsilon - {_unsigned(texts[0], 2)}"
        return (rf"-\log\left({inner}\right)" if name == "log-" else rf"-\frac{{1}}{{{inner}}}"), 3
    template, precedence = _TEMPLATES[name]
    return template.format(*(text for text, _ in texts)), precedence


def _smoothed(reciprocal: BoundedLine, operand: _Part) -> str:
    sign = "+" if template_of(reciprocal).endswith("+") else r"\pm"
    return rf"{operand[0]} {sign} \epsilon"


def _is_name(part: _Part) -> bool:
    return part[0] in _INPUTS.values()


def _within(part: _Part, lowest: int) -> str:
    return part[0] if part[1] >= lowest else _bracketed(part)


def _unsigned(part: _Part, lowest: int) -> str:
    """The same behind another sign, where one of its own needs brackets."""
    return _bracketed(part) if part[1] == _SIGNED else _within(part, lowest)


def _bracketed(part: _Part) -> str:
    return rf"\left({part[0]}\right)"


def _number(value: float) -> str:
    """As a person writes it: 0.1, or a power of ten."""
    text = f"{value:g}"
    if "e" not in text:
        return text
    digits, power = text.split("e")
    return rf"10^{{{int(power)}}}" if digits == "1" else rf"{digits} \cdot 10^{{{int(power)}}}"
