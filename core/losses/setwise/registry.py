"""The registry of losses of sets. To add one: a frozen dataclass of SetLoss in a file here, and a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import ClassVar

from core.common.errors import unknown_name
from core.common.specification import Specification, read_settings
from core.losses.setwise.constants import constant_as_text
from core.losses.setwise.margins import CCL, MML, Contrastive
from core.losses.setwise.pairwise import BPR, PairwiseHinge, Triplet
from core.losses.setwise.pointwise import GBCE, MSE, SigmoidCE
from core.losses.setwise.set_loss import SetLoss
from core.losses.setwise.softmax import BSL, SL, BSLBenchmark, BSLPaper, InfoNCE
from core.losses.setwise.surrogates import PSL, SLAtK

_ROWS: tuple[type[SetLoss], ...] = (
    *(MML, CCL, Contrastive, Triplet, InfoNCE, SL, BSL, BSLPaper, BSLBenchmark),
    *(BPR, PairwiseHinge, MSE, SigmoidCE, PSL, SLAtK, GBCE),
)

#: name -> class, in the order of the equations of the MML paper, then its other baselines, then later losses.
SET_LOSSES: Mapping[str, type[SetLoss]] = MappingProxyType({row.name: row for row in _ROWS})
#: other name -> name.
ALIASES: Mapping[str, str] = MappingProxyType({"SCE": "InfoNCE"})

_BY_LOWER_NAME = {row.name.lower(): row for row in _ROWS} | {
    alias.lower(): SET_LOSSES[name] for alias, name in ALIASES.items()
}


@dataclass(frozen=True)
class SetLossSpec(Specification):
    """See Specification."""

    kind: ClassVar[str] = "loss"
    example: ClassVar[str] = "MML"
    signs: ClassVar[str] = "._-+,@"


def parse_set_loss(text: str) -> SetLoss:
    """Return the loss that a line such as `BSL:temperature=.08:exponent=1.22` names, in any case of letters.

    Raises:
        UserError: an unknown name or constant, or a value of the wrong type or out of range.
    """
    spec = SetLossSpec.parse(text.lower())
    row = _BY_LOWER_NAME.get(spec.name)
    if row is None:
        raise unknown_name("loss", spec.name, [*SET_LOSSES, *ALIASES])
    loss: SetLoss = read_settings(SetLossSpec(row.name, spec.settings), row)
    return loss


def set_loss_table() -> str:
    """Return all losses as a table in Markdown: name, formula, scores, constants with defaults, source, code."""
    head = ("loss", "formula", "scores", "constants", "source", "published code")
    lines = [head, ("---",) * len(head), *(_cells(row) for row in SET_LOSSES.values())]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _cells(row: type[SetLoss]) -> tuple[str, ...]:
    constants = [f"{one.name}={constant_as_text(one.default)}" for one in fields(row)]
    needs = [f"{name} from the trainer" for name in row.needs]
    other = [f"also {alias}" for alias, name in ALIASES.items() if name == row.name]
    name = ", ".join([f"`{row.name}`", *other])
    settings = ", ".join([*(f"`{one}`" for one in constants), *needs])
    return name, f"`{row.formula}`", row.scores, settings, row.source, row.published
