"""Handcrafted losses with a closed form in the logit, exact where the sigmoid saturates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, relu

from core.losses.loss import Loss, check_scale
from core.programs.encoded import EncodedProgram


@dataclass(frozen=True)
class ClosedForm(Loss):
    """A loss that is a function of the logit, times a scale.

    Raises:
        UserError: the scale is not a finite number above 0.
    """

    name: str
    value_of: Callable[[Tensor, Tensor], Tensor]
    """(logit [..., B], y [..., B]) -> loss [..., B]. Uses torch only, since exports copy its source."""
    gradient_of: Callable[[Tensor, Tensor], Tensor]
    """(logit [..., B], y [..., B]) -> d loss / d logit [..., B]."""
    symbolic: Callable[[Any, Any, Any], Any]
    """(the module sympy, y_hat, y) -> the loss as an expression."""
    compiled: str | None = None
    """Its name in `core.programs.encoded.CLOSED_FORMS`; None if compiled code does not have it."""
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Check the scale."""
        check_scale(self.scale)

    def scaled(self, factor: float) -> ClosedForm:
        """See Loss."""
        return self if factor == 1 else replace(self, scale=self.scale * factor)

    @property
    def encoded(self) -> EncodedProgram | None:
        """See Loss."""
        return None if self.compiled is None else EncodedProgram.closed_form(self.compiled, self.scale)

    def value(self, logit: Tensor, y: Tensor) -> Tensor:
        """See Loss."""
        value = self.value_of(logit, y)
        return value if self.scale == 1 else value * self.scale

    def gradient(self, logit: Tensor, y: Tensor) -> Tensor:
        """See Loss."""
        gradient = self.gradient_of(logit, y)
        return gradient if self.scale == 1 else gradient * self.scale


def mse(logit: Tensor, y: Tensor) -> Tensor:
    """Return the squared error of every example.

    Args:
        logit: [..., B]; the prediction is sigmoid(logit).
        y: labels [..., B].

    Returns:
        [..., B].
    """
    return (torch.sigmoid(logit) - y).square()


def _mse_gradient(logit: Tensor, y: Tensor) -> Tensor:
    y_hat = torch.sigmoid(logit)
    return 2 * (y_hat - y) * y_hat * (1 - y_hat)


def _mse_symbols(s: Any, y_hat: Any, y: Any) -> Any:
    return (y_hat - y) ** 2


def bce(logit: Tensor, y: Tensor) -> Tensor:
    """Return the binary cross entropy of every example.

    Args:
        logit: [..., B]; the prediction is sigmoid(logit).
        y: labels [..., B].

    Returns:
        [..., B].
    """
    return -(y * logsigmoid(logit) + (1 - y) * logsigmoid(-logit))


def _bce_gradient(logit: Tensor, y: Tensor) -> Tensor:
    return torch.sigmoid(logit) - y


def _bce_symbols(s: Any, y_hat: Any, y: Any) -> Any:
    return -(y * s.log(y_hat) + (1 - y) * s.log(1 - y_hat))


def hinge(logit: Tensor, y: Tensor) -> Tensor:
    """Return the hinge loss of every example, as in the published code: y = 0 has no margin.

    Args:
        logit: [..., B].
        y: labels [..., B]: for 1 the loss is max(0, 1 - logit), for 0 it is the logit.

    Returns:
        [..., B].
    """
    return y * relu(1 - logit) + (1 - y) * logit


def _hinge_gradient(logit: Tensor, y: Tensor) -> Tensor:
    return 1 - y - y * (logit < 1).to(logit.dtype)


def focal(logit: Tensor, y: Tensor) -> Tensor:
    """Return the focal loss of every example, with gamma 2 and no class weights.

    Args:
        logit: [..., B]; the prediction is sigmoid(logit).
        y: labels 0 or 1 [..., B].

    Returns:
        [..., B].
    """
    towards = (2 * y - 1) * logit  # log p of the true class is logsigmoid of this
    return -torch.sigmoid(-towards).square() * logsigmoid(towards)


def _focal_gradient(logit: Tensor, y: Tensor) -> Tensor:
    side = 2 * y - 1
    wrong, log_right = torch.sigmoid(-side * logit), logsigmoid(side * logit)
    return side * wrong.square() * (2 * (1 - wrong) * log_right - wrong)


def _hinge_symbols(s: Any, y_hat: Any, y: Any) -> Any:
    logit = s.log(y_hat / (1 - y_hat))
    return y * s.Max(0, 1 - logit) + (1 - y) * logit


def _focal_symbols(s: Any, y_hat: Any, y: Any) -> Any:
    """Return the focal loss; the probability of the true class is y_hat^y (1 - y_hat)^(1 - y)."""
    right = y_hat**y * (1 - y_hat) ** (1 - y)
    return -((1 - right) ** 2) * (y * s.log(y_hat) + (1 - y) * s.log(1 - y_hat))


MSE = ClosedForm("MSE", mse, _mse_gradient, _mse_symbols, "MSE")
BCE = ClosedForm("BCE", bce, _bce_gradient, _bce_symbols, "BCE")
HINGE = ClosedForm("hinge", hinge, _hinge_gradient, _hinge_symbols, "hinge")
FOCAL = ClosedForm("focal", focal, _focal_gradient, _focal_symbols, "focal")
