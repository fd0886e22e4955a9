"""Losses of rankings on the page about a study: as mathematics, as curves, and how much they push."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.analysis.set_curves import DRAWN_STAGES, D, P, set_curves
from core.export.set_typesetting import set_mathml
from core.programs.sets.stages import STAGES
from studies.exporting.stored_loss import StoredLoss
from studies.reporting.loss_pictures import Curve, Panels, loss_panels
from studies.reporting.shapes import Shape, only_finite

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
