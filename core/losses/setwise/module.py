"""A set-wise loss as a torch module, for the user's own training loop."""

from __future__ import annotations

from torch import Tensor, nn

from core.common.errors import UserError
from core.losses.module import REDUCTIONS
from core.programs.sets.by_torch import evaluate_by_torch
from core.programs.sets.expression import Expression
from core.programs.sets.formula import formula_of


class SetLossModule(nn.Module):
    """A set-wise loss as a torch module; gives the same numbers as the file that `core.export.set_loss` writes.

    Args:
        loss: of p and n, with numbers for all constants.
        reduction: "mean", "sum" or "none" (a number for each positive).

    Raises:
        UserError: an unknown reduction.
    """

    def __init__(self, loss: Expression, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise UserError(f"reduction: expected {', '.join(REDUCTIONS)}, got {reduction!r}")
        self.loss, self.reduction = loss, reduction

    def forward(self, positive: Tensor, negatives: Tensor) -> Tensor:
        """Return the loss of the scores of positives and of their negatives.

        Args:
            positive: [B].
            negatives: [B, N], or [N] where all positives have the same.

        Returns:
            A scalar, or for reduction "none" [B].

        Raises:
            TypeError: an argument is not a tensor of floating-point numbers.
            ValueError: other shapes, or no negatives.
        """
        if not (isinstance(positive, Tensor) and isinstance(negatives, Tensor)):
            got = f"{type(positive).__name__} and {type(negatives).__name__}"
            raise TypeError(f"expected scores as tensors, got {got}; torch.as_tensor makes one")
        if not (positive.is_floating_point() and negatives.is_floating_point()):
            raise TypeError(f"expected scores as floating-point numbers, got {positive.dtype} and {negatives.dtype}")
        if negatives.ndim == 1:
            negatives = negatives.expand(len(positive), -1)
        if positive.ndim != 1 or negatives.ndim != 2 or len(positive) != len(negatives) or not negatives.shape[1]:
            got = f"{list(positive.shape)} and {list(negatives.shape)}"
            raise ValueError(f"expected positives [B] and negatives [B, N] with N above 0, got {got}")
        count = positive.new_tensor(float(negatives.shape[1]))
        values = evaluate_by_torch(self.loss, {"p": positive[:, None], "n": negatives, "count": count})
        values = values.expand(len(positive), 1)[:, 0]
        return values if self.reduction == "none" else values.mean() if self.reduction == "mean" else values.sum()

    def extra_repr(self) -> str:
        """Return the formula and the reduction for its `repr`."""
        return f"{formula_of(self.loss)}, reduction={self.reduction}"
