"""The registry of named losses: handcrafted ones, and those that the paper found (Table 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.common.errors import UserError, unknown_name
from core.losses.closed_forms import BCE, FOCAL, HINGE, MSE, ClosedForm
from core.losses.loss import Loss, ProgramLoss
from core.losses.setwise.registry import ALIASES, RANKING_LOSSES, canonical_line
from core.programs.operators import OPERATORS
from core.programs.parsing import MAX_LENGTH, FormulaError
from core.programs.program import LossProgram
from core.programs.space import HANDCRAFTED_SPACE, OperatorSpace


@dataclass(frozen=True)
class NamedLoss:
    """A row of the table of named losses."""

    name: str
    source: str
    """Its origin, and notes about it."""
    closed_form: ClosedForm | None = None
    """The loss; None if it has a formula."""
    formula: str | None = None
    """The loss as a program, with the smoothing term `eps`; None if it has a closed form."""
    epsilon: float | None = None
    """The best smoothing term on the validation part of ML-100K (MF, published decay)."""


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
_OF_RANKINGS = {name.lower() for name in (*RANKING_LOSSES, *ALIASES)}
_BY_LOWER_NAME = {name.lower(): row for name, row in NAMED_LOSSES.items()}


def find_named_loss(text: str) -> NamedLoss | None:
    """Return the loss with this name, ignoring case; None if there is none."""
    return _BY_LOWER_NAME.get(text.strip().lower())


def ranking_line(text: str) -> str:
    """Return the one spelling of a loss of rankings, see `canonical_line`.

    Raises:
        UserError: there is no such loss; one of predictions is told to be one.
    """
    try:
        return canonical_line(text)
    except UserError:
        if not _is_of_predictions(text):
            raise
        raise UserError(
            f"loss {text}: it is one of predictions, not of rankings; the tasks classification and regression take it"
        ) from None


def _is_of_predictions(text: str) -> bool:
    if find_named_loss(text) is not None:
        return True
    try:
        LossProgram.parse(text)
    except FormulaError:
        return False
    return True


def make_loss(text: str, space: OperatorSpace, epsilon: float | None = None) -> Loss:
    """Return the loss of a name or a formula.

    Args:
        text: a key of NAMED_LOSSES in any case, or a formula.
        space: gives the clamp rule and xi for a formula; named losses run unclamped.
        epsilon: the smoothing term; None: that of the named loss, or the space's xi.

    Raises:
        UserError: the text is neither a name nor a formula.
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
    """Parse a formula; if it fails because of the name of a loss, or a misspelled one, the error says so."""
    try:
        return LossProgram.parse(text)
    except FormulaError as error:
        if text.partition(":")[0].strip().lower() in _OF_RANKINGS:
            raise UserError(
                f"loss {text}: it is one of rankings, not of predictions; the task ranking of studies.evaluate takes it"
            ) from None
        names = _NAME.findall(text[:MAX_LENGTH])
        within = next((name for name in names if find_named_loss(name) is not None), None)
        if within is not None:
            raise UserError(f"{error}; {within} is a named loss, which cannot be part of a formula") from None
        if names == [text.strip()] and names[0] not in OPERATORS:
            near = unknown_name("loss", names[0], [*NAMED_LOSSES, "y_hat", "y"])
            raise UserError(f"{near} Or give a formula such as (y_hat - y)^2.") from None
        raise
