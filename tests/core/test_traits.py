"""Traits of losses: what they say of losses that everybody knows, and a tree that finds what decides."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.traits import TRAITS, grown, traits
from core.losses.closed_forms import BCE, FOCAL, MSE
from core.losses.loss import ProgramLoss
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace

PREDICTIONS = np.linspace(0.01, 0.99, 99)
NAMES = list(TRAITS)


def curves(loss):
    """Pull and push."""
    logit = torch.logit(torch.from_numpy(PREDICTIONS))
    labels = (torch.ones_like(logit), torch.zeros_like(logit))
    return [sign * loss.gradient(logit, label).numpy()[None] for sign, label in zip((-1, 1), labels, strict=True)]


def of(loss):
    """Traits by name."""
    return dict(zip(NAMES, traits(PREDICTIONS, *curves(loss))[0], strict=True))


@pytest.mark.parametrize("loss", [BCE, MSE, FOCAL])
def test_handcrafted_losses_are_symmetric_and_point_the_right_way(loss):
    known = of(loss)
    assert known["asymmetry"] == pytest.approx(0, abs=1e-6)
    assert known["imbalance"] == pytest.approx(0, abs=1e-6)
    assert known["backwards"] == 0


def test_bce_does_not_let_go_of_what_is_very_wrong_as_mse_does():
    assert of(BCE)["wrong"] == pytest.approx(np.log(0.94 / 0.5), abs=0.05)
    assert of(MSE)["wrong"] < of(BCE)["wrong"] - 1
    assert of(FOCAL)["right"] < of(BCE)["right"]
    assert of(BCE)["curvature"] == pytest.approx(0, abs=1e-6)
    assert of(MSE)["slope"] == pytest.approx(of(BCE)["slope"], abs=0.7)


def test_a_loss_of_one_label_has_nothing_in_common_with_itself():
    one_sided = of(ProgramLoss(LossProgram.parse("y*log(y_hat)"), OperatorSpace(), 1e-6))
    assert one_sided["asymmetry"] == pytest.approx(1, abs=1e-3)
    assert one_sided["imbalance"] > 5


def test_a_loss_that_points_away_is_backwards():
    pull, push = curves(BCE)
    assert traits(PREDICTIONS, -pull, push)[0, NAMES.index("backwards")] == pytest.approx(0.5)


GRADIENTS = st.lists(st.floats(-10, 10, width=32), min_size=99, max_size=99).map(lambda row: np.array(row)[None])


@given(GRADIENTS, GRADIENTS, st.floats(1e-3, 1e3))
def test_no_trait_depends_on_the_scale(pull, push, factor):
    one, other = traits(PREDICTIONS, pull, push), traits(PREDICTIONS, factor * pull, factor * push)
    assert np.isfinite(one).all()
    assert one == pytest.approx(other, rel=1e-4, abs=1e-4)


@given(GRADIENTS, GRADIENTS)
def test_labels_may_change_places(pull, push):
    one = traits(PREDICTIONS, pull, push)
    other = traits(PREDICTIONS, push[:, ::-1], pull[:, ::-1])
    assert one == pytest.approx(other, rel=1e-6, abs=1e-6)


def test_a_tree_finds_what_decides_and_where():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(600, 4))
    values = np.where(rows[:, 2] <= 0.3, 0.0, np.where(rows[:, 1] <= -0.5, 1.0, 2.0))
    tree = grown(rows, values, 2, 5)
    assert tree.question is not None
    assert tree.question[0] == 2
    assert tree.question[1] == pytest.approx(0.3, abs=0.05)
    assert np.abs(tree.prediction(rows) - values).max() < 1e-9
    lines = tree.lines(["a", "b", "c", "d"])
    assert lines[0].startswith("c <= 0.")
    assert sum("losses" in line for line in lines) == 3


@given(st.integers(0, 5), st.integers(1, 40), st.integers(0, 99))
def test_trees_are_as_deep_and_as_coarse_as_asked_for(depth, least, seed):
    rng = np.random.default_rng(seed)
    rows, values = rng.integers(4, size=(80, 3)).astype(float), rng.normal(size=80)
    tree = grown(rows, values, depth, least)
    assert tree.prediction(rows).mean() == pytest.approx(values.mean())
    sizes = leaves(tree)
    assert sum(sizes) == 80
    assert len(sizes) <= 2**depth
    assert min(sizes) >= least or sizes == [80]
    assert ((tree.prediction(rows) - values) ** 2).sum() <= ((values - values.mean()) ** 2).sum() + 1e-9


def leaves(tree):
    return [tree.n] if tree.branches is None else [n for branch in tree.branches for n in leaves(branch)]


def test_where_nothing_differs_nothing_is_asked():
    assert grown(np.zeros((50, 2)), np.arange(50.0), 3, 2).question is None
    assert grown(np.arange(50.0)[:, None], np.ones(50), 3, 2).question is None
