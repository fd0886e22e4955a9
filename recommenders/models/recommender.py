"""The interface that every recommender implements.

Shapes: K copies of the recommender, B examples in a batch, d the embedding size. All parameters
have a leading dimension K.
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
#: A table has a row for every user, or a row for every item.
RowKind = Literal["user", "item"]


def check_settings(recommender: object, **ranges: tuple[float, float]) -> None:
    """Check that settings are within their ranges.

    Args:
        recommender: the object with the settings as attributes.
        ranges: setting -> (smallest value, exclusive upper bound).

    Raises:
        UserError: a setting is out of range or NaN.
    """
    for name, (least, below) in ranges.items():
        value = getattr(recommender, name)
        if not least <= value < below:
            raise UserError(f"{name}: expected at least {least:g} and below {below:g}, got {value}")


class Recommender(ABC):
    """Maps gathered weights to logits; y_hat = sigmoid(logit) (paper, Eq. 4).

    A recommender holds settings but no parameters, so one object serves any number of copies.
    """

    #: Name of a table -> whether it has a row for each user or for each item. All other parameters are dense.
    tables: ClassVar[Mapping[str, RowKind]]
    #: Parameters without gradient and weight decay: dense ones such as running means, which training passes update, and
    #: tables such as the features of items, which never change.
    buffers: frozenset[str] = frozenset()

    def sized(self, n_users: int, n_items: int) -> Recommender:
        """Return a recommender for these numbers of users and items.

        Override it only if something besides the rows of tables depends on them; the default returns self.

        Args:
            n_users: number of users.
            n_items: number of items.
        """
        return self

    @abstractmethod
    def initial(self, n_users: int, n_items: int, seed: int) -> Weights:
        """Return the initial parameters of one copy, float32 on the CPU.

        Args:
            n_users: number of users.
            n_items: number of items.
            seed: of the draws.

        Returns:
            Tables [n_users or n_items, ...] and dense parameters [...], without a leading K.
        """

    @abstractmethod
    def logit(self, weights: Weights, training: Training | None) -> Tensor:
        """Return the logits [K, B] of a forward pass; a training pass updates buffers in place.

        Args:
            weights: tables gathered to [K, B, ...], dense parameters [K, ...].
            training: the random draws of a training pass; None: evaluation mode.
        """

    @abstractmethod
    def vjp(self, weights: Weights, training: Training | None) -> tuple[Tensor, Pullback]:
        """Return the logits and the vector-Jacobian product of a forward pass, which a backward pass needs.

        Args:
            weights: see `logit`.
            training: see `logit`.

        Returns:
            The logits [K, B], and a function from d objective / d logit [K, B] to d objective / d weight.
        """


def gather(
    recommender: Recommender, weights: Weights, users: Tensor, items: Tensor, scale: Tensor | None = None
) -> Weights:
    """Gather the weights that a forward pass of B examples needs.

    Args:
        recommender: the model.
        weights: of K copies: tables [K, rows, ...], dense parameters [K, ...].
        users: [B].
        items: [B].
        scale: factors of the trained tables [K]; None: 1.

    Returns:
        Tables gathered to [K, B, ...], dense parameters [K, ...].
    """
    gathered, buffers = dict(weights), recommender.buffers
    for name, kind in recommender.tables.items():
        rows = weights[name].index_select(1, users if kind == "user" else items)
        gathered[name] = (
            rows if scale is None or name in buffers else rows.mul_(scale.view(-1, *(1,) * (rows.dim() - 1)))
        )
    return gathered


def autograd_vjp(recommender: Recommender, weights: Weights, training: Training | None) -> tuple[Tensor, Pullback]:
    """Compute `Recommender.vjp` by autograd, for recommenders without a hand-written backward pass.

    Args:
        recommender: the model.
        weights: see `Recommender.logit`.
        training: see `Recommender.logit`.

    Returns:
        The logits [K, B], and a function from d objective / d logit [K, B] to d objective / d weight.
    """
    inputs = {name: w.detach().requires_grad_() for name, w in weights.items() if name not in recommender.buffers}
    with torch.enable_grad():
        logit = recommender.logit(weights | inputs, training)

    def pullback(gradient: Tensor) -> Weights:
        gradients = torch.autograd.grad(logit, list(inputs.values()), grad_outputs=gradient, materialize_grads=True)
        # torch 2.6 lets the zeros of unused weights require gradients themselves
        return {name: gradient.detach() for name, gradient in zip(inputs, gradients, strict=True)}

    return logit.detach(), pullback
