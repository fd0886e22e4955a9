"""Losses as numbers to be drawn."""

import numpy as np
import pytest

from core.analysis.curves import LABELS, Y_HAT, shape_of
from core.losses.closed_forms import BCE, MSE
from core.losses.loss import ProgramLoss
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from studies.reporting.axes import number
from studies.study.history import thinned


@pytest.mark.parametrize("loss", [MSE, BCE, ProgramLoss(LossProgram.parse("log(y_hat + y)^2"), OperatorSpace())])
def test_gradients_are_those_of_the_value(loss):
    shape = shape_of("loss", loss)
    value, by_prediction, by_logit = shape.heights
    gradient = np.gradient(value, Y_HAT, axis=1, edge_order=2)
    inside = slice(20, -20)
    assert np.allclose(gradient[:, inside], by_prediction[:, inside], rtol=0.02, atol=1e-3)
    assert np.allclose(by_logit, by_prediction * Y_HAT * (1 - Y_HAT))


def test_the_closed_forms_are_what_everybody_knows():
    y = np.array(LABELS)[:, None]
    assert np.allclose(shape_of("BCE", BCE).heights[2], Y_HAT - y)
    assert np.allclose(shape_of("MSE", MSE).heights[1], 2 * (Y_HAT - y))


def test_the_lowest_point_is_zero_and_infinities_are_missing():
    assert (shape_of("BCE", BCE).heights[0].min(axis=1) == 0).all()
    steep = ProgramLoss(LossProgram.parse("1/(1/(1/(y_hat*y)^2)^2)^2*y"), OperatorSpace(clamp="none", xi=1e-12))
    assert not np.isinf(shape_of("steep", steep).heights).any()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.5, "0.5"), (-200, "-200"), (1e-6, "10⁻⁶"), (1e5, "10⁵"), (-1e5, "-10⁵"), (2.5e-5, "2.5·10⁻⁵")],
)
def test_numbers_are_written_as_a_person_would(value, text):
    assert number(value) == text


@pytest.mark.parametrize("n", [0, 1, 5, 6, 1000])
def test_thinned_entries_keep_both_ends(n):
    some = thinned(list(range(n)), 5)
    assert len(some) == min(n, 5)
    assert some[:1] == list(range(n))[:1]
    assert some[-1:] == list(range(n))[-1:]
