"""The losses that a person asks to see: what each is called, its numbers on a common scale, and what is odd."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from core.analysis.curves import LABELS, Y_HAT, only_finite, shape_of
from core.common.errors import UserError, in_a_line
from core.losses.closed_forms import BCE
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


#: Heights so many times those of all but a small share of a curve leave the picture.
_SPIKE, _NARROW = 1e3, 0.03
#: A gradient so many times the usual one of a loss is that of a lowest or highest point.
_NEARLY_FLAT = 1e-6
#: Name -> what it does.
SCALES = {
    "raw": "as the losses are",
    "normalised": "each times a factor with which its gradient by the logit at y_hat = 1/2 is as large as that of BCE",
}


@dataclass(frozen=True)
class Scaled:
    """A loss to draw, in numbers."""

    chosen: Chosen
    heights: np.ndarray
    """As in `Shape`, times the factor; the lowest point of a loss with a pole is that of what is drawn."""
    factor: float | None
    """None where nothing was scaled."""
    notes: tuple[str, ...]
    """What is odd about it, a sentence each."""


def scaled(chosen: Chosen, scale: str) -> Scaled:
    """A loss on one of the `SCALES`."""
    shape = shape_of(chosen.name, chosen.loss)
    heights = np.stack([[_from_lowest(row) for row in shape.heights[0]], *shape.heights[1:]])
    factor: float | None = None
    sentences: tuple[str, ...] = ()
    if scale != "raw" and not _is_constant(heights):
        factor = _factor(chosen.loss, heights)
        if not factor:
            there = "not finite" if factor is None else "0 or nearly so"
            sentences = (
                f"{chosen.name}: its gradient at y_hat = 1/2 is {there}, so it cannot be normalised: drawn raw.",
            )
            factor = None
    if factor is not None:
        with np.errstate(over="ignore"):
            heights = only_finite(heights * factor)
    return Scaled(chosen, heights, factor, _oddities(chosen.name, heights) + sentences)


def _factor(loss: Loss, heights: np.ndarray) -> float | None:
    """What makes a loss as steep as BCE; 0 where it is flat in the middle, None where it is not finite there."""
    size = _size_at_half(loss)
    if not math.isfinite(size):
        return None
    by_logit = heights[2]
    usual = np.abs(by_logit[np.isfinite(by_logit) & (by_logit != 0)])
    if size == 0 or (usual.size and size < _NEARLY_FLAT * np.median(usual)):
        return 0.0
    factor = _size_at_half(BCE) / size
    return factor if math.isfinite(factor) else 0.0


def _size_at_half(loss: Loss) -> float:
    """The gradient by the logit at y_hat = 1/2, root mean square over both labels."""
    logit = torch.zeros(len(LABELS), dtype=torch.float64)
    gradient = loss.gradient(logit, torch.tensor(LABELS, dtype=torch.float64))
    return math.hypot(*gradient.expand_as(logit).tolist()) / math.sqrt(len(LABELS))


def without_spikes(curve: np.ndarray) -> np.ndarray:
    """A curve with NaN where it is so much higher than elsewhere that all else would be flat: near a pole."""
    sizes = np.abs(curve)
    usual = sizes[np.isfinite(curve) & (curve != 0)]
    if not usual.size:
        return curve
    return np.where(sizes <= _SPIKE * np.quantile(usual, 1 - _NARROW), curve, np.nan)


def _from_lowest(values: np.ndarray) -> np.ndarray:
    """A loss for one label, moved so that its lowest point is 0, were it not for a pole that goes down."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return values
    away = np.abs(values - np.median(finite))
    farthest = _SPIKE * np.quantile(away[np.isfinite(values)], 1 - _NARROW)
    near = values[away <= farthest] if farthest > 0 else finite
    return values - near.min()


def _is_constant(heights: np.ndarray) -> bool:
    """Whether nothing can be learned from it: its gradient is 0 everywhere."""
    return not heights[2].any()  # NaN counts as something


def _oddities(name: str, heights: np.ndarray) -> tuple[str, ...]:
    missing = np.isnan(heights).any(axis=0)
    if missing.all():
        return (f"{name}: not finite anywhere; there is nothing to draw.",)
    if _is_constant(heights):
        return (f"{name}: a constant, with a gradient of 0 everywhere: flat lines.",)
    sentences = [f"{name}: not finite {_where(missing)}: gaps in its curves."] if missing.any() else []
    flat = [y for y, row in zip(LABELS, heights[2], strict=True) if not row.any()]
    sentences += [
        f"{name}: nothing can be learned from y = {label:g}, where its gradient is 0 everywhere." for label in flat
    ]
    spikes = np.any([np.isnan(without_spikes(curve)) & np.isfinite(curve) for curve in heights], axis=0)
    if spikes.any():
        sentences.append(f"{name}: far from its usual heights {_where(spikes)}: there it leaves the picture.")
    return tuple(sentences)


def _where(missing: np.ndarray) -> str:
    """The predictions between which, for each label."""
    places = []
    for label, row in zip(LABELS, missing, strict=True):
        if row.any():
            there: Sequence[float] = Y_HAT[row].tolist()
            ends = f"{there[0]:g}" if len(there) == 1 else f"{there[0]:g} to {there[-1]:g}"
            places.append(f"for y = {label:g} at {len(there)} of {row.size} predictions (y_hat {ends})")
    return " and ".join(places)
