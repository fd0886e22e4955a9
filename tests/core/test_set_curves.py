"""Set-wise losses as curves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.set_curves import DRAWN_STAGES, D, P, set_curves
from core.losses.setwise.registry import parse_set_loss
from core.programs.sets.formula import parse_formula
from tests.core.setwise.test_shape_space import KNOWN
from tests.strategies import costly_law


@pytest.mark.parametrize("name", ["BPR", "SL", "BSL", "CCL", "InfoNCE", "PSL", "hinge", "MSE"])
def test_push_is_the_slope_of_the_value(name):
    curves = set_curves(parse_set_loss(name).expression)
    assert curves.value.shape == curves.push.shape == (len(DRAWN_STAGES), len(D))
    assert curves.pull.shape == (len(DRAWN_STAGES), len(P))
    slope = np.gradient(curves.value, D, axis=1)[:, 1:-1]
    push, near = curves.push[:, 1:-1], 0.06 * np.abs(curves.push).max()
    is_close = np.isclose(slope, push, atol=near)
    assert is_close.mean() > 0.98  # a hinge has no slope where it bends


def test_losses_of_known_form():
    curves = set_curves(parse_formula("mean(n) - p"))
    assert np.allclose(curves.push, 1 / 64)
    assert np.allclose(curves.pull, 1)
    curves = set_curves(parse_formula("mean(relu(n - 0.9)) + relu(0.5 - p)"))
    assert (curves.push[0] == 0).all()  # in half-trained models no negative of the curve passes the margin
    assert (curves.pull[:, P > 0.51] == 0).all()
    assert (curves.pull[:, P < 0.49] > 0).all()


@costly_law
@given(name=st.sampled_from(list(KNOWN)), factor=st.floats(1e-3, 1e3))
def test_a_loss_and_its_multiple_are_drawn_alike(name, factor):
    text, values = KNOWN[name]
    loss = parse_formula(text).bound(values)
    for one, other in zip(set_curves(loss), set_curves(factor * loss), strict=True):
        assert np.allclose(one, other, rtol=1e-6, atol=1e-9)
