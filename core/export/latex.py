r"""A loss as LaTeX: one line of mathematics, which KaTeX, MathJax and matplotlib read too.

Smoothing terms are written out. Where the operand of a smoothed operator may have either sign, `\log_\pm(x)` stands for
sign(x) log(|x| + eps), and the sign before eps in `1/(x \pm eps)` is that of x.
"""

from __future__ import annotations

from core.common.extras import needs
from core.export.typesetting import Notation, typeset
from core.losses.loss import Loss, ProgramLoss

_LATEX = Notation(
    {"y_hat": r"\hat{y}", "y": "y", "1": "1", "eps": r"\epsilon", "scale": "c"},
    {
        "add": "{0} + {1}",
        "subtract": "{0} - {1}",
        "mul": r"{0} \cdot {1}",
        "over": r"\frac{{{0}}}{{{1}}}",
        "neg": "-{0}",
        "square": "{0}^{{2}}",
        "max": r"\max\left({0}, {1}\right)",
        "min": r"\min\left({0}, {1}\right)",
        "brackets": r"\left({0}\right)",
        "smoothed": r"{0} \pm \epsilon",
        "smoothed+": r"{0} + \epsilon",
        "log": r"\log_{{\pm}}\left({0}\right)",
        "log+": r"\log\left({0} + \epsilon\right)",
        "log-": r"-\log\left(\epsilon - {0}\right)",
        "reciprocal": r"\frac{{1}}{{{0} \pm \epsilon}}",
        "reciprocal+": r"\frac{{1}}{{{0} + \epsilon}}",
        "reciprocal-": r"-\frac{{1}}{{\epsilon - {0}}}",
    },
)


def latex(loss: Loss) -> str:
    r"""The equation `\ell(\hat{y}, y) = ...`, with smoothing term and scale c if they occur; clamps are not shown.

    Raises:
        UserError: a loss that is neither a program nor one of the closed forms.
    """
    right = latex_formula(loss)
    smoothing = rf",\quad \epsilon = {_number(loss.smoothing)}" if isinstance(loss, ProgramLoss) else ""
    scale = "" if loss.scale == 1 else rf",\quad c = {_in_digits(repr(loss.scale))}"
    smoothing = smoothing if r"\epsilon" in right or r"\log_{\pm}" in right else ""
    return rf"\ell(\hat{{y}}, y) = {right}{smoothing}{scale}"


def latex_formula(loss: Loss) -> str:
    """The right side alone."""
    return typeset(loss, _LATEX) if isinstance(loss, ProgramLoss) else _closed_form(loss)


def _closed_form(loss: Loss) -> str:
    needs("LaTeX of a loss that is no program", "sympy")
    import sympy  # takes half a second to load, which programs do not need

    from core.export.symbolic import Y_HAT, Y, unscaled_expression

    names = {Y_HAT: _LATEX.inputs["y_hat"], Y: _LATEX.inputs["y"]}
    text: str = sympy.latex(unscaled_expression(loss), symbol_names=names)
    if loss.scale == 1:
        return text
    return _LATEX.write("mul", _LATEX.inputs["scale"], _LATEX.write("brackets", text))


def _number(value: float) -> str:
    """As a person writes it: 0.1, or a power of ten."""
    return _in_digits(f"{value:g}")


def _in_digits(text: str) -> str:
    if "e" not in text:
        return text
    digits, power = text.split("e")
    return rf"10^{{{int(power)}}}" if digits == "1" else rf"{digits} \cdot 10^{{{int(power)}}}"
