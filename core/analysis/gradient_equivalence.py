"""Gradient equivalence: two losses train alike if their gradients are proportional.

Such losses are equal up to a factor and an additive constant, which may depend on the label. Gradients are compared at
every point of a grid of predictions within (0, 1) and the labels 0 and 1, with a relative tolerance. It is larger than
the effect of clamps and smoothing terms of 1e-6 on a formula, and too small to matter in training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from core.losses.loss import Loss

#: Gradients are proportional if their ratio differs by no more than this share from its median, at every point.
TOLERANCE = 1e-3
#: Gradients below this share of the largest one count as zero.
_NOTHING = 1e-9


@dataclass(frozen=True)
class Equivalent:
    """The known loss that another loss is equivalent to."""

    name: str
    """Name of the known loss."""
    factor: float
    """The gradient of the other loss, divided by that of the known loss."""


def gradient_on_grid(loss: Loss) -> np.ndarray:
    """Return d loss / d y_hat at every point of the grid [B], float64."""
    logit, y = _grid()
    y_hat = torch.sigmoid(logit)
    return (loss.gradient(logit, y) / (y_hat * (1 - y_hat))).detach().numpy()


def proportion(one: np.ndarray, other: np.ndarray, tolerance: float = TOLERANCE) -> float | None:
    """Return the ratio of two proportional gradients, `one` divided by `other`.

    Args:
        one: gradient of a loss at every point of the grid [B].
        other: gradient of another loss [B].
        tolerance: the largest relative difference at any point.

    Returns:
        A ratio above 0; None if the gradients are not proportional, all zero, or not finite somewhere.
    """
    found = _compare(one, other)
    return found[0] if found is not None and found[1] <= tolerance else None


def _compare(one: np.ndarray, other: np.ndarray) -> tuple[float, float] | None:
    """Return the ratio above 0 of gradients [B], and the largest relative difference from it; None without a ratio."""
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return None
    zeros = [np.abs(some) <= _NOTHING * np.abs(some).max() for some in (one, other)]
    if (zeros[0] != zeros[1]).any() or zeros[0].all():
        return None
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        ratios = one[~zeros[0]] / other[~zeros[1]]
        factor = float(np.median(ratios))
        if not (0 < factor < np.inf) or not np.isfinite(ratios).all():
            return None
        return factor, float(np.abs(ratios / factor - 1).max())


def factor_between(one: Loss, other: Loss, tolerance: float = TOLERANCE) -> float | None:
    """Return the ratio of the gradients of two equivalent losses; None if they are not equivalent.

    Args:
        one: a loss.
        other: another loss; its gradient is the denominator.
        tolerance: the largest relative difference at any point.
    """
    return proportion(gradient_on_grid(one), gradient_on_grid(other), tolerance)


def equivalent_loss(loss: Loss, known: Mapping[str, Loss], tolerance: float = TOLERANCE) -> Equivalent | None:
    """Return the known loss that a loss is equivalent to; None if there is none.

    If several are within the tolerance, it is the closest, then the first one. MaxR and SumR, for example, differ only
    by a weight of 1 + smoothing term on positive examples.

    Args:
        loss: the loss to recognise.
        known: losses by name.
        tolerance: the largest relative difference of gradients at any point.
    """
    own, found = gradient_on_grid(loss), dict[str, tuple[float, float]]()
    for name, other in known.items():
        ratio = _compare(own, gradient_on_grid(other))
        if ratio is not None and ratio[1] <= tolerance:
            found[name] = ratio
    if not found:
        return None
    closest = min(found, key=lambda name: found[name][1])
    return Equivalent(closest, found[closest][0])


def _grid() -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits [B] and labels [B]: predictions from .01 to .99 with each label.

    Predictions closer to a label are left out, since there the clamp changes small values of a loss.
    """
    y_hat = torch.linspace(0.01, 0.99, 197, dtype=torch.float64)
    pairs = torch.cartesian_prod(torch.logit(y_hat), torch.tensor([0.0, 1.0], dtype=torch.float64))
    return pairs[:, 0].contiguous(), pairs[:, 1].contiguous()
