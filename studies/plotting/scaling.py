"""Losses as numbers on a common scale, and what a reader has to know about them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.losses.closed_forms import BCE
from core.losses.loss import Loss
from studies.plotting.chosen import Chosen
from studies.reporting.shapes import LABELS, Y_HAT, only_finite, shape_of

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
