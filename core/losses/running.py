"""Evaluate many programs on one small batch, values and gradients, in compiled code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from core.losses.loss import ProgramLoss
from core.programs.interpreter import run_all


def run_programs(losses: Sequence[ProgramLoss], y_hat: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the losses of K programs and their gradients d loss / d y_hat, both [K, B] float64.

    Args:
        losses: the K programs.
        y_hat: predictions [B], float64 on the CPU.
        y: labels [B], float64 on the CPU.
    """
    values, gradients = np.empty((2, len(losses), len(y)))
    if losses:
        encoded = [loss.encoded for loss in losses]
        run_all(
            np.concatenate([one.lines for one in encoded]),
            np.cumsum([len(one.lines) for one in encoded]),
            np.array([one.rule for one in encoded]),
            np.stack([one.constants for one in encoded]),
            y_hat.numpy(),
            y.numpy(),
            values,
            gradients,
        )
    return values, gradients
