"""Losses as curves over the prediction: what is drawn of each, and on which heights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from studies.reporting.axes import fit_heights, tick_decades
from studies.reporting.shapes import Y_HAT, Shape
from studies.reporting.svg import INK

#: The largest height of an axis; matplotlib computes with a few times as much.
_HIGHEST = 1e300


@dataclass(frozen=True)
class Kind:
    """One of the curves of a loss."""

    axis: str
    """What is written beside the vertical axis."""
    of: Callable[[Shape], np.ndarray]


VALUE = Kind("loss, lowest point at 0", lambda shape: shape.value)
BY_PREDICTION = Kind("∂ loss / ∂ŷ", lambda shape: shape.by_prediction)
BY_LOGIT = Kind("∂ loss / ∂ logit", lambda shape: shape.by_logit)


def draw_curves(
    axes: Axes,
    row: int,
    curves: Sequence[np.ndarray],
    looks: Sequence[Mapping[str, Any]],
    heights: Sequence[np.ndarray] | None = None,
) -> float | None:
    """Draw the curves of one label, on heights that suit those of both.

    Args:
        axes: an empty picture.
        row: which label's curves to draw.
        curves: [2, n] each, a row for each label.
        looks: how each is drawn, its name in the legend included.
        heights: what the vertical axis has room for; all curves unless given.

    Returns:
        The value up to which the vertical axis is linear, where it is logarithmic beyond; else None.
    """
    heights = curves if heights is None else heights
    threshold = fit_heights(axes, heights)
    axes.axhline(0, color=INK, linewidth=0.8, alpha=0.5)
    for curve, look in zip(curves, looks, strict=True):
        axes.plot(Y_HAT, curve[row], **look)
    axes.set_xlim(0, 1)
    axes.set_ylim(*_limits(heights, threshold is None))
    if threshold is not None:
        tick_decades(axes, threshold)
    return threshold


def _limits(heights: Sequence[np.ndarray], is_linear: bool) -> tuple[float, float]:
    """The same for both labels."""
    finite = np.concatenate([curve[np.isfinite(curve)] for curve in heights]).clip(-_HIGHEST, _HIGHEST)
    low, high = float(finite.min(initial=0)), float(finite.max(initial=0))
    if is_linear:
        margin = 0.05 * (high - low) or 1.0
        return low - margin, high + margin
    return low * 1.6, high * 1.6
