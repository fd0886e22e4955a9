"""A loss and its gradients as pictures, beside losses that a reader knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from studies.reporting.axes import FOUND, fit_heights, label, legend, new_axes, number, other, tick_decades
from studies.reporting.shapes import LABELS, Y_HAT, Shape
from studies.reporting.svg import INK, inline_svg

_HEIGHT, _WIDTH = 3.0, 3.9


@dataclass(frozen=True)
class Panels:
    """Pictures that belong together: one for each label, on the same axes."""

    title: str
    text: str
    pictures: tuple[str, ...]


_KINDS: tuple[tuple[str, str, str, str, Callable[[Shape], np.ndarray]], ...] = (
    (
        "value",
        "The loss",
        "What a prediction costs, each curve moved so that its lowest point is 0. Its lowest point is where the loss "
        "would have the prediction: at 0 for the label 0 and at 1 for the label 1, if it learns what it should.",
        "loss, lowest point at 0",
        lambda shape: shape.value,
    ),
    (
        "prediction",
        "Its gradient by the prediction",
        "How steep the loss is in ŷ. Training goes against the gradient: where it is above 0 the prediction is pushed "
        "down, where it is below 0 it is pushed up.",
        "∂ loss / ∂ŷ",
        lambda shape: shape.by_prediction,
    ),
    (
        "logit",
        "Its gradient by the logit: what trains the recommender",
        "The same times ŷ(1 - ŷ), since ŷ = sigmoid(logit): this is what reaches the recommender. The size of a "
        "curve acts like a learning rate; its shape says which predictions are worked on most.",
        "∂ loss / ∂ logit",
        lambda shape: shape.by_logit,
    ),
)


def loss_panels(found: Shape | None, known: Sequence[Shape]) -> list[Panels]:
    """Value, gradient by the prediction and gradient by the logit.

    Args:
        found: the found loss; None if there is none.
        known: the losses beside it.
    """
    shapes = [*([] if found is None else [found]), *known]
    return [_panels(shapes, found, *kind) for kind in _KINDS] if shapes else []


def _panels(
    shapes: Sequence[Shape],
    found: Shape | None,
    stem: str,
    title: str,
    text: str,
    axis: str,
    of: Callable[[Shape], np.ndarray],
) -> Panels:
    curves = [of(shape) for shape in shapes]
    thresholds = []

    def draw(row: int) -> Figure:
        figure, axes = new_axes(_HEIGHT, _WIDTH)
        thresholds.append(fit_heights(axes, curves))
        axes.axhline(0, color=INK, linewidth=0.8, alpha=0.5)
        for i, (shape, curve) in enumerate(zip(shapes, curves, strict=True)):
            look = FOUND if shape is found else other(i - (found is not None))
            axes.plot(Y_HAT, curve[row], label="found loss" if shape is found else label(shape.name), **look)
        axes.set(xlim=(0, 1), xlabel="prediction ŷ", ylabel=axis, title=f"label y = {LABELS[row]:g}")
        axes.set_ylim(*_limits(curves, thresholds[-1] is None))
        if thresholds[-1] is not None:
            tick_decades(axes, thresholds[-1])
        legend(figure, 3)
        return figure

    names = ", ".join("the found loss" if shape is found else shape.name for shape in shapes)
    pictures = []
    for row, y in enumerate(LABELS):
        alt = f"{title} for the label {y:g} over predictions from 0 to 1: {names}"
        pictures.append(inline_svg(f"{stem}-{row}", alt, partial(draw, row)))
    if thresholds[0] is not None:
        text += f" The vertical axis is about linear up to ±{number(thresholds[0])} and logarithmic beyond."
    if not all(np.isfinite(curve).all() for curve in curves):
        text += " Where a curve is missing, it is not a finite number."
    return Panels(title, text, tuple(pictures))


def _limits(curves: Sequence[np.ndarray], is_linear: bool) -> tuple[float, float]:
    """The same for both labels."""
    finite = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    low, high = float(finite.min(initial=0)), float(finite.max(initial=0))
    if is_linear:
        margin = 0.05 * (high - low) or 1.0
        return low - margin, high + margin
    return low * 1.6, high * 1.6
