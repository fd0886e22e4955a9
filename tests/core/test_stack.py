from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.losses.loss import Loss, ProgramLoss
from core.losses.stack import StackedLosses
from core.programs.program import LossProgram
from core.programs.space import HANDCRAFTED_SPACE
from tests.core.oracles import Y, assert_gradients_agree, gradient_size
from tests.strategies import law, losses

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Logistic(Loss):
    """Binary cross entropy in closed form, times a weight."""

    weight: float = 1.0

    def value(self, logit, y):
        return self.weight * (torch.nn.functional.softplus(logit) - y * logit)

    def gradient(self, logit, y):
        return self.weight * (torch.sigmoid(logit) - y)


def stacked(batch, logit, y=Y):
    return StackedLosses(batch, device=CPU, dtype=logit.dtype).gradient(logit, y)


def logits(n, seed=0):
    return 3 * torch.randn(n, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@law
@given(st.lists(losses() | st.builds(Logistic, st.floats(-2, 2)), min_size=1, max_size=6), st.integers(0, 99))
def test_losses_of_any_kind_in_any_order_have_each_its_own_prediction_gradient(batch, seed):
    logit = logits(len(batch), seed)
    found = stacked(batch, logit)
    assert found.shape == logit.shape
    for k, loss in enumerate(batch):
        expected = loss.gradient(logit[k], Y)
        if isinstance(loss, ProgramLoss):
            y_hat = torch.sigmoid(logit[k])
            size = gradient_size(loss.program, loss.space, y_hat, Y, loss.epsilon) * y_hat * (1 - y_hat)
            assert_gradients_agree(found[k], expected, size)
        else:
            torch.testing.assert_close(found[k], expected, rtol=1e-14, atol=0)


SQUARED = ProgramLoss(LossProgram.parse("(y_hat - y)^2"), HANDCRAFTED_SPACE)
LABEL = ProgramLoss(LossProgram.parse("y"), HANDCRAFTED_SPACE)


@pytest.mark.parametrize(
    "batch",
    [
        [Logistic()],
        [SQUARED],
        [Logistic(2.0), SQUARED],
        [SQUARED, Logistic(2.0)],
        [SQUARED, Logistic(), LABEL, Logistic(-1.0)],
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_known_losses_have_their_gradients_in_place(batch, dtype):
    logit, y = logits(len(batch)).to(dtype), Y.to(dtype)
    y_hat = torch.sigmoid(logit)
    by_hand = {SQUARED: 2 * (y_hat - y) * y_hat * (1 - y_hat), LABEL: torch.zeros_like(logit)}
    expected = [by_hand[loss][k] if loss in by_hand else loss.weight * (y_hat[k] - y) for k, loss in enumerate(batch)]
    found = stacked(batch, logit, y)
    assert found.dtype == dtype
    torch.testing.assert_close(found, torch.stack(expected))


def test_the_logits_are_left_as_they_are():
    logit = logits(2)
    before = logit.clone()
    stacked([SQUARED, Logistic()], logit)
    assert torch.equal(logit, before)
