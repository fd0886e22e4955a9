import dataclasses

import pytest
import torch
from hypothesis import given

from core.losses.loss import Loss, ProgramLoss
from core.programs.program import LossProgram
from core.programs.space import HANDCRAFTED_SPACE, OperatorSpace
from tests.core.oracles import Y_HAT, Y, assert_gradients_agree, gradient_size, prediction_gradient
from tests.strategies import law, losses

LOGIT = torch.logit(Y_HAT)
SATURATED = torch.tensor([-800.0, -50.0, -40.0, 0.0, 17.0, 40.0, 50.0, 800.0], dtype=torch.float64)


def made(text, space=HANDCRAFTED_SPACE, epsilon=None):
    return ProgramLoss(LossProgram.parse(text), space, epsilon)


@law
@given(losses())
def test_the_gradient_is_that_of_autograd_through_the_sigmoid(loss):
    for logit in (LOGIT, SATURATED):
        y_hat = torch.sigmoid(logit)
        size = gradient_size(loss.program, loss.space, y_hat, Y, loss.epsilon) * y_hat * (1 - y_hat)
        assert_gradients_agree(loss.gradient(logit, Y), prediction_gradient(loss.value, logit, Y), size)


@law
@given(losses())
def test_the_value_is_the_function_of_the_prediction(loss):
    assert torch.equal(loss.value(LOGIT, Y), loss.function(torch.sigmoid(LOGIT), Y))


@law
@given(losses())
def test_several_candidates_at_once_are_each_as_alone(loss):
    logit, y = torch.stack([LOGIT, LOGIT.flip(0)]).repeat(1, 4), Y.repeat(4)  # see core.common.padding
    assert torch.equal(loss.gradient(logit, y.expand(2, 32)), torch.stack([loss.gradient(row, y) for row in logit]))


@pytest.mark.parametrize("text", ["1", "y", "y + 1", "log(y)"])
@pytest.mark.parametrize("shape", [(8,), (3, 8)])
def test_where_the_prediction_does_not_occur_the_gradient_is_zero(text, shape):
    found = made(text).gradient(LOGIT.expand(shape), Y)
    assert torch.equal(found, torch.zeros(shape, dtype=torch.float64))


def test_the_gradient_of_the_lone_prediction_is_that_of_the_sigmoid():
    assert torch.equal(made("y_hat").gradient(LOGIT, Y), torch.sigmoid(LOGIT) * (1 - torch.sigmoid(LOGIT)))


@pytest.mark.parametrize("text", ["y_hat - y", "y"])
def test_no_gradient_flows_through_the_gradient_and_none_is_left_behind(text):
    logit = LOGIT.clone().requires_grad_()
    with torch.no_grad():
        inside = made(text).gradient(logit, Y)
    outside = made(text).gradient(logit, Y)
    assert torch.equal(inside, outside)
    assert not inside.requires_grad
    assert not outside.requires_grad
    assert logit.grad is None


def test_the_smoothing_term_is_the_spaces_unless_given():
    space = OperatorSpace(xi=0.25, clamp="none")
    assert (made("log(y)", space).smoothing, made("log(y)", space, 0.5).smoothing) == (0.25, 0.5)
    assert torch.equal(made("log(y_hat)", space).function(Y_HAT, Y), torch.log(Y_HAT + 0.25))
    assert torch.equal(made("log(y_hat)", space, 0.5).function(Y_HAT, Y), torch.log(Y_HAT + 0.5))


def test_a_program_loss_is_a_value():
    assert made("y_hat - y") == made("y_hat - y")
    assert len({made("y"), made("y"), made("y", epsilon=0.5)}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        made("y").epsilon = 1.0


def test_a_loss_has_a_value_and_a_prediction_gradient():
    with pytest.raises(TypeError, match="abstract"):
        Loss()
    assert Loss.__abstractmethods__ == {"value", "gradient"}
