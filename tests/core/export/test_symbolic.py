"""Losses as expressions of sympy's."""

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given

from core.common.errors import UserError
from core.export import symbolic, symbols
from core.export.symbolic import expression, sympy_source
from core.programs.compile import prediction_gradient
from core.programs.space import OperatorSpace
from recommenders.tasks.losses import NAMED_LOSSES, make_loss
from tests.core.export.written import Y_HAT, Foreign, Y, imported
from tests.strategies import costly_law, losses

#: Beyond this, a grid point sits where float64 itself has lost the digits.
ROUNDING = {"rtol": 1e-12, "atol": 1e-12, "equal_nan": True}


def numbers(y_hat, y, *expressions):
    """Expressions as numbers on the grid."""
    function = sympy.lambdify([y_hat, y], expressions, "numpy", cse=True)
    with np.errstate(all="ignore"):
        return [np.broadcast_to(values, Y.shape) for values in function(Y_HAT.numpy(), Y.numpy())]


def both(loss):
    gradient = prediction_gradient(loss.function, Y_HAT, Y)
    return loss.function(Y_HAT, Y).numpy(), gradient.numpy()


@costly_law
@given(loss=losses(clamps=("signed", "paper")))
def test_value_and_gradient_are_those_of_the_loss(loss):
    made = expression(loss)
    value, gradient = numbers(symbolic.Y_HAT, symbolic.Y, made, sympy.diff(made, symbolic.Y_HAT))
    expected, expected_gradient = both(loss)
    assert np.allclose(value, expected, **ROUNDING)
    assert np.allclose(gradient, expected_gradient, **ROUNDING)


@costly_law
@given(loss=losses())
def test_the_file_makes_the_same_expression(loss, tmp_path_factory):
    exported = imported(sympy_source(loss, ["A loss."]), tmp_path_factory.mktemp("exported"))
    value, gradient = numbers(exported.y_hat, exported.y, exported.loss, exported.gradient)
    made = expression(loss)
    ours = numbers(symbolic.Y_HAT, symbolic.Y, made, sympy.diff(made, symbolic.Y_HAT))
    assert np.allclose(value, ours[0], **ROUNDING)
    assert np.allclose(gradient, ours[1], **ROUNDING)


@pytest.mark.parametrize("name", NAMED_LOSSES)
def test_known_losses(name, tmp_path):
    loss = make_loss(name, OperatorSpace())
    exported = imported(sympy_source(loss, ["A loss."]), tmp_path)
    logit, chain = Y_HAT.logit(), (Y_HAT * (1 - Y_HAT)).numpy()
    value, gradient = numbers(exported.y_hat, exported.y, exported.loss, exported.gradient)
    assert np.allclose(value, loss.value(logit, Y), rtol=1e-7)
    assert np.allclose(gradient * chain, loss.gradient(logit, Y), rtol=1e-6, atol=1e-12)


def test_numbers_can_be_put_in_one_by_one():
    made = expression(make_loss("log(y - y_hat) + 1/(y_hat - y)", OperatorSpace(xi=1e-3)))
    for y_hat, y in ((0.25, 1.0), (0.25, 0.0), (0.5, 0.5)):
        loss = make_loss("log(y - y_hat) + 1/(y_hat - y)", OperatorSpace(xi=1e-3))
        expected = loss.function(torch.tensor(y_hat).double(), torch.tensor(y).double()).item()
        assert float(made.subs({symbolic.Y_HAT: y_hat, symbolic.Y: y})) == pytest.approx(expected, rel=1e-12)


FUNCTIONS = [
    (symbols.signed_log, (0.1,)),
    (symbols.signed_reciprocal, (0.1,)),
    (symbols.inside, (0.5, 2.0)),
    (symbols.clamp_value, (0.5, 2.0)),
    (symbols.clamp_magnitude, (0.5, 2.0)),
]


@pytest.mark.parametrize(("function", "constants"), FUNCTIONS)
def test_functions_have_the_same_numbers_alone_and_in_arrays_and_the_right_gradients(function, constants):
    x, points = sympy.Symbol("x", real=True), np.array([-3.0, -0.75, -0.25, 0.0, 0.25, 0.75, 3.0])
    made = function(x, *constants)
    values, gradients = sympy.lambdify([x], [made, made.diff(x)], "numpy")(points)
    step, apart = 1e-6, points[points != 0]
    for point, value in zip(points, values, strict=True):
        assert float(made.subs(x, point)) == pytest.approx(value)
    ahead, behind = (sympy.lambdify([x], made, "numpy")(apart + side * step) for side in (1, -1))
    got = np.broadcast_to(gradients, points.shape)[points != 0]
    assert got == pytest.approx((ahead - behind) / (2 * step), rel=1e-5, abs=1e-6)


def test_another_kind_of_loss_is_refused():
    for export in (expression, lambda loss: sympy_source(loss, ["A loss."])):
        with pytest.raises(UserError, match="export: expected a program or a loss with a closed form, got Foreign"):
            export(Foreign())
