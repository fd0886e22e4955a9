"""The losses that a person asks to see, each with what it is called and what it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.common.errors import UserError, in_a_line
from core.losses.loss import Loss, ProgramLoss
from core.phases.picking import Pick
from core.programs.space import OperatorSpace
from recommenders.tasks.losses import find_named_loss, make_loss
from studies.exporting.finding import find_study

#: More lines in one picture could not be told apart.
MOST = 8


@dataclass(frozen=True)
class Chosen:
    """A loss to draw."""

    name: str
    """A known name or the formula; unlike that of every other one in the picture, once `distinct` has seen to it."""
    loss: Loss
    about: str
    """Where it comes from, without a full stop."""
    is_beside: bool = False
    """Whether it is there to compare the others with."""

    @property
    def settings(self) -> str:
        """What decides over its values beside the formula; nothing for a loss with a closed form."""
        if not isinstance(self.loss, ProgramLoss):
            return ""
        space = self.loss.space
        xi = "" if space.clamp == "none" else f", xi {space.xi:g}"
        return f"eps {self.loss.smoothing:g}, clamp {space.clamp}{xi}"


def named(text: str, space: OperatorSpace, epsilon: float | None = None, is_beside: bool = False) -> Chosen:
    """A formula, or a loss that has a name.

    Args:
        text: either.
        space: how the operators of a formula behave.
        epsilon: the smoothing term; without one, a named loss's own or the space's xi.
        is_beside: whether it is there to compare others with.

    Raises:
        UserError: neither a name nor a formula.
    """
    loss = make_loss(text, space, epsilon)
    known = find_named_loss(text)
    if known is not None:
        return Chosen(known.name, loss, known.source, is_beside)
    assert isinstance(loss, ProgramLoss)
    return Chosen(str(loss.program), loss, "a formula", is_beside)


def found(run: str, tracking_uri: str) -> Chosen:
    """What a study found, with its own smoothing term and clamp.

    Args:
        run: a folder with result.json, that file, or the id of a run in MLflow, a study's or one of its losses'.
        tracking_uri: MLflow's database or server.

    Raises:
        UserError: there is no such study, or it found nothing.
    """
    study, name = find_study(run, tracking_uri)
    stored = study.picked(Pick.parse(study.settings.judging.pick)) if name is None else study.named(name)
    exported = study.exported(stored)
    kind = "found: " if stored in study.finalists else ""
    origin = in_a_line(exported.origin[0]).removesuffix(".")
    return Chosen(in_a_line(f"{kind}{exported.name}"), exported.loss, f"{origin} ({in_a_line(run)})")


def distinct(losses: Sequence[Chosen]) -> tuple[list[Chosen], list[str]]:
    """The losses without repetitions, each under a name of its own; and a sentence on each that was left out.

    Raises:
        UserError: there are more than one picture takes.
    """
    kept: list[Chosen] = []
    sentences = []
    for one in losses:
        twin = next((i for i, other in enumerate(kept) if other.loss == one.loss), None)
        if twin is None:
            kept.append(one)
        elif one.is_beside:
            kept[twin] = replace(kept[twin], is_beside=True)
        else:
            sentences.append(f"{one.name} is asked for more than once: drawn once.")
    if len(kept) > MOST:
        beside = next((f", with {one.name} beside" for one in kept if one.is_beside), "")
        raise UserError(
            f"plot: at most {MOST} losses fit into one picture, got {len(kept)}{beside}: more lines could not be told "
            "apart; draw several pictures"
        )
    return _unlike(kept), sentences


def _unlike(losses: Sequence[Chosen]) -> list[Chosen]:
    """Names made unlike by the settings, and numbers where those are equal too."""
    for name_of in (lambda one, n: f"{one.name}, {one.settings}", lambda one, n: f"{one.name} ({n})"):
        names, seen = Counter(one.name for one in losses), Counter[str]()
        unlike = []
        for one in losses:
            seen[one.name] += 1
            unlike.append(replace(one, name=name_of(one, seen[one.name])) if names[one.name] > 1 else one)
        losses = unlike
    return list(losses)
