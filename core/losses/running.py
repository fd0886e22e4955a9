"""Many programs on one small batch: values and slopes, by machine code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from core.losses.loss import ProgramLoss
from core.programs.interpreter import run_all


def run_programs(losses: Sequence[ProgramLoss], y_hat: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Losses and their slopes d loss / d y_hat, both [K, B] float64.

    Args:
        losses: K programs.
        y_hat: [B], float64 on the CPU.
        y: the same.
    """
    values, slopes = np.empty((2, len(losses), len(y)))
    if losses:
        tapes = [loss.tape for loss in losses]
        run_all(
            np.concatenate([tape.lines for tape in tapes]),
            np.cumsum([len(tape.lines) for tape in tapes]),
            np.array([tape.rule for tape in tapes]),
            np.stack([tape.constants for tape in tapes]),
            y_hat.numpy(),
            y.numpy(),
            values,
            slopes,
        )
    return values, slopes
