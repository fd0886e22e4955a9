"""What the paper says can be expressed: Figure 2 (MSE) and BCE; and what its clamp, to the letter, makes of them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.programs.compile import compile_loss
from core.programs.line import Line
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from tests.core.oracles import SPECIAL_Y, SPECIAL_Y_HAT, prediction_gradient, run_raw
from tests.strategies import law, programs, space_of

FIGURE_2 = LossProgram((Line("neg", (1,)), Line("add", (0, 3)), Line("square", (4,))))
BCE = LossProgram.parse("-log(1 + min(y - y_hat, -(y - y_hat)))")
SIGNED, PAPER = OperatorSpace(), OperatorSpace(clamp="paper")
BAND = 1e-3  # the square of a smaller difference is below xi = 1e-6

GRID = torch.linspace(0.0005, 0.9995, 1000, dtype=torch.float64)
Y_HAT = torch.cat([GRID, GRID])
Y = torch.cat([torch.zeros(1000), torch.ones(1000)]).double()


def value_and_prediction_gradient(program, space, y_hat=Y_HAT, y=Y):
    function = compile_loss(program, space)
    return function(y_hat, y), prediction_gradient(function, y_hat, y)


def test_figure_2_is_the_squared_error_under_the_signed_clamp():
    value, gradients = value_and_prediction_gradient(FIGURE_2, SIGNED)
    torch.testing.assert_close(value, (Y_HAT - Y) ** 2, rtol=0, atol=3 * SIGNED.xi)
    outside = (Y_HAT - Y).abs() > BAND
    torch.testing.assert_close(gradients[outside], 2 * (Y_HAT - Y)[outside], rtol=0, atol=3 * SIGNED.xi)
    assert 1990 < int(outside.sum()) < 2000


def test_the_gradient_of_figure_2_is_exact_where_the_label_is_not_clamped():
    _, gradients = value_and_prediction_gradient(FIGURE_2, SIGNED)
    exact = (Y == 1) & ((Y_HAT - Y).abs() > BAND)
    assert torch.equal(gradients[exact], 2 * (Y_HAT - Y)[exact])


def test_figure_2_has_no_gradient_within_the_band():
    near = torch.tensor([1 - 9e-4, 1.0, 1 + 9e-4], dtype=torch.float64)
    value, gradients = value_and_prediction_gradient(FIGURE_2, SIGNED, near, torch.ones_like(near))
    assert gradients.tolist() == [0.0] * 3
    assert value.tolist() == [SIGNED.xi] * 3


@law
@given(st.floats(0, 1), st.floats(1, 5))
def test_figure_2_is_the_squared_error_of_ratings_too(prediction, rating):
    y_hat, y = (torch.tensor([x], dtype=torch.float64) for x in (5 * prediction, rating))
    value, gradients = value_and_prediction_gradient(FIGURE_2, SIGNED, y_hat, y)
    assert value.item() == pytest.approx((y_hat - y).item() ** 2, abs=3 * SIGNED.xi)
    if (y_hat - y).abs().item() > 1.1 * BAND:
        assert gradients.item() == pytest.approx(2 * (y_hat - y).item(), abs=3 * SIGNED.xi)


def test_figure_2_is_written_as_the_squared_error():
    assert FIGURE_2.key == LossProgram.parse("(y_hat - y)^2").key


def test_the_gradient_of_bce_is_expressible_in_the_papers_space():
    assert BCE.complexity == len(BCE.lines) == SIGNED.n_lines == 7
    assert BCE in SIGNED
    assert SIGNED.decode(SIGNED.encode(BCE)[None]) == [BCE]


def test_bce_has_its_values_and_gradients_under_the_signed_clamp():
    inner = slice(9, 991)  # away from where eps = 1e-6 beside a tiny probability shows
    y_hat, y = torch.cat([GRID[inner]] * 2), torch.cat([torch.zeros(982), torch.ones(982)]).double()
    value, gradients = value_and_prediction_gradient(BCE, SIGNED, y_hat, y)
    expected = torch.where(y == 1, -1 / y_hat, 1 / (1 - y_hat))
    torch.testing.assert_close(gradients, expected, rtol=3e-4, atol=0)
    bce = torch.nn.functional.binary_cross_entropy(y_hat, y, reduction="none")
    torch.testing.assert_close(value, bce, rtol=3e-4, atol=3e-6)


POSITIVE = ("y_hat", "1", "y_hat*y_hat", "y_hat + y", "1/y_hat", "max(y_hat, y)", "log(1 + 1)", "(y_hat + 1)^2")


@pytest.mark.parametrize("text", POSITIVE)
def test_under_the_papers_clamp_the_negative_of_anything_positive_is_the_constant_xi(text):
    value, gradients = value_and_prediction_gradient(LossProgram.parse(f"-({text})"), PAPER)
    assert set(value.tolist()) == {PAPER.xi}
    assert set(gradients.tolist()) == {0.0}


@law
@given(programs(clamps=("paper",), max_lines=6), st.sampled_from((1e-6, 1e-3)))
def test_under_the_papers_clamp_the_negative_of_any_line_is_the_constant_xi(program, xi):
    last = len(program.inputs) + len(program.lines) - 1
    if program.canonical.lines[0].operator == "identity":  # an input: not negative either
        assert bool((run_raw(program, PAPER, SPECIAL_Y_HAT, SPECIAL_Y) >= 0).all())
    negative = LossProgram((*program.lines, Line("neg", (last,))), program.inputs)
    space = space_of(program.inputs, 7, "paper", xi)
    value, gradients = value_and_prediction_gradient(negative, space, SPECIAL_Y_HAT, SPECIAL_Y)
    assert set(value.tolist()) == {xi}
    assert set(gradients.tolist()) == {0.0}


def test_under_the_papers_clamp_figure_2_does_not_see_the_label():
    value, gradients = value_and_prediction_gradient(FIGURE_2, PAPER)
    torch.testing.assert_close(value, (Y_HAT + PAPER.xi) ** 2, rtol=1e-12, atol=PAPER.xi)
    assert torch.equal(gradients[:1000][3:], gradients[1000:][3:])
    torch.testing.assert_close(gradients[3:1000], 2 * (GRID[3:] + PAPER.xi), rtol=1e-12, atol=0)


def test_under_the_papers_clamp_bce_is_a_constant():
    value, gradients = value_and_prediction_gradient(BCE, PAPER)
    assert set(gradients.tolist()) == {0.0}
    assert np.ptp(value.numpy()) == 0
