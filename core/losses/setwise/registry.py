"""The registry of losses of rankings. To add one: a frozen dataclass of SetLoss or VectorLoss in a file here, a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import ClassVar

from core.common.errors import UserError, unknown_name
from core.common.specification import Specification, read_settings
from core.losses.setwise.constants import constant_as_text
from core.losses.setwise.formula import FormulaLoss
from core.losses.setwise.margins import CCL, MML, Contrastive
from core.losses.setwise.pairwise import BPR, PairwiseHinge, Triplet
from core.losses.setwise.pointwise import GBCE, MSE, SigmoidCE
from core.losses.setwise.ranking_loss import RankingLoss
from core.losses.setwise.set_loss import SetLoss
from core.losses.setwise.softmax import BSL, SL, BSLBenchmark, BSLPaper, InfoNCE
from core.losses.setwise.surrogates import PSL, SLAtK
from core.losses.setwise.uniformity import DirectAU
from core.losses.setwise.vector_loss import VectorLoss
from core.programs.sets.formula import is_formula

_ROWS: tuple[type[SetLoss], ...] = (
    *(MML, CCL, Contrastive, Triplet, InfoNCE, SL, BSL, BSLPaper, BSLBenchmark),
    *(BPR, PairwiseHinge, MSE, SigmoidCE, PSL, SLAtK, GBCE),
)

#: name -> class, in the order of the equations of the MML paper, then its other baselines, then later losses.
SET_LOSSES: Mapping[str, type[SetLoss]] = MappingProxyType({row.name: row for row in _ROWS})
#: name -> class, of losses of vectors.
VECTOR_LOSSES: Mapping[str, type[VectorLoss]] = MappingProxyType({DirectAU.name: DirectAU})
#: All of them.
RANKING_LOSSES: Mapping[str, type[RankingLoss]] = MappingProxyType({**SET_LOSSES, **VECTOR_LOSSES})
#: other name -> name.
ALIASES: Mapping[str, str] = MappingProxyType({"SCE": "InfoNCE"})

_BY_LOWER_NAME = {name.lower(): row for name, row in RANKING_LOSSES.items()} | {
    alias.lower(): RANKING_LOSSES[name] for alias, name in ALIASES.items()
}


@dataclass(frozen=True)
class SetLossSpec(Specification):
    """See Specification."""

    kind: ClassVar[str] = "loss"
    example: ClassVar[str] = "MML"
    signs: ClassVar[str] = "._-+,@"


def parse_ranking_loss(text: str) -> RankingLoss:
    """Return the loss that a line names, such as `BSL:exponent=1.22` in any case of letters, or that of a formula.

    Raises:
        UserError: an unknown name or constant, a value of the wrong type or out of range, or a malformed formula.
    """
    if is_formula(text):
        return FormulaLoss(text)
    spec = SetLossSpec.parse(text.lower())
    row = _BY_LOWER_NAME.get(spec.name)
    if row is None:
        raise unknown_name("loss", SetLossSpec.parse(text).name, [*RANKING_LOSSES, *ALIASES])
    loss: RankingLoss = read_settings(SetLossSpec(row.name, spec.settings), row)
    return loss


def constants_given(text: str) -> frozenset[str]:
    """Return the names of the constants that a line gives; in a formula, those without a number are open."""
    return frozenset() if is_formula(text) else frozenset(name for name, _ in SetLossSpec.parse(text.lower()).settings)


def canonical_line(text: str) -> str:
    """Return the one spelling of a line: its name as here, and the constants that it gives in their order, in full.

    Raises:
        UserError: see `parse_ranking_loss`.
    """
    if is_formula(text):
        return str(parse_ranking_loss(text))
    loss, given = parse_ranking_loss(text), dict(SetLossSpec.parse(text.lower()).settings)
    constants = [f"{one.name}={constant_as_text(getattr(loss, one.name))}" for one in fields(loss) if one.name in given]
    return ":".join([loss.name, *constants])


def parse_set_loss(text: str) -> SetLoss:
    """Return the loss of scores that a line names.

    Raises:
        UserError: see `parse_ranking_loss`; a loss of vectors.
    """
    loss = parse_ranking_loss(text)
    if not isinstance(loss, SetLoss):
        raise UserError(
            f"loss {loss.name}: expected a loss of scores such as {SetLossSpec.example}, got one of vectors"
        )
    return loss


def ranking_loss_table() -> str:
    """Return all losses as a table in Markdown: name, formula, scores, constants with defaults, source, code."""
    head = ("loss", "formula", "scores", "constants", "source", "published code")
    lines = [head, ("---",) * len(head), *(_cells(row) for row in RANKING_LOSSES.values())]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _cells(row: type[RankingLoss]) -> tuple[str, ...]:
    constants = [f"{one.name}={constant_as_text(one.default)}" for one in fields(row)]
    needs = [f"{name} from the trainer" for name in row.needs]
    other = [f"also {alias}" for alias, name in ALIASES.items() if name == row.name]
    name = ", ".join([f"`{row.name}`", *other])
    settings = ", ".join([*(f"`{one}`" for one in constants), *needs])
    return name, f"`{row.formula}`", row.scores, settings, row.source, row.published
