"""The interface that every recommender implements.

Shapes: K copies of the recommender, B examples of a batch, d the embedding size. All parameters
carry a leading K.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from core.common.errors import UserError
from recommenders.common.draws import Training

#: Parameter name -> tensor [K, ...].
Weights = dict[str, Tensor]
#: d objective / d logit [K, B] -> d objective / d weight for every trained weight, by name.
Pullback = Callable[[Tensor], Weights]
#: Tables have a row for every user, or for every item.
RowKind = Literal["user", "item"]


def check_settings(recommender: object, **ranges: tuple[float, float]) -> None:
    """Refuse settings outside their ranges.

    Args:
        recommender: what has the settings.
        ranges: setting -> least value and the bound that it must stay below.

    Raises:
        UserError: one that is outside, or not a number.
    """
    for name, (least, below) in ranges.items():
        value = getattr(recommender, name)
        if not least <= value < below:
            raise UserError(f"{name}: expected at least {least:g} and below {below:g}, got {value}")


class Recommender(ABC):
    """Maps gathered weights to logits; y_hat = sigmoid(logit) (paper, Eq. 4).

    A recommender holds settings and no parameters, so one object serves any number of copies.
    """

    #: The tables, and what each has a row for. All other parameters are dense.
    tables: ClassVar[Mapping[str, RowKind]]
    #: Parameters that no gradient trains and no decay shrinks: dense ones such as running means, which training passes
    #: update, and tables such as the features of items, which stay as they are.
    buffers: frozenset[str] = frozenset()

    def sized(self, n_users: int, n_items: int) -> Recommender:
        """The recommender for so many users and items: itself, unless more than its tables depends on them."""
        return self

    @abstractmethod
    def initial(self, n_users: int, n_items: int, seed: int) -> Weights:
        """Fresh parameters of one copy (no leading K), float32 on the CPU; tables are [rows, ...]."""

    @abstractmethod
    def logit(self, weights: Weights, training: Training | None) -> Tensor:
        """The logits [K, B].

        Args:
            weights: tables gathered to [K, B, ...], dense parameters [K, ...].
            training: None when evaluating.
        """

    @abstractmethod
    def vjp(self, weights: Weights, training: Training | None) -> tuple[Tensor, Pullback]:
        """`logit`, and the function that carries d objective / d logit back to the weights."""


def gather(
    recommender: Recommender, weights: Weights, users: Tensor, items: Tensor, scale: Tensor | None = None
) -> Weights:
    """The weights that a forward pass of these examples takes, trained tables times `scale` [K]."""
    gathered, buffers = dict(weights), recommender.buffers
    for name, kind in recommender.tables.items():
        rows = weights[name].index_select(1, users if kind == "user" else items)
        gathered[name] = (
            rows if scale is None or name in buffers else rows.mul_(scale.view(-1, *(1,) * (rows.dim() - 1)))
        )
    return gathered


def autograd_vjp(recommender: Recommender, weights: Weights, training: Training | None) -> tuple[Tensor, Pullback]:
    """`vjp` by autograd, for recommenders that bring no backward of their own."""
    inputs = {name: w.detach().requires_grad_() for name, w in weights.items() if name not in recommender.buffers}
    with torch.enable_grad():
        logit = recommender.logit(weights | inputs, training)

    def pullback(gradient: Tensor) -> Weights:
        gradients = torch.autograd.grad(logit, list(inputs.values()), grad_outputs=gradient, materialize_grads=True)
        # torch 2.6 lets the zeros of unused weights require gradients themselves
        return {name: gradient.detach() for name, gradient in zip(inputs, gradients, strict=True)}

    return logit.detach(), pullback
