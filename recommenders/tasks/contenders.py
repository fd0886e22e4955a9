"""Losses as what is trained to convergence, with the smoothing terms to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.losses.loss import ProgramLoss
from core.phases.contender import Contender, Variant
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from recommenders.tasks.losses import find_named_loss, make_loss


def searched(
    program: LossProgram, notes: Mapping[str, Any], space: OperatorSpace, epsilons: Sequence[float]
) -> Contender[LossProgram]:
    """Return a searched program as a contender, its smoothing term to be chosen.

    Args:
        program: what was found.
        notes: what the validation check said of it.
        space: how its operators behave.
        epsilons: smoothing terms to try.
    """
    variants = tuple(Variant(ProgramLoss(program, space, e), e) for e in _smoothings(program, epsilons))
    return Contender(str(program), program, variants, notes)


def baseline(text: str, space: OperatorSpace, epsilons: Sequence[float]) -> Contender[LossProgram]:
    """Return a named loss or a formula as a contender.

    Args:
        text: the name or formula.
        space: how the operators of a formula behave.
        epsilons: smoothing terms to try.

    Raises:
        UserError: neither a name nor a formula.
    """
    named, loss = find_named_loss(text), make_loss(text, space)
    name = named.name if named else text.strip()
    if not isinstance(loss, ProgramLoss):
        return Contender(name, None, (Variant(loss),))
    variants = tuple(Variant(make_loss(text, space, e), e) for e in _smoothings(loss.program, epsilons))
    return Contender(name, loss.program, variants)


def _smoothings(program: LossProgram, epsilons: Sequence[float]) -> Sequence[float | None]:
    """What to try: one try is enough where no smoothing term occurs."""
    return epsilons if program.is_smoothed else (None,)
