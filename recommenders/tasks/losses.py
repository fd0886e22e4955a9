"""Handcrafted losses and the paper's found ones (Table 4), by name. Usable wherever a formula is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.common.errors import UserError, unknown_name
from core.losses.closed_forms import BCE, FOCAL, HINGE, MSE, ClosedForm
from core.losses.loss import Loss, ProgramLoss
from core.programs.operators import OPERATORS
from core.programs.parsing import MAX_LENGTH, FormulaError
from core.programs.program import LossProgram
from core.programs.space import HANDCRAFTED_SPACE, OperatorSpace


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


_ROWS = (
    NamedLoss("MSE", "mean squared error of y_hat", closed_form=MSE),
    NamedLoss("BCE", "binary cross entropy", closed_form=BCE),
    NamedLoss("hinge", "as in the published code: margin 1 on the logit for y = 1, none for y = 0", closed_form=HINGE),
    NamedLoss("focal", "Lin et al., ICCV 2017, gamma 2, no class weight", closed_form=FOCAL),
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

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
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
        UserError: neither a name nor a formula.
    """
    named = find_named_loss(text)
    if named is None:
        return ProgramLoss(_program(text), space, epsilon)
    if named.closed_form is not None:
        return named.closed_form
    assert named.formula is not None
    smoothing = named.epsilon if epsilon is None else epsilon
    return ProgramLoss(LossProgram.parse(named.formula), HANDCRAFTED_SPACE, smoothing)


def _program(text: str) -> LossProgram:
    """What a formula stands for; one that was meant to be a name, or has one in it, is told so."""
    try:
        return LossProgram.parse(text)
    except FormulaError as error:
        names = _NAME.findall(text[:MAX_LENGTH])
        within = next((name for name in names if find_named_loss(name) is not None), None)
        if within is not None:
            raise UserError(f"{error}; {within} is a known loss, and no part of a formula: give it alone") from None
        if names == [text.strip()] and names[0] not in OPERATORS:
            near = unknown_name("loss", names[0], [*NAMED_LOSSES, "y_hat", "y"])
            raise UserError(f"{near} A formula such as (y_hat - y)^2 will do as well.") from None
        raise
