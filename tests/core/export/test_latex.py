"""Losses as LaTeX."""

import pytest
from hypothesis import given
from matplotlib.mathtext import MathTextParser

from core.export.latex import latex
from core.losses.loss import ProgramLoss
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from recommenders.tasks.losses import NAMED_LOSSES, make_loss
from tests.strategies import costly_law, losses

PARSER = MathTextParser("path")
LEFT = r"\ell(\hat{y}, y) = "


def width(text):
    """Of what matplotlib makes of a line of mathematics; it raises where it cannot read it."""
    return PARSER.parse(f"${text}$").width


@costly_law
@given(losses())
def test_every_program_renders(loss):
    text = latex(loss)
    assert width(text) > 0
    assert "\n" not in text


@pytest.mark.parametrize("name", NAMED_LOSSES)
def test_known_losses_render(name):
    assert width(latex(make_loss(name, OperatorSpace()))) > 0


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("(y - y_hat)^2", r"\left(y - \hat{y}\right)^{2}"),
        ("-(-y_hat)", r"-\left(-\hat{y}\right)"),
        ("y*(y_hat + 1)", r"y \cdot \left(\hat{y} + 1\right)"),
        ("y_hat^2^2", r"\left(\hat{y}^{2}\right)^{2}"),
        ("log(y_hat)", r"\log\left(\hat{y} + \epsilon\right),\quad \epsilon = 10^{-6}"),
        ("log(-1)", r"-\log\left(\epsilon - \left(-1\right)\right),\quad \epsilon = 10^{-6}"),
        ("log(y - y_hat)", r"\log_{\pm}\left(y - \hat{y}\right),\quad \epsilon = 10^{-6}"),
        ("y/(y_hat)", r"\frac{y}{\hat{y} + \epsilon},\quad \epsilon = 10^{-6}"),
        ("1/(y - y_hat)", r"\frac{1}{y - \hat{y} \pm \epsilon},\quad \epsilon = 10^{-6}"),
        ("y*log(-y_hat - 1)", r"y \cdot \left(-\log\left(\epsilon - \left(-1 - \hat{y}\right)\right)\right)"),
        ("softplus(y_hat) - y", r"\operatorname{softplus}\left(\hat{y}\right) - y"),
        (
            "sigmoid(tanh(exp(1/(y))))",
            r"\sigma\left(\tanh\left(\exp\left(\frac{1}{y + \epsilon}\right)\right)\right),\quad",
        ),
        ("max(y_hat, 1)", r"\max\left(\hat{y}, 1\right)"),
    ],
)
def test_it_is_written_as_a_person_would(formula, expected):
    text = latex(ProgramLoss(LossProgram.parse(formula), OperatorSpace()))
    assert text.startswith(LEFT + expected)


def test_the_smoothing_term_is_told():
    loss = ProgramLoss(LossProgram.parse("log(y_hat)"), OperatorSpace(), 0.05)
    assert latex(loss).endswith(r"\epsilon = 0.05")
    assert latex(ProgramLoss(loss.program, loss.space, 2.5e-5)).endswith(r"\epsilon = 2.5 \cdot 10^{-5}")
