"""DirectAU: users near their items, and both spread over the sphere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from core.losses.setwise import constants
from core.losses.setwise.terms import Term
from core.losses.setwise.vector_loss import BatchLossAndGradients, BatchVectors, VectorLoss

#: What squared distances are multiplied by, as in the paper: exponentials are from e^-8 to 1.
_T = 2.0
#: Rows whose distances to all others are computed at a time.
_AT_ONCE = 2048
#: Shorter vectors have no direction: they are divided by this, and have no gradient.
_SHORTEST = 1e-12


def log_mean_kernel(directions: Tensor) -> Term:
    """Return the log of the mean over pairs of exp(-2 * squared distance); 0 where there are no pairs.

    Args:
        directions: [B, D] of length 1.

    Returns:
        The value [], and its derivative [B, D] along the sphere; what it has across is left out.
    """
    n, total, pulls = len(directions), directions.new_zeros(()), torch.zeros_like(directions)
    if n < 2:
        return Term(total, pulls)
    for first in range(0, n, _AT_ONCE):
        rows = directions[first : first + _AT_ONCE]
        near = ((rows @ directions.T).clamp_(max=1.0) - 1).mul_(2 * _T).exp_()
        near[:, first : first + len(rows)].fill_diagonal_(0)
        total += near.sum()
        pulls[first : first + len(rows)] = near @ directions
    return Term((total / (n * (n - 1))).log(), pulls * (4 * _T / total))


@dataclass(frozen=True)
class DirectAU(VectorLoss):
    """See VectorLoss."""

    name: ClassVar[str] = "DirectAU"
    formula: ClassVar[str] = (
        "mean(dist(u, i)^2) + gamma * (uniformity(users) + uniformity(positives)) / 2, uniformity(x) = log(mean over "
        "pairs of exp(-2 dist(x, x')^2)), vectors brought to length 1"
    )
    source: ClassVar[str] = "Wang et al., KDD 2022, Eqs. 5 and 6"
    published: ClassVar[str] = (
        "As in the code (THUwangcy/DirectAU, directau.py), where a user or item that is in a batch twice makes a pair "
        "with itself. The code trains on the sphere and ranks by dot products, which is similarity=dot; gamma is tuned "
        "from .2 to 10 there. Needs no negatives, so none are drawn."
    )

    gamma: float = constants.balance(1.0)
    """The weight of uniformity."""

    def evaluate(self, vectors: BatchVectors) -> BatchLossAndGradients:
        """See VectorLoss."""
        sides = (vectors.users, vectors.positives)
        lengths = [one.norm(dim=1, keepdim=True) for one in sides]
        users, items = (one / length.clamp(min=_SHORTEST) for one, length in zip(sides, lengths, strict=True))
        n, spread = max(1, len(users)), [log_mean_kernel(one) for one in (users, items)]
        value = (users - items).square().sum() / n + self.gamma * (spread[0].value + spread[1].value) / 2
        by_users, by_items = (
            other * (-2 / n) + side.derivative * (self.gamma / 2)
            for other, side in zip((items, users), spread, strict=True)
        )
        gradients = (
            _along(direction, by, length)
            for direction, by, length in zip((users, items), (by_users, by_items), lengths, strict=True)
        )
        return BatchLossAndGradients(value, *gradients)


def _along(direction: Tensor, by: Tensor, length: Tensor) -> Tensor:
    """Return derivatives by vectors [B, D], from those by their directions and their lengths [B, 1]."""
    across = (by * direction).sum(1, keepdim=True) * direction
    return torch.where(length > _SHORTEST, (by - across) / length, 0)
