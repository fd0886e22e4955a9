"""Losses that train alike: up to scale and constants, and nothing more."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.gradient_equivalence import (
    TOLERANCE,
    Equivalent,
    equivalent_loss,
    factor_between,
    gradient_on_grid,
    proportion,
)
from core.losses.closed_forms import BCE, FOCAL, HINGE, MSE
from core.losses.loss import Loss, ProgramLoss
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from recommenders.tasks.losses import NAMED_LOSSES, make_loss
from tests.strategies import law, losses

SIGNED, PAPER = OperatorSpace(), OperatorSpace(clamp="paper")
NAMED = {name: make_loss(name, SIGNED) for name in NAMED_LOSSES}
FACTORS = st.floats(1e-6, 1e6)


class Scaled(Loss):
    """A loss times a number, and a constant for each label."""

    def __init__(self, inner, factor, constants=(0.0, 0.0)):
        self.inner, self.factor, self.constants = inner, factor, constants

    def value(self, logit, y):
        constant = torch.where(y > 0.5, self.constants[1], self.constants[0])
        return self.factor * self.inner.value(logit, y) + constant

    def gradient(self, logit, y):
        return self.factor * self.inner.gradient(logit, y)


def formula(text, space=SIGNED, epsilon=None):
    return ProgramLoss(LossProgram.parse(text), space, epsilon)


@law
@given(losses(), FACTORS)
def test_scale_does_not_matter_and_is_told(loss, factor):
    own = factor_between(loss, loss)
    if own is not None:  # it has a gradient, and a finite one
        assert own == 1
        assert factor_between(Scaled(loss, factor), loss) == pytest.approx(factor)
        assert factor_between(loss, Scaled(loss, factor)) == pytest.approx(1 / factor)
        assert factor_between(Scaled(loss, -factor), loss) is None


@law
@given(losses(), losses())
def test_it_does_not_matter_who_is_first(one, other):
    there = factor_between(one, other)
    if there is not None:  # the other way round, a share of a gradient is one of the other's
        assert factor_between(other, one, 3 * TOLERANCE) == pytest.approx(1 / there, rel=3 * TOLERANCE)


@law
@given(losses(), st.floats(0.01, 0.5))
def test_what_bends_the_gradient_is_another_loss(loss, bend):
    own = gradient_on_grid(loss)
    if proportion(own, own) is not None:
        bent, there = own.copy(), np.abs(own) > 1e-9 * np.abs(own).max()  # below that it counts as zero
        bent[there] *= np.linspace(1, 1 + bend, there.sum())
        assert (proportion(bent, own) is None) == (there.sum() > 1)


@pytest.mark.parametrize(("one", "other"), list(combinations(NAMED, 2)))
def test_no_two_named_losses_are_equivalent(one, other):
    assert factor_between(NAMED[one], NAMED[other]) is None


@pytest.mark.parametrize(
    ("text", "name", "factor"),
    [
        ("(y_hat - y)^2", "MSE", 1),
        ("(y - y_hat)^2 + 1", "MSE", 1),
        ("(y - y_hat)^2 + log(1/(y))", "MSE", 1),
        ("(y - y_hat)^2 + (y - y_hat)^2", "MSE", 2),
        ("(y_hat + y_hat - (y + y))^2", "MSE", 4),
        ("-log(1 + min(y - y_hat, -(y - y_hat)))", "BCE", 1),
        ("(1 + max(y_hat - y, y - y_hat))^2", None, None),
        ("y_hat", None, None),
        ("1/(y)", None, None),  # no gradient at all
        ("-(y_hat - y)^2", None, None),  # away from the label
    ],
)
def test_formulas_whose_equivalence_is_known(text, name, factor):
    expected = None if name is None else Equivalent(name, pytest.approx(factor, rel=1e-3))
    assert equivalent_loss(formula(text), NAMED) == expected


@pytest.mark.parametrize("epsilon", [1e-6, 1e-3, 0.1])
@pytest.mark.parametrize("name", ["MaxR", "SumR", "LogMin"])
def test_found_losses_of_the_paper_by_smoothing_term(name, epsilon):
    known = {one: make_loss(one, SIGNED, epsilon) for one in NAMED_LOSSES}
    assert equivalent_loss(make_loss(name, SIGNED, epsilon), known) == Equivalent(name, 1)


def test_max_of_ratios_is_the_sum_of_reciprocals_but_for_the_weight_of_positives():
    """1/(p + eps)^2 and (1 + eps)/(p + eps)^2 for y = 1, both 1/eps for y = 0; of the two the closer one is named."""
    sum_r, max_r = (make_loss(name, SIGNED, 1e-6) for name in ("SumR", "MaxR"))
    assert factor_between(sum_r, max_r) == pytest.approx(1, abs=1e-5)
    assert factor_between(*(make_loss(name, SIGNED, 0.1) for name in ("SumR", "MaxR"))) is None
    assert equivalent_loss(sum_r, {"MaxR": max_r, "SumR": sum_r}) == Equivalent("SumR", 1)


def test_the_paper_clamp_cannot_make_the_squared_error():
    """Neg and differences below 0 become its bound, whatever the order."""
    for text in ("(y_hat - y)^2", "(y - y_hat)^2"):
        assert equivalent_loss(formula(text, PAPER), NAMED) is None


@pytest.mark.parametrize("form", [MSE, BCE, HINGE, FOCAL], ids=lambda form: form.name)
def test_closed_forms_are_seen_through_the_logit(form):
    assert equivalent_loss(Scaled(form, 3.0, (1.0, -2.0)), NAMED) == Equivalent(form.name, pytest.approx(3))


def test_numbers_that_are_not_finite_are_like_nothing():
    good, bad = np.ones(4), np.array([1.0, np.nan, 1.0, np.inf])
    assert proportion(good, bad) is proportion(bad, good) is proportion(bad, bad) is None
    assert proportion(np.zeros(4), np.zeros(4)) is None
    assert proportion(good, np.array([1.0, 1.0, 1.0, 0.0])) is None
    assert proportion(np.full(4, 1e300), np.full(4, 1e-300)) is None
