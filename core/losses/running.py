"""Many programs on one small batch: values and slopes, by machine code where it knows their operators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from core.losses.duals import DualPrograms
from core.losses.loss import ProgramLoss
from core.programs.interpreter import run_all
from core.programs.tape import Tape


def run_programs(losses: Sequence[ProgramLoss], y_hat: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Losses and their slopes d loss / d y_hat, both [K, B] float64.

    Args:
        losses: K programs.
        y_hat: [B], float64 on the CPU.
        y: the same.
    """
    values, slopes = np.empty((2, len(losses), len(y)))
    tapes = {k: loss.tape for k, loss in enumerate(losses) if loss.tape is not None}
    if tapes:
        known = list(tapes)
        values[known], slopes[known] = _run_tapes(list(tapes.values()), y_hat.numpy(), y.numpy())
    others = sorted(set(range(len(losses))) - set(tapes))
    if others:
        programs = DualPrograms([losses[k] for k in others], shared=True, device=y.device, dtype=y.dtype)
        for filled, computed in zip((values, slopes), programs(y_hat, y), strict=True):
            filled[others] = computed.numpy()
    return values, slopes


def _run_tapes(tapes: Sequence[Tape], y_hat: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, slopes = np.empty((2, len(tapes), len(y)))
    run_all(
        np.concatenate([tape.lines for tape in tapes]),
        np.cumsum([len(tape.lines) for tape in tapes]),
        np.array([tape.rule for tape in tapes]),
        np.stack([tape.constants for tape in tapes]),
        y_hat,
        y,
        values,
        slopes,
    )
    return values, slopes
