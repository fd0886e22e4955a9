"""Handcrafted losses and the paper's found ones (Table 4), by name. Usable wherever a formula is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, relu

from core.loss import Loss, ProgramLoss
from core.program import LossProgram
from core.space import HANDCRAFTED_SPACE, OperatorSpace
from core.tape import Tape


@dataclass(frozen=True)
class ClosedForm(Loss):
    """A loss with a closed form in the logit, exact where the sigmoid saturates."""

    name: str
    value_of: Callable[[Tensor, Tensor], Tensor]
    slope_of: Callable[[Tensor, Tensor], Tensor]
    compiled: str | None = None
    """Its name among `core.tape.CLOSED_FORMS`, where compiled code knows it too."""

    @property
    def tape(self) -> Tape | None:
        """See Loss."""
        return None if self.compiled is None else Tape.closed_form(self.compiled)

    def value(self, logit: Tensor, y: Tensor) -> Tensor:
        """See Loss."""
        return self.value_of(logit, y)

    def slope(self, logit: Tensor, y: Tensor) -> Tensor:
        """See Loss."""
        return self.slope_of(logit, y)


def _mse(logit: Tensor, y: Tensor) -> Tensor:
    return (torch.sigmoid(logit) - y).square()


def _mse_slope(logit: Tensor, y: Tensor) -> Tensor:
    y_hat = torch.sigmoid(logit)
    return 2 * (y_hat - y) * y_hat * (1 - y_hat)


def _bce(logit: Tensor, y: Tensor) -> Tensor:
    return -(y * logsigmoid(logit) + (1 - y) * logsigmoid(-logit))


def _bce_slope(logit: Tensor, y: Tensor) -> Tensor:
    return torch.sigmoid(logit) - y


def _hinge(logit: Tensor, y: Tensor) -> Tensor:
    return y * relu(1 - logit) + (1 - y) * logit


def _hinge_slope(logit: Tensor, y: Tensor) -> Tensor:
    return 1 - y - y * (logit < 1).to(logit.dtype)


def _focal(logit: Tensor, y: Tensor) -> Tensor:
    towards = (2 * y - 1) * logit  # log p of the true class is logsigmoid of this
    return -torch.sigmoid(-towards).square() * logsigmoid(towards)


def _focal_slope(logit: Tensor, y: Tensor) -> Tensor:
    side = 2 * y - 1
    wrong, log_right = torch.sigmoid(-side * logit), logsigmoid(side * logit)
    return side * wrong.square() * (2 * (1 - wrong) * log_right - wrong)


@dataclass(frozen=True)
class NamedLoss:
    """A row of the table of named losses."""

    name: str
    source: str
    """Where it comes from, and what to know about it."""
    closed_form: ClosedForm | None = None
    formula: str | None = None
    """For losses made of the operators: Table 4, with `eps` the smoothing term."""
    epsilon: float | None = None
    """The smoothing term that does best on the ML-100K validation set (MF, published decay)."""


def _closed(name: str, source: str, value: Callable[..., Tensor], slope: Callable[..., Tensor]) -> NamedLoss:
    return NamedLoss(name, source, closed_form=ClosedForm(name, value, slope, name))


_ROWS = (
    _closed("MSE", "mean squared error of y_hat", _mse, _mse_slope),
    _closed("BCE", "binary cross entropy", _bce, _bce_slope),
    _closed("hinge", "as in the published code: margin 1 on the logit for y = 1, none for y = 0", _hinge, _hinge_slope),
    _closed("focal", "Lin et al., ICCV 2017, gamma 2, no class weight", _focal, _focal_slope),
    NamedLoss(
        "MaxR", "max of ratios, Table 4", formula="max((y_hat + eps)/(y + eps), (y + eps)/(y_hat + eps))", epsilon=0.1
    ),
    NamedLoss("SumR", "sum of reciprocals, Table 4", formula="(y_hat + y + eps)/(y_hat*y + eps)", epsilon=0.1),
    NamedLoss(
        "LogMin",
        "log min based, Table 4",
        formula="(log(1 + eps) - log(min(y_hat, y) + eps))*(y_hat + y + min(y_hat, y))",
        epsilon=1e-6,
    ),
)

#: name -> named loss, in the order of the paper's tables.
NAMED_LOSSES: Mapping[str, NamedLoss] = MappingProxyType({row.name: row for row in _ROWS})

_BY_LOWER_NAME = {name.lower(): row for name, row in NAMED_LOSSES.items()}


def find_named_loss(text: str) -> NamedLoss | None:
    """The named loss that the text names, in any case of letters."""
    return _BY_LOWER_NAME.get(text.strip().lower())


def make_loss(text: str, space: OperatorSpace, epsilon: float | None = None) -> Loss:
    """The loss that a name or a formula stands for.

    Args:
        text: a name of NAMED_LOSSES in any case, or a formula.
        space: how the operators of a formula behave (named losses run unclamped).
        epsilon: the smoothing term; without one, a named loss's own or the space's xi.

    Raises:
        FormulaError: neither a name nor a formula.
    """
    named = find_named_loss(text)
    if named is None:
        return ProgramLoss(LossProgram.parse(text), space, epsilon)
    if named.closed_form is not None:
        return named.closed_form
    assert named.formula is not None
    smoothing = named.epsilon if epsilon is None else epsilon
    return ProgramLoss(LossProgram.parse(named.formula), HANDCRAFTED_SPACE, smoothing)
