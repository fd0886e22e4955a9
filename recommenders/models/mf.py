"""Matrix factorisation with biases: paper, Eq. (2); Koren, Bell and Volinsky, Computer 42(8), 2009."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from core.common.seeding import torch_rng
from recommenders.common.draws import Training
from recommenders.models.recommender import Pullback, Recommender, RowKind, Weights, check_settings


@dataclass(frozen=True)
class MF(Recommender):
    """Matrix factorisation: logit = e_u . e_i + b_u + b_i + b_g."""

    embedding_size: int = 64
    """Dimensions of user and item embeddings (section 5.1.4)."""
    init_std: float = 1.0
    """Standard deviation of initial embeddings and biases."""
    init_global_bias: float = 0.1
    """Initial global bias, as in the published code."""

    tables: ClassVar[Mapping[str, RowKind]] = {
        "user_embedding": "user",
        "user_bias": "user",
        "item_embedding": "item",
        "item_bias": "item",
    }

    def __post_init__(self) -> None:
        """Check the settings."""
        check_settings(self, embedding_size=(1, math.inf), init_std=(0, math.inf))

    def initial(self, n_users: int, n_items: int, seed: int) -> Weights:
        """See Recommender."""
        shapes = {
            "user_embedding": (n_users, self.embedding_size),
            "user_bias": (n_users,),
            "item_embedding": (n_items, self.embedding_size),
            "item_bias": (n_items,),
        }
        weights = {
            name: self.init_std * torch.randn(shape, generator=torch_rng(seed, "initial", name))
            for name, shape in shapes.items()
        }
        return weights | {"global_bias": torch.tensor(self.init_global_bias)}

    def logit(self, weights: Weights, training: Training | None) -> Tensor:
        """See Recommender."""
        dot = (weights["user_embedding"] * weights["item_embedding"]).sum(-1)
        return dot + weights["user_bias"] + weights["item_bias"] + weights["global_bias"][:, None]

    def vjp(self, weights: Weights, training: Training | None) -> tuple[Tensor, Pullback]:
        """See Recommender; written by hand, since it is only a few products."""

        def pullback(gradient: Tensor) -> Weights:
            column = gradient[..., None]
            return {
                "user_embedding": column * weights["item_embedding"],
                "item_embedding": column * weights["user_embedding"],
                "user_bias": gradient,
                "item_bias": gradient,
                "global_bias": gradient.sum(-1),
            }

        return self.logit(weights, training), pullback
