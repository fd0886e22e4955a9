r"""Export a loss as one line of LaTeX, which KaTeX, MathJax and matplotlib can also render.

Smoothing terms are written out. Where the operand of a smoothed operator may have either sign, `\log_\pm(x)` stands for
sign(x) log(|x| + eps), and the sign before eps in `1/(x \pm eps)` is that of x.
"""

from __future__ import annotations

from core.common.extras import needs
from core.export.typesetting import Notation, typeset
from core.losses.loss import Loss, ProgramLoss
from core.programs.operators import OPERATORS

_LATEX = Notation(
    of=lambda form: form.latex,
    inputs={"y_hat": r"\hat{y}", "y": "y", "1": "1", "eps": r"\epsilon", "scale": "c"},
    brackets=r"\left({0}\right)",
    difference="{0} - {1}",
    fraction=r"\frac{{{0}}}{{{1}}}",
    smoothed=r"{0} \pm \epsilon",
    smoothed_above_zero=r"{0} + \epsilon",
)


def latex(loss: Loss) -> str:
    r"""Return the equation `\ell(\hat{y}, y) = ...` of a loss, without clamps.

    The values of the smoothing term and of the scale c follow the equation if they occur in it.

    Raises:
        UserError: the loss is neither a program nor a closed form.
    """
    smoothing = ""
    if isinstance(loss, ProgramLoss) and loss.program.is_smoothed:
        smoothing = rf",\quad \epsilon = {_number(loss.smoothing)}"
    scale = "" if loss.scale == 1 else rf",\quad c = {_in_digits(repr(loss.scale))}"
    return rf"\ell(\hat{{y}}, y) = {latex_formula(loss)}{smoothing}{scale}"


def latex_formula(loss: Loss) -> str:
    """Return the right-hand side of the equation, see `latex`."""
    return typeset(loss, _LATEX) if isinstance(loss, ProgramLoss) else _closed_form(loss)


def _closed_form(loss: Loss) -> str:
    needs("LaTeX of a loss that is no program", "sympy")
    import sympy  # takes half a second to load, which programs do not need

    from core.export.symbolic import Y_HAT, Y, unscaled_expression

    names = {Y_HAT: _LATEX.inputs["y_hat"], Y: _LATEX.inputs["y"]}
    text: str = sympy.latex(unscaled_expression(loss), symbol_names=names)
    if loss.scale == 1:
        return text
    product = _LATEX.of(OPERATORS["mul"].forms[-1])
    return product.format(_LATEX.inputs["scale"], _LATEX.brackets.format(text))


def _number(value: float) -> str:
    """Return a number in LaTeX, such as 0.1 or a power of ten."""
    return _in_digits(f"{value:g}")


def _in_digits(text: str) -> str:
    if "e" not in text:
        return text
    digits, power = text.split("e")
    return rf"10^{{{int(power)}}}" if digits == "1" else rf"{digits} \cdot 10^{{{int(power)}}}"
