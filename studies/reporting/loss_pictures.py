"""A loss and its gradients as pictures, beside losses that a reader knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from studies.reporting.axes import FOUND, label, legend, new_axes, number, other
from studies.reporting.curves import draw_curves
from studies.reporting.shapes import CURVES, LABELS, Shape
from studies.reporting.svg import inline_svg

_HEIGHT, _WIDTH = 3.0, 3.9


@dataclass(frozen=True)
class Panels:
    """Pictures that belong together: one for each label, on the same axes."""

    title: str
    text: str
    pictures: tuple[str, ...]


#: Stem, title and text of the picture of each curve.
_ABOUT = (
    (
        "value",
        "The loss",
        "What a prediction costs, each curve moved so that its lowest point is 0. Its lowest point is where the loss "
        "would have the prediction: at 0 for the label 0 and at 1 for the label 1, if it learns what it should.",
    ),
    (
        "prediction",
        "Its gradient by the prediction",
        "How steep the loss is in ŷ. Training goes against the gradient: where it is above 0 the prediction is pushed "
        "down, where it is below 0 it is pushed up.",
    ),
    (
        "logit",
        "Its gradient by the logit: what trains the recommender",
        "The same times ŷ(1 - ŷ), since ŷ = sigmoid(logit): this is what reaches the recommender. The size of a "
        "curve acts like a learning rate; its shape says which predictions are worked on most.",
    ),
)


def loss_panels(found: Shape | None, known: Sequence[Shape]) -> list[Panels]:
    """Value, gradient by the prediction and gradient by the logit.

    Args:
        found: the found loss; None if there is none.
        known: the losses beside it.
    """
    shapes = [*([] if found is None else [found]), *known]
    return [_panels(shapes, found, curve, *about) for curve, about in enumerate(_ABOUT)] if shapes else []


def _panels(shapes: Sequence[Shape], found: Shape | None, curve: int, stem: str, title: str, text: str) -> Panels:
    curves = [shape.heights[curve] for shape in shapes]
    looks = [
        {"label": "found loss", **FOUND}
        if shape is found
        else {"label": label(shape.name), **other(i - (found is not None))}
        for i, shape in enumerate(shapes)
    ]
    thresholds = []

    def draw(row: int) -> Figure:
        figure, axes = new_axes(_HEIGHT, _WIDTH)
        thresholds.append(draw_curves(axes, row, curves, looks))
        axes.set(xlabel="prediction ŷ", ylabel=CURVES[curve], title=f"label y = {LABELS[row]:g}")
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
