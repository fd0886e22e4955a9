"""Simpler programs with the same gradient."""

import numpy as np
import pytest
import torch
from hypothesis import given

from core.analysis.simplify import simplified
from core.losses.loss import ProgramLoss
from core.losses.running import run_programs
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from tests.strategies import costly_law, law, losses

SPACE = OperatorSpace()


def loss_of(formula, **settings):
    return ProgramLoss(LossProgram.parse(formula), OperatorSpace(**settings))


def gradients(loss, program, seed):
    """On pairs that simplifying has not seen."""
    rng = np.random.default_rng(seed)
    y_hat = np.concatenate([rng.random(300), 10 ** -rng.uniform(0, 9, 100), 1 - 10 ** -rng.uniform(0, 9, 100)])
    pairs = torch.from_numpy(y_hat), torch.from_numpy(np.resize([0.0, 1.0, 0.3, 0.9], len(y_hat)))
    with np.errstate(all="ignore"):
        return run_programs([ProgramLoss(program, loss.space, loss.epsilon)], *pairs)[1][0]


@pytest.mark.parametrize(
    ("formula", "simple"),
    [
        ("1^2*log(y_hat + y/(y_hat))", "log(y_hat + y/(y_hat))"),
        ("max(y_hat, 1/(y)) + 1", "max(y_hat, 1/(y))"),
        ("-(-(y - y_hat))^2", "-(y - y_hat)^2"),
        ("(y - y_hat)^2 + y^2", "(y - y_hat)^2"),
        ("max(y_hat, y_hat + 1)", "y_hat"),
        ("-(-(1 + y_hat))", "y_hat"),
        ("(y - y_hat)^2", "(y - y_hat)^2"),
        ("y_hat", "y_hat"),
    ],
)
def test_what_changes_nothing_is_left_out(formula, simple):
    assert str(simplified(loss_of(formula))) == simple


def test_labels_in_between_count():
    """The square of a label is the label only if that is 0 or 1."""
    assert simplified(loss_of("y_hat*y^2")).complexity == 2


@law
@given(losses())
def test_the_gradient_is_the_same_and_it_is_never_longer(loss):
    simple = simplified(loss)
    assert simple.complexity <= loss.program.complexity
    before, after = gradients(loss, loss.program, 0), gradients(loss, simple, 0)
    if np.isfinite(before).all():
        # a band of the width of xi is where a clamp bites, and no grid meets it
        assert np.isclose(after, before, rtol=1e-8, atol=0).mean() > 0.99


@costly_law
@given(losses(clamps=("none",)))
def test_without_a_clamp_the_gradient_is_the_same_everywhere(loss):
    before, after = gradients(loss, loss.program, 1), gradients(loss, simplified(loss), 1)
    if np.isfinite(before).all():
        assert np.allclose(after, before, rtol=1e-8, atol=0)


@law
@given(losses())
def test_simplifying_twice_is_simplifying_once(loss):
    once = simplified(loss)
    assert simplified(ProgramLoss(once, loss.space, loss.epsilon)) == once


def test_a_long_formula_stays_as_it_is():
    formula = " + ".join(["log(y_hat)"] + [f"log(y{' + y' * i})" for i in range(1, 30)])
    loss = loss_of(formula)
    assert simplified(loss) == loss.program.canonical


def test_a_loss_that_is_not_finite_stays_as_it_is():
    loss = ProgramLoss(LossProgram.parse("((1/(y*y_hat))^2)^2*1"), OperatorSpace(clamp="none", xi=1e-90))
    assert simplified(loss) == loss.program.canonical
