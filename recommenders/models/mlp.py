"""Multi-layer perceptron on concatenated embeddings: paper, Eq. (3) and section 5.1.4.

Departures: the last layer (16 x 1) has no batch normalisation, dropout or ReLU. Taken to the letter,
predictions sigmoid(ReLU(.)) >= 1/2 could never come near the label 0. All K copies share dropout masks,
so that candidates are compared under the same noise.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from core.common.errors import UserError
from core.common.seeding import torch_rng
from recommenders.common.draws import Training
from recommenders.models.recommender import (
    Pullback,
    Recommender,
    RowKind,
    Weights,
    autograd_vjp,
    check_settings,
)

#: torch.nn.BatchNorm1d's defaults.
MOMENTUM, BN_EPSILON = 0.1, 1e-5


@dataclass(frozen=True)
class MLP(Recommender):
    """Layers 2d x 64, 64 x 16, 16 x 1; the hidden ones have batch normalisation, ReLU and dropout."""

    embedding_size: int = 64
    """Dimensions of user and item embeddings."""
    hidden_sizes: tuple[int, ...] = (64, 16)
    """Widths of the hidden layers."""
    dropout: float = 0.2
    """Share of hidden units dropped while training."""
    init_std: float = 1.0
    """Standard deviation of initial embeddings; layers start as torch.nn.Linear does."""

    tables: ClassVar[Mapping[str, RowKind]] = {"user_embedding": "user", "item_embedding": "item"}

    @property
    def buffers(self) -> frozenset[str]:  # type: ignore[override]
        """Names of the running statistics of batch normalisation."""
        return frozenset(
            f"{name}.{i}" for name in ("running_mean", "running_var") for i in range(len(self.hidden_sizes))
        )

    def __post_init__(self) -> None:
        """Check the settings."""
        check_settings(self, embedding_size=(1, math.inf), init_std=(0, math.inf), dropout=(0, 1))
        if min(self.hidden_sizes, default=1) < 1:
            raise UserError(
                f"hidden_sizes: expected numbers of at least 1, got {', '.join(map(str, self.hidden_sizes))}"
            )

    def initial(self, n_users: int, n_items: int, seed: int) -> Weights:
        """See Recommender."""
        weights: Weights = {}
        for name, rows in (("user_embedding", n_users), ("item_embedding", n_items)):
            rng = torch_rng(seed, "initial", name)
            weights[name] = self.init_std * torch.randn(rows, self.embedding_size, generator=rng)
        sizes = (2 * self.embedding_size, *self.hidden_sizes, 1)
        for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
            rng, bound = torch_rng(seed, "initial", "layer", i), 1 / math.sqrt(n_in)
            weights[f"weight.{i}"] = (2 * torch.rand(n_in, n_out, generator=rng) - 1) * bound
            weights[f"bias.{i}"] = (2 * torch.rand(n_out, generator=rng) - 1) * bound
        for i, size in enumerate(self.hidden_sizes):
            weights |= {f"scale.{i}": torch.ones(size), f"shift.{i}": torch.zeros(size)}
            weights |= {f"running_mean.{i}": torch.zeros(size), f"running_var.{i}": torch.ones(size)}
        return weights

    def logit(self, weights: Weights, training: Training | None) -> Tensor:
        """See Recommender."""
        h = torch.cat([weights["user_embedding"], weights["item_embedding"]], dim=-1)  # [K, B, 2d]
        for i in range(len(self.hidden_sizes)):
            h = torch.baddbmm(weights[f"bias.{i}"][:, None], h, weights[f"weight.{i}"])
            h = torch.relu(_batch_norm(h, weights, i, training))
            if training is not None and self.dropout > 0:
                kept = torch.rand(h.shape[1:], generator=training.rng, device=h.device) >= self.dropout
                h = h * (kept / (1 - self.dropout)).to(h.dtype)
        last = len(self.hidden_sizes)
        return torch.baddbmm(weights[f"bias.{last}"][:, None], h, weights[f"weight.{last}"]).squeeze(-1)

    def vjp(self, weights: Weights, training: Training | None) -> tuple[Tensor, Pullback]:
        """See Recommender."""
        return autograd_vjp(self, weights, training)


def _batch_norm(h: Tensor, weights: Weights, i: int, training: Training | None) -> Tensor:
    """Normalise h [K, B, H] over the batch; a training pass updates the running statistics in place."""
    mean, var = weights[f"running_mean.{i}"], weights[f"running_var.{i}"]
    if training is not None:
        n = h.shape[1]
        running_mean, running_var = mean, var
        var, mean = torch.var_mean(h, dim=1, correction=0)
        with torch.no_grad():
            running_mean.lerp_(mean.detach(), MOMENTUM)
            running_var.lerp_(var.detach() * (n / max(n - 1, 1)), MOMENTUM)
    factor = weights[f"scale.{i}"] * torch.rsqrt(var + BN_EPSILON)
    return torch.addcmul((weights[f"shift.{i}"] - mean * factor)[:, None], h, factor[:, None])
