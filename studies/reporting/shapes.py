"""A loss as numbers to be drawn: its value and its gradients over predictions, for both labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from core.losses.loss import Loss

LABELS = (0.0, 1.0)
#: Predictions, from end to end of (0, 1) without its ends, where slopes may be infinite.
Y_HAT = np.linspace(0.005, 0.995, 199)


@dataclass(frozen=True)
class Shape:
    """A loss over `Y_HAT`; arrays are [2, n], a row for each label, NaN where a number is not finite."""

    name: str
    value: np.ndarray
    """Moved so that its lowest point is 0 for each label: an added number changes no gradient."""
    by_prediction: np.ndarray
    """d loss / d y_hat."""
    by_logit: np.ndarray
    """d loss / d logit, where y_hat = sigmoid(logit)."""


def shape_of(name: str, loss: Loss) -> Shape:
    """Compute a loss on the grid, in float64."""
    y_hat = torch.from_numpy(Y_HAT)
    logit = torch.logit(y_hat)
    values, slopes = [], []
    for label in LABELS:
        y = torch.full_like(logit, label)
        with torch.no_grad():
            values.append(loss.value(logit, y).expand_as(logit).numpy())
        slopes.append(loss.slope(logit, y).expand_as(logit).numpy())
    by_logit = _finite(np.stack(slopes))
    value = _finite(np.stack(values))
    lowest = np.array([[row[np.isfinite(row)].min(initial=np.inf)] for row in value])
    with np.errstate(over="ignore"):
        return Shape(name, _finite(value - lowest), _finite(by_logit / (Y_HAT * (1 - Y_HAT))), by_logit)


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan)
