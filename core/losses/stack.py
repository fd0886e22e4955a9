"""The gradients of K losses of any kind in one call, for training K copies of a recommender together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.common.padding import pad_to_simd_width
from core.losses.batched import BatchedPrograms
from core.losses.loss import Loss, ProgramLoss


class StackedLosses:
    """K losses: programs are evaluated together, other losses one by one.

    Args:
        losses: the K losses.
        device: where to compute.
        dtype: float32 or float64.
    """

    def __init__(self, losses: Sequence[Loss], *, device: torch.device, dtype: torch.dtype) -> None:
        programs = [(k, loss) for k, loss in enumerate(losses) if isinstance(loss, ProgramLoss)]
        self._others = [(k, loss) for k, loss in enumerate(losses) if not isinstance(loss, ProgramLoss)]
        self._rows = torch.tensor([k for k, _ in programs], dtype=torch.long, device=device)
        self._programs = (
            BatchedPrograms([loss for _, loss in programs], shared=False, device=device, dtype=dtype)
            if programs
            else None
        )

    def gradient(self, logit: Tensor, y: Tensor) -> Tensor:
        """Return d loss / d logit [K, B], row k by loss k.

        Args:
            logit: [K, B].
            y: labels [B].
        """
        size = logit.shape[1]
        logit, y = pad_to_simd_width(logit), pad_to_simd_width(y)
        return self._gradient(logit, y)[:, :size]

    def _gradient(self, logit: Tensor, y: Tensor) -> Tensor:
        gradients = torch.empty_like(logit)
        if self._programs is not None:
            y_hat = torch.sigmoid(logit if not self._others else logit.index_select(0, self._rows))
            _, gradient = self._programs(y_hat, y)
            gradient = gradient * (y_hat * (1 - y_hat))
            if not self._others:
                return gradient
            gradients[self._rows] = gradient
        for k, loss in self._others:
            gradients[k] = loss.gradient(logit[k], y)
        return gradients
