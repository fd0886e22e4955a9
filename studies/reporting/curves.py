"""Losses as curves over the prediction, on heights that suit them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from core.analysis.curves import Y_HAT
from studies.reporting.axes import INK, number

#: A height so many times the usual one of a curve would flatten it.
_MUCH_LARGER = 40.0
_DEEPEST = 1e-8
_APART = 0.085  # the least share of the height between two ticks
#: The largest height of an axis; matplotlib computes with a few times as much.
_HIGHEST = 1e300


def draw_curves(
    axes: Axes,
    row: int,
    curves: Sequence[np.ndarray],
    looks: Sequence[Mapping[str, Any]],
    heights: Sequence[np.ndarray] | None = None,
    x: np.ndarray = Y_HAT,
) -> float | None:
    """Draw the curves of one label, on heights that suit those of both.

    Args:
        axes: an empty picture.
        row: which label's curves to draw.
        curves: [2, n] each, a row for each label (or whatever else two pictures are of).
        looks: how each is drawn, its name in the legend included.
        heights: what the vertical axis has room for; all curves unless given.
        x: [n] rising, what they are drawn over.

    Returns:
        The value up to which the vertical axis is linear, where it is logarithmic beyond; else None.
    """
    heights = curves if heights is None else heights
    threshold = _fit_heights(axes, heights)
    axes.axhline(0, color=INK, linewidth=0.8, alpha=0.5)
    for curve, look in zip(curves, looks, strict=True):
        axes.plot(x, curve[row], **look)
    axes.set_xlim(*((0, 1) if x is Y_HAT else (x[0], x[-1])))
    axes.set_ylim(*_limits(heights, threshold is None))
    if threshold is not None:
        _tick_decades(axes, threshold)
    return threshold


def _limits(heights: Sequence[np.ndarray], is_linear: bool) -> tuple[float, float]:
    """The same for both labels."""
    finite = np.concatenate([curve[np.isfinite(curve)] for curve in heights]).clip(-_HIGHEST, _HIGHEST)
    low, high = float(finite.min(initial=0)), float(finite.max(initial=0))
    if is_linear:
        margin = 0.05 * (high - low) or 1.0
        return low - margin, high + margin
    return low * 1.6, high * 1.6


def _fit_heights(axes: Axes, curves: Iterable[np.ndarray]) -> float | None:
    """Heights that show curves of very different sizes, or with steep ends.

    Returns:
        The value up to which the axis is linear, where it is logarithmic beyond; else None.
    """
    sizes = [np.abs(curve[np.isfinite(curve) & (curve != 0)]) for curve in curves]
    sizes = [size for size in sizes if size.size]
    if not sizes:
        return None
    highest, usual = max(float(size.max()) for size in sizes), min(float(np.median(size)) for size in sizes)
    if highest <= _MUCH_LARGER * usual:
        return None
    least = max(usual, highest * _DEEPEST)
    threshold = 10.0 ** math.floor(math.log10(least))
    axes.set_yscale("asinh", linear_width=threshold)  # like symlog, without its bend where the logarithm begins
    return threshold


def _tick_decades(axes: Axes, threshold: float) -> None:
    """Ticks at 0 and at powers of ten, as many as the heights that are set have room for."""
    low, high = axes.get_ylim()
    room = _APART * (math.asinh(high / threshold) - math.asinh(low / threshold))
    ticks = [0.0] if low <= 0 <= high else []
    for end in (low, high):
        last, value = 0.0, math.copysign(threshold, end)
        while abs(value) <= abs(end):
            place = math.asinh(value / threshold)
            if abs(place - last) >= room:
                ticks.append(value)
                last = place
            value *= 10
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
