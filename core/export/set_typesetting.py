"""Typeset a set-wise loss as mathematics, in LaTeX or MathML: p is the positive score, n_j those of N negatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from core.programs.operators.writing import APPLY, COMMA, MINUS, NEGATIVE, PLUS, applied, bracketed, row
from core.programs.sets.expression import Expression
from core.programs.sets.formula import formula_of, short_divisor, subtracted


@dataclass(frozen=True)
class _Notation:
    """A markup language for mathematics: templates with the operands as {0} and {1}."""

    number: Callable[[str], str]
    inputs: Mapping[str, str]
    brackets: str
    sum: str
    difference: str
    negative: str
    product: str
    fraction: str
    operations: Mapping[str, str]
    """Of one operand."""


_LATEX = _Notation(
    number=str,
    inputs={"n": "n_j", "count": "N"},
    brackets=r"\left( {0} \right)",
    sum="{0} + {1}",
    difference="{0} - {1}",
    negative="-{0}",
    product=r"{0} \, {1}",
    fraction=r"\frac{{{0}}}{{{1}}}",
    operations={
        "mean": r"\frac{{1}}{{N}} \sum_j {0}",
        "sum": r"\sum_j {0}",
        "max": r"\max_j {0}",
        "log_mean_exp": r"\log \frac{{1}}{{N}} \sum_j \exp {0}",
        "log_sum_exp": r"\log \sum_j \exp {0}",
        "relu": r"\max \left( 0, {0} \right)",
        "square": r"{0}^2",
        "exp": r"\exp {0}",
        "log": r"\log {0}",
        "softplus": r"\log \left( 1 + \exp {0} \right)",
        "sigmoid": r"\sigma \left( {0} \right)",
        "tanh": r"\tanh {0}",
        "atan": r"\arctan {0}",
    },
)
_ONE, _ZERO = "<mn>1</mn>", "<mn>0</mn>"
_OVER_J = "<munder><mo>{}</mo><mi>j</mi></munder>"
_SUM = _OVER_J.format("&#x2211;")
_MEAN = f"<mfrac>{_ONE}<mi>N</mi></mfrac>{_SUM}"


def _called(name: str) -> str:
    return row(f"<mi>{name}</mi>", APPLY, "{0}")


_MATHML = _Notation(
    number=lambda text: f"<mn>{text}</mn>",
    inputs={"p": "<mi>p</mi>", "n": "<msub><mi>n</mi><mi>j</mi></msub>", "count": "<mi>N</mi>"},
    brackets=bracketed("{0}"),
    sum=row("{0}", PLUS, "{1}"),
    difference=row("{0}", MINUS, "{1}"),
    negative=row(NEGATIVE, "{0}"),
    product=row("{0}", "<mspace width='0.17em'/>", "{1}"),
    fraction="<mfrac>{0}{1}</mfrac>",
    operations={
        "mean": row(_MEAN, "{0}"),
        "sum": row(_SUM, "{0}"),
        "max": row(_OVER_J.format("max"), "{0}"),
        "log_mean_exp": row("<mi>log</mi>", APPLY, _MEAN, "<mi>exp</mi>", APPLY, "{0}"),
        "log_sum_exp": row("<mi>log</mi>", APPLY, _SUM, "<mi>exp</mi>", APPLY, "{0}"),
        "relu": applied("<mi>max</mi>", _ZERO, COMMA, "{0}"),
        "square": "<msup>{0}<mn>2</mn></msup>",
        "softplus": applied("<mi>log</mi>", _ONE, PLUS, "<mi>exp</mi>", APPLY, "{0}"),
        "sigmoid": applied("<mi>&#x3c3;</mi>", "{0}"),
        "exp": _called("exp"),
        "log": _called("log"),
        "tanh": _called("tanh"),
        "atan": _called("arctan"),
    },
)
#: Operations that bring brackets.
_BRACKETED = ("relu", "sigmoid")


def set_latex(loss: Expression) -> str:
    """Return a set-wise loss in LaTeX, for math mode.

    Args:
        loss: with numbers for all constants.
    """
    return _written(loss, _LATEX)


def set_mathml(loss: Expression) -> str:
    """Return the equation of a set-wise loss as a `math` element.

    Args:
        loss: with numbers for all constants.
    """
    equation = row("<mi>&#x2113;</mi>", "<mo>=</mo>", _written(loss, _MATHML))
    return f'<math display="block" alttext="{escape(formula_of(loss))}">{equation}</math>'


def _written(one: Expression, notation: _Notation) -> str:
    if not one.name:
        return _number(one.number, notation)
    if not one.operands:
        return notation.inputs.get(one.name, one.name)
    if one.name == "add":
        return _sum(one.operands[0], one.operands[1], notation)
    if one.name == "mul":
        left, right = sorted(one.operands, key=lambda each: bool(each.name))  # numbers first
        if (negated := _negated(one)) is not None:
            return notation.negative.format(_factor(negated, notation))
        divisor = None if left.name else short_divisor(left.number)
        if divisor is not None:
            return notation.fraction.format(_written(right, notation), _number(divisor, notation))
        return notation.product.format(_factor(left, notation), _factor(right, notation))
    if one.name == "div":
        return notation.fraction.format(*(_written(each, notation) for each in one.operands))
    (x,) = one.operands
    inner = _written(x, notation) if one.name in _BRACKETED else _in_brackets(x, notation)
    return notation.operations[one.name].format(inner)


def _sum(left: Expression, right: Expression, notation: _Notation) -> str:
    if _negated(left) is not None and _negated(right) is None:
        left, right = right, left
    if (taken := _negated(right)) is not None:
        return notation.difference.format(_written(left, notation), _factor(taken, notation))
    return notation.sum.format(_written(left, notation), _written(right, notation))


def _negated(one: Expression) -> Expression | None:
    """Return what stands behind the minus of an expression; None if it begins with none."""
    taken = subtracted(one)
    if taken is not None or one.name != "mul":
        return taken
    left, right = sorted(one.operands, key=lambda each: bool(each.name))
    is_negative = not left.name and left.number < 0
    return Expression("mul", (Expression("", number=-left.number), right)) if is_negative else None


def _number(value: float, notation: _Notation) -> str:
    text = notation.number(f"{abs(value):.6g}")
    return notation.negative.format(text) if value < 0 else text


def _factor(one: Expression, notation: _Notation) -> str:
    stands_apart = one.name in ("add", "mean", "sum") or _negated(one) is not None
    return _in_brackets(one, notation) if stands_apart else _written(one, notation)


def _in_brackets(one: Expression, notation: _Notation) -> str:
    text = _written(one, notation)
    return notation.brackets.format(text) if one.operands or one.number < 0 else text
