"""A loss and its gradients as pictures beside losses that a reader knows; on rankings also how much they push."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from core.analysis.curves import CURVES, LABELS, Y_HAT, Shape, only_finite
from core.analysis.set_curves import DRAWN_STAGES, D, P, set_curves
from core.export.set_typesetting import set_mathml
from core.programs.sets.stages import STAGES
from studies.exporting.stored_loss import StoredLoss
from studies.reporting.axes import FOUND, inline_svg, label, legend, new_axes, number, other
from studies.reporting.curves import draw_curves

_HEIGHT, _WIDTH = 3.0, 3.9


@dataclass(frozen=True)
class Panels:
    """Pictures that belong together, on the same axes."""

    title: str
    text: str
    pictures: tuple[str, ...]


@dataclass(frozen=True)
class Curve:
    """A kind of curve that losses have, drawn as two pictures beside each other."""

    stem: str
    """Unlike that of every other kind of the page."""
    title: str
    text: str
    """What to see in it."""
    up: str
    """What the vertical axis has."""
    across: str
    """What the horizontal axis has."""
    x: np.ndarray
    """[n] where the curve is computed."""


#: Of losses of a prediction and a label, in the order of `Shape.heights`.
_OF_PREDICTIONS = tuple(
    Curve(stem, title, text, up, "prediction ŷ", Y_HAT)
    for (stem, title, text), up in zip(
        (
            (
                "value",
                "The loss",
                "What a prediction costs, each curve moved so that its lowest point is 0. Its lowest point is where "
                "the loss would have the prediction: at 0 for the label 0 and at 1 for the label 1, if it learns what "
                "it should.",
            ),
            (
                "prediction",
                "Its gradient by the prediction",
                "How steep the loss is in ŷ. Training goes against the gradient: where it is above 0 the prediction is "
                "pushed down, where it is below 0 it is pushed up.",
            ),
            (
                "logit",
                "Its gradient by the logit: what trains the recommender",
                "The same times ŷ(1 - ŷ), since ŷ = sigmoid(logit): this is what reaches the recommender. The size of "
                "a curve acts like a learning rate; its shape says which predictions are worked on most.",
            ),
        ),
        CURVES,
        strict=True,
    )
)
_OF_LABELS = tuple(f"label y = {label:g}" for label in LABELS)


def loss_panels(
    found: Shape | None,
    known: Sequence[Shape],
    curves: Sequence[Curve] = _OF_PREDICTIONS,
    columns: Sequence[str] = _OF_LABELS,
) -> list[Panels]:
    """Draw every kind of curve of some losses; for losses of predictions value, gradient and gradient by the logit.

    Args:
        found: the found loss; None if there is none.
        known: the losses beside it.
        curves: of what `Shape.heights` has.
        columns: titles of the pictures of each.
    """
    shapes = [*([] if found is None else [found]), *known]
    return [_panels(shapes, found, i, curve, columns) for i, curve in enumerate(curves)] if shapes else []


def _panels(shapes: Sequence[Shape], found: Shape | None, which: int, curve: Curve, columns: Sequence[str]) -> Panels:
    heights, text = [shape.heights[which] for shape in shapes], curve.text
    looks = [
        {"label": "found loss", **FOUND}
        if shape is found
        else {"label": label(shape.name), **other(i - (found is not None))}
        for i, shape in enumerate(shapes)
    ]
    thresholds = []

    def draw(row: int) -> Figure:
        figure, axes = new_axes(_HEIGHT, _WIDTH)
        thresholds.append(draw_curves(axes, row, heights, looks, x=curve.x))
        axes.set(xlabel=curve.across, ylabel=curve.up, title=columns[row])
        legend(figure, 3)
        return figure

    names = ", ".join("the found loss" if shape is found else shape.name for shape in shapes)
    pictures = []
    for row, column in enumerate(columns):
        alt = f"{curve.title}, {column}, over {curve.across} from {curve.x[0]:.2g} to {curve.x[-1]:.2g}: {names}"
        pictures.append(inline_svg(f"{curve.stem}-{row}", alt, partial(draw, row)))
    if thresholds[0] is not None:
        text += f" The vertical axis is about linear up to ±{number(thresholds[0])} and logarithmic beyond."
    if not all(np.isfinite(one).all() for one in heights):
        text += " Where a curve is missing, it is not a finite number."
    return Panels(curve.title, text, tuple(pictures))


_OVER_D = "score of the negative, less that of the positive: d"
_CURVES = (
    Curve(
        "push",
        "Push on a negative",
        "How hard one negative of many is pushed down, by how far its score is above the positive's (d above 0: it is "
        "ranked before the positive). What matters is the form: a steep curve works on the hardest negatives, a flat "
        "one on all alike. In units of the loss's own pull on the positive, since optimisers such as Adam do not see "
        "the size of a loss.",
        "∂ loss / ∂ n",
        _OVER_D,
        D,
    ),
    Curve(
        "cost",
        "The loss",
        "What the score of that negative costs, in the same units, the lowest point at 0.",
        "loss, lowest point at 0",
        _OVER_D,
        D,
    ),
    Curve(
        "pull",
        "Pull on the positive",
        "How hard the positive is pulled up, by its score, the negatives staying where they are: a curve that falls to "
        "0 leaves positives alone that are high enough.",
        "-∂ loss / ∂ p",
        "score of the positive: p",
        P,
    ),
)


def equation_of(stored: StoredLoss) -> str | None:
    """Return the equation of a loss as MathML; None if it knows more than scores."""
    expression = stored.expression
    return None if expression is None else set_mathml(expression)


def set_panels(found: StoredLoss | None, known: Sequence[StoredLoss]) -> list[Panels]:
    """Draw push, cost and pull of losses in two stages of a training.

    Args:
        found: the found loss; None if there is none.
        known: the losses beside it.
    """
    shapes = [_shape_of(one) for one in known]
    first = None if found is None else _shape_of(found)
    return loss_panels(first, [one for one in shapes if one is not None], _CURVES, DRAWN_STAGES)


def _shape_of(stored: StoredLoss) -> Shape | None:
    expression = stored.expression
    if expression is None:
        return None
    curves = set_curves(expression)
    return Shape(stored.name, only_finite(np.stack([curves.push, curves.value, curves.pull])))


def ratio_rows(losses: Sequence[StoredLoss]) -> list[tuple[str, list[str]]]:
    """Return losses with their push-to-pull ratio in every stage of a training, as text.

    Args:
        losses: those without a ratio are left out.
    """
    return [
        (one.name, ["-" if ratio is None else f"{ratio:.3g}" for ratio in one.push_to_pull])
        for one in losses
        if one.push_to_pull is not None
    ]


#: Heads of the columns of `ratio_rows`.
RATIO_COLUMNS = tuple(STAGES)
