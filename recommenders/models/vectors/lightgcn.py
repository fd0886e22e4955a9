"""LightGCN (He et al., SIGIR 2020): vectors are smoothed along the graph of who has which item in the training part.

With E the rows of all users and items and A the graph with 1 / sqrt(degree of user * degree of item) on its edges, the
vectors are (E + AE + ... + A^layers E) / (layers + 1) (Eq. 7 and 8 of the paper, with its alpha_k = 1 / (layers + 1)).
The paper scores by dot products and drops nothing: `lightgcn:similarity=dot:dropout=0`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from recommenders.data.implicit.user_items import UserItems, row_starts
from recommenders.models.recommender import Weights, check_settings
from recommenders.models.vectors.model import VectorModel


class Graph:
    """A symmetric matrix over n users and items, each with the factors of its neighbours.

    A product is a sum over bags of rows: on a CPU two to three times as fast as torch's sparse matrices, and with the
    same bits whatever the number of threads, as every row is summed by one of them in the order of neighbours.

    Args:
        train: the items of every user.
        n_items: the number of items.
    """

    def __init__(self, train: UserItems, n_items: int) -> None:
        user, item = train.users(), train.items.astype(np.int64)
        node = np.concatenate([user, item + train.n_users])
        neighbour = np.concatenate([item + train.n_users, user])
        degree = np.bincount(node, minlength=train.n_users + n_items)
        factor = 1 / np.sqrt(degree[node].astype(np.float64) * degree[neighbour])
        order = np.argsort(node, kind="stable")  # neighbours stay ascending
        kept = (neighbour[order].astype(np.int32), row_starts(degree).astype(np.int32), factor[order])
        self._made = [torch.from_numpy(one) for one in kept]
        self._parts: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}

    def _on(self, rows: Tensor) -> list[Tensor]:
        """Return neighbours, starts and factors on the device of rows, factors of their type."""
        key = rows.device, rows.dtype
        if key not in self._parts:
            neighbours, starts, factors = (one.to(rows.device) for one in self._made)
            self._parts[key] = [neighbours, starts, factors.to(rows.dtype)]
        return self._parts[key]

    def smoothed(self, rows: Tensor, layers: int) -> Tensor:
        """Return the mean of rows [n, D] and of their products with the 1st to the last power of the graph.

        Args:
            rows: of all users, then of all items.
            layers: the last power.
        """
        neighbours, starts, factors = self._on(rows)
        total = rows
        for _ in range(layers):  # Horner's scheme
            total = rows + torch.nn.functional.embedding_bag(
                neighbours, total, starts, mode="sum", per_sample_weights=factors, include_last_offset=True
            )
        return total / (layers + 1)


class _Smoothing(torch.autograd.Function):
    """The graph is symmetric, hence the gradient of smoothing is smoothing, and nothing is kept for it."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, graph: Graph, layers: int) -> Tensor:
        ctx.graph, ctx.layers = graph, layers
        return graph.smoothed(rows, layers)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return ctx.graph.smoothed(gradients[0].contiguous(), ctx.layers), None, None


@dataclass(frozen=True)
class LightGCN(VectorModel):
    """Matrix factorisation smoothed along the graph, see the module."""

    about: ClassVar[str] = "LightGCN: matrix factorisation smoothed along the graph of users and items; slow to train"

    layers: int = 3
    """How far vectors are smoothed; 0: matrix factorisation."""

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        check_settings(self, layers=(0, 100))

    def on(self, train: UserItems, n_items: int) -> Self:
        """See VectorModel."""
        return self._knowing(Graph(train, n_items))

    def vectors(
        self, weights: Weights, users: Tensor | None, items: Tensor | None, positives: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """See VectorModel.

        Raises:
            UserError: the model is of no training part yet.
        """
        graph = self._known(Graph)
        user, item = weights["user_embedding"], weights["item_embedding"]
        user, item = _Smoothing.apply(torch.cat([user, item]), graph, self.layers).split([len(user), len(item)])
        return user if users is None else user[users], item if items is None else item[items]
