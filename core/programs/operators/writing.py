"""How operators are written: as torch and sympy source, LaTeX and MathML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

#: An interval [low, high].
Range = tuple[float, float]

#: Precedence: an operand of lower precedence gets brackets.
SUM, PRODUCT, SIGN, POWER, CALL = range(1, 6)

MINUS, PLUS, COMMA = "<mo>&#x2212;</mo>", "<mo>+</mo>", "<mo>,</mo>"
NEGATIVE = '<mo form="prefix">&#x2212;</mo>'
MATHML_EPSILON = "<mi>ε</mi>"
_APPLY = "<mo>&#x2061;</mo>"  # a function is applied: no sign of its own


def row(*parts: str) -> str:
    """Parts of MathML side by side."""
    return f"<mrow>{''.join(parts)}</mrow>"


def bracketed(*parts: str) -> str:
    """Parts of MathML in brackets."""
    return row('<mo class="bracket">(</mo>', *parts, '<mo class="bracket">)</mo>')


def applied(function: str, *parts: str) -> str:
    """A function of MathML, such as <mi>log</mi>, with its operands in brackets."""
    return row(function, _APPLY, bracketed(*parts))


@dataclass(frozen=True)
class Form:
    """How an operator is written where its operands stay within certain bounds."""

    torch: str
    """An expression with names of tensors as {0} and {1}. It may use `eps`, the smoothing term, and `sign`, see
    `core.programs.operators.sign`."""
    sympy: Callable[..., Any]
    """(s, epsilon, operands) -> the expression, where s has all of sympy's names and those of `core.export.symbols`."""
    latex: str
    """With the operands as {0} and {1}; other braces doubled."""
    mathml: str
    """With the operands as {0} and {1}."""
    precedence: int = CALL
    """Of the mathematics: from POWER down operands get brackets where they need them, at CALL never."""
    fits: Callable[..., bool] = lambda *operands: True
    """(bounds of every operand) -> whether this form means the operator."""


def function(
    name: str,
    torch: str,
    sympy: Callable[..., Any],
    *,
    arity: int = 1,
    latex: str | None = None,
    mathml: str | None = None,
    fits: Callable[..., bool] = lambda *operands: True,
) -> Form:
    r"""The form of an operator that is written as a function: its name with the operands in brackets.

    Args:
        name: the operator's.
        torch: see Form.
        sympy: see Form.
        arity: how many operands it has.
        latex: the name in LaTeX, such as \exp; upright letters unless given.
        mathml: the name in MathML, without tags.
        fits: see Form.
    """
    escaped = name.replace("_", r"\_")
    start = rf"\operatorname{{{{{escaped}}}}}" if latex is None else latex
    operands = [f"{{{i}}}" for i in range(arity)]
    tex = rf"{start}\left({', '.join(operands)}\right)"
    return Form(torch, sympy, tex, applied(f"<mi>{mathml or name}</mi>", *_parted(operands)), CALL, fits)


def _parted(operands: Sequence[str]) -> list[str]:
    return [part for i, operand in enumerate(operands) for part in ([COMMA] if i else []) + [operand]]
