"""Gradient equivalence: two losses train alike if their gradients are proportional, up to scale and constants.

A constant may depend on the label, since nothing of it reaches a gradient. Compared on a grid of predictions within
(0, 1) and the labels 0 and 1, point by point: a difference may be no larger than a small share of either gradient. The
share is larger than what clamps and smoothing terms of 1e-6 leave of a formula, and smaller than what training notices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from core.losses.loss import Loss

#: Gradients are proportional if none differs by more than this share of itself.
TOLERANCE = 1e-3
#: Gradients below this share of the largest one are taken for zero.
_NOTHING = 1e-9


@dataclass(frozen=True)
class Equivalent:
    """Which loss another one equals up to scale and constants."""

    name: str
    factor: float
    """How many times as large its gradient is."""


def gradient_on_grid(loss: Loss) -> np.ndarray:
    """Return d loss / d y_hat at every point of the grid [B], float64."""
    logit, y = _grid()
    y_hat = torch.sigmoid(logit)
    return (loss.gradient(logit, y) / (y_hat * (1 - y_hat))).detach().numpy()


def proportion(one: np.ndarray, other: np.ndarray, tolerance: float = TOLERANCE) -> float | None:
    """Return the factor above 0 by which one gradient is the other.

    Args:
        one: gradient at every point of the grid [B].
        other: the same of another loss.
        tolerance: the largest relative difference at any point.

    Returns:
        None if they are not proportional, if all of either are zero, or if any is not finite.
    """
    found = _compare(one, other)
    return found[0] if found is not None and found[1] <= tolerance else None


def _compare(one: np.ndarray, other: np.ndarray) -> tuple[float, float] | None:
    """The factor above 0 between gradients, and the largest share by which they differ after it; None without one."""
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
    """Return how many times as large the gradient of one loss is as that of another, see `proportion`.

    Args:
        one: a loss.
        other: another one.
        tolerance: the largest relative difference at any point.
    """
    return proportion(gradient_on_grid(one), gradient_on_grid(other), tolerance)


def equivalent_loss(loss: Loss, known: Mapping[str, Loss], tolerance: float = TOLERANCE) -> Equivalent | None:
    """Return the known loss that this one equals up to scale and constants.

    Of several the closest, then the first: MaxR and SumR are the same but for a weight of 1 + smoothing term on
    positives.

    Args:
        loss: the one to recognise.
        known: losses by name.
        tolerance: the largest relative difference of gradients at any point.

    Returns:
        None if none of them does.
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
    """Logits [B] and labels [B]: predictions from .01 to .99 with each label.

    Closer to a label a clamp would take small values of a loss for its bound.
    """
    y_hat = torch.linspace(0.01, 0.99, 197, dtype=torch.float64)
    pairs = torch.cartesian_prod(torch.logit(y_hat), torch.tensor([0.0, 1.0], dtype=torch.float64))
    return pairs[:, 0].contiguous(), pairs[:, 1].contiguous()
