"""A loss as a torch module."""

import pytest
import torch

from core.common.errors import UserError
from core.losses.closed_forms import BCE
from core.losses.loss import ProgramLoss
from core.losses.module import LossModule
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace

LOGIT, LABEL = torch.tensor([-2.0, 0.5, 3.0]), torch.tensor([0.0, 1.0, 1.0])
SQUARED = ProgramLoss(LossProgram.parse("(y - y_hat)^2"), OperatorSpace())


def test_predictions_may_be_probabilities_or_logits():
    probability = LossModule(SQUARED)(LOGIT.sigmoid(), LABEL)
    assert probability == LossModule(SQUARED, from_logits=True)(LOGIT, LABEL)
    assert probability == pytest.approx(torch.nn.functional.mse_loss(LOGIT.sigmoid(), LABEL).item())


def test_a_closed_form_is_torchs_own():
    expected = torch.nn.functional.binary_cross_entropy_with_logits(LOGIT, LABEL)
    assert torch.allclose(LossModule(BCE, from_logits=True)(LOGIT, LABEL), expected)
    assert torch.allclose(LossModule(BCE)(LOGIT.sigmoid(), LABEL), expected)


def test_certain_predictions_have_a_finite_loss():
    assert LossModule(BCE)(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 1.0])).isfinite()


def test_reductions():
    values = LossModule(SQUARED, "none")(LOGIT.sigmoid(), LABEL)
    assert values.shape == LABEL.shape
    assert torch.allclose(LossModule(SQUARED, "sum")(LOGIT.sigmoid(), LABEL), values.sum())


def test_half_precision_is_widened():
    assert LossModule(SQUARED)(LOGIT.sigmoid().half(), LABEL).dtype is torch.float32


def test_gradients_flow():
    logit = LOGIT.clone().requires_grad_()
    LossModule(SQUARED, from_logits=True)(logit, LABEL).backward()
    assert (logit.grad != 0).all()


def test_unknown_reductions_and_two_shapes_are_refused():
    with pytest.raises(UserError, match="reduction: expected mean, sum, none, got 'max'"):
        LossModule(SQUARED, "max")
    with pytest.raises(ValueError, match=r"expected predictions and labels of one shape, got \[3\] and \[1, 3\]"):
        LossModule(SQUARED)(LOGIT, LABEL[None])


def test_it_says_what_it_is():
    assert repr(LossModule(SQUARED)) == "LossModule((y - y_hat)^2, epsilon=1e-06, reduction=mean, from_logits=False)"
