"""A loss as a torch module, for the user's own training loop."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.common.errors import UserError
from core.losses.loss import Loss, ProgramLoss

REDUCTIONS = ("mean", "sum", "none")


class LossModule(nn.Module):
    """A loss as a torch module; gives the same numbers as the file that `core.export.torch_source` writes.

    Args:
        loss: a program with its space and smoothing term, or a closed form.
        reduction: "mean", "sum" or "none" (a number for each example).
        from_logits: whether predictions are logits instead of probabilities.

    Raises:
        UserError: an unknown reduction.
    """

    def __init__(self, loss: Loss, reduction: str = "mean", from_logits: bool = False) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise UserError(f"reduction: expected {', '.join(REDUCTIONS)}, got {reduction!r}")
        self.loss, self.reduction, self.from_logits = loss, reduction, from_logits

    def forward(self, prediction: Tensor, label: Tensor) -> Tensor:
        """Return the loss of a batch.

        Args:
            prediction: probabilities or logits, of any shape.
            label: 0 to 1, of the same shape.

        Returns:
            A scalar, or for reduction "none" a tensor of the same shape.

        Raises:
            TypeError: an argument is not a tensor.
            ValueError: the shapes differ.
        """
        if not (isinstance(prediction, Tensor) and isinstance(label, Tensor)):
            got = f"{type(prediction).__name__} and {type(label).__name__}"
            raise TypeError(f"expected predictions and labels as tensors, got {got}; torch.as_tensor makes one")
        if prediction.shape != label.shape:
            got = f"{list(prediction.shape)} and {list(label.shape)}"
            raise ValueError(f"expected predictions and labels of one shape, got {got}")
        if prediction.element_size() < 4:  # half precision is too narrow for logarithms and reciprocals
            prediction = prediction.float()
        values = self._values(prediction, label.to(prediction.dtype))
        return values if self.reduction == "none" else values.mean() if self.reduction == "mean" else values.sum()

    def _values(self, prediction: Tensor, label: Tensor) -> Tensor:
        if self.from_logits:
            return self.loss.value(prediction, label)
        if isinstance(self.loss, ProgramLoss):
            return self.loss.function(prediction, label)
        return self.loss.value(prediction.logit(torch.finfo(prediction.dtype).eps), label)

    def extra_repr(self) -> str:
        """Return the settings of the module for its `repr`."""
        loss = self.loss
        described = f"{loss.program}, epsilon={loss.smoothing:g}" if isinstance(loss, ProgramLoss) else str(loss)
        described += f", scale={loss.scale:g}" if isinstance(loss, ProgramLoss) and loss.scale != 1 else ""
        return f"{described}, reduction={self.reduction}, from_logits={self.from_logits}"
