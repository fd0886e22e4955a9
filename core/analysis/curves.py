"""A loss as numbers to be drawn: its value and its gradients over predictions, for both labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from core.losses.loss import Loss

LABELS = (0.0, 1.0)
#: Predictions, from end to end of (0, 1) without its ends, where gradients may be infinite.
Y_HAT = np.linspace(0.005, 0.995, 199)


#: The curves of a loss, as they are called beside an axis; y_hat = sigmoid(logit).
CURVES = ("loss, lowest point at 0", "∂ loss / ∂ŷ", "∂ loss / ∂ logit")


@dataclass(frozen=True)
class Shape:
    """A loss over `Y_HAT`."""

    name: str
    heights: np.ndarray
    """[3, 2, n], for each of `CURVES` a row for each label; NaN where a number is not finite. The loss is moved so that
    its lowest point is 0 for each label: an added number changes no gradient."""


def shape_of(name: str, loss: Loss) -> Shape:
    """Compute a loss on the grid, in float64.

    Args:
        name: what it is called.
        loss: the loss.
    """
    logit = torch.logit(torch.from_numpy(Y_HAT))
    values, gradients = [], []
    for label in LABELS:
        y = torch.full_like(logit, label)
        with torch.no_grad():
            values.append(loss.value(logit, y).expand_as(logit).numpy())
        gradients.append(loss.gradient(logit, y).expand_as(logit).numpy())
    value, by_logit = only_finite(np.stack(values)), only_finite(np.stack(gradients))
    lowest = np.array([[row[np.isfinite(row)].min(initial=np.inf)] for row in value])
    with np.errstate(over="ignore"):
        return Shape(name, only_finite(np.stack([value - lowest, by_logit / (Y_HAT * (1 - Y_HAT)), by_logit])))


def only_finite(values: np.ndarray) -> np.ndarray:
    """Replace numbers that are not finite by NaN, in an array of any shape."""
    return np.where(np.isfinite(values), values, np.nan)
