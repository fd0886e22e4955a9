"""How exports write operators: as torch and sympy source, LaTeX and MathML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

#: An interval [low, high].
Range = tuple[float, float]

#: Precedences: an operand of lower precedence gets brackets.
SUM, PRODUCT, SIGN, POWER, CALL = range(1, 6)

MINUS, PLUS, COMMA = "<mo>&#x2212;</mo>", "<mo>+</mo>", "<mo>,</mo>"
NEGATIVE = '<mo form="prefix">&#x2212;</mo>'
MATHML_EPSILON = "<mi>ε</mi>"
APPLY = "<mo>&#x2061;</mo>"  # the invisible sign of function application


def row(*parts: str) -> str:
    """Return a MathML row of these parts."""
    return f"<mrow>{''.join(parts)}</mrow>"


def bracketed(*parts: str) -> str:
    """Return a MathML row of these parts in brackets."""
    return row('<mo class="bracket">(</mo>', *parts, '<mo class="bracket">)</mo>')


def applied(function: str, *parts: str) -> str:
    """Return a MathML function applied to operands in brackets.

    Args:
        function: such as <mi>log</mi>.
        parts: what stands between the brackets.
    """
    return row(function, APPLY, bracketed(*parts))


@dataclass(frozen=True)
class Form:
    """A way to write an operator, correct for operands within certain bounds."""

    torch: str
    """A torch expression with the operands as {0} and {1}. It may use `eps`, the smoothing term, and `sign`, see
    `core.programs.operators.sign`."""
    sympy: Callable[..., Any]
    """(s, epsilon, operands) -> expression; s has all names of sympy and of `core.export.symbols`."""
    latex: str
    """LaTeX with the operands as {0} and {1}; all other braces are doubled."""
    mathml: str
    """MathML with the operands as {0} and {1}."""
    precedence: int = CALL
    """Precedence of the LaTeX and MathML: up to POWER, operands get brackets where needed; at CALL, never."""
    fits: Callable[..., bool] = lambda *operands: True
    """(bounds of every operand) -> whether this form is correct for them."""


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
    r"""Return the form of an operator that is written as a function: its name with the operands in brackets.

    Args:
        name: of the operator.
        torch: see Form.
        sympy: see Form.
        arity: number of operands.
        latex: the name in LaTeX, such as \exp; by default the name in upright letters.
        mathml: the name in MathML, without tags; by default the name.
        fits: see Form.
    """
    escaped = name.replace("_", r"\_")
    start = rf"\operatorname{{{{{escaped}}}}}" if latex is None else latex
    operands = [f"{{{i}}}" for i in range(arity)]
    tex = rf"{start}\left({', '.join(operands)}\right)"
    return Form(torch, sympy, tex, applied(f"<mi>{mathml or name}</mi>", *_parted(operands)), CALL, fits)


def _parted(operands: Sequence[str]) -> list[str]:
    return [part for i, operand in enumerate(operands) for part in ([COMMA] if i else []) + [operand]]
