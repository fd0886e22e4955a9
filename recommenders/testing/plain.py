"""The reference for back ends: one copy, whole tables, autograd and the plain SGD update, all in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from core.common.seeding import torch_rng
from core.losses.loss import Loss
from recommenders.backends.batches import EpochBatches
from recommenders.common.draws import Training
from recommenders.data.dataset import Interactions
from recommenders.models.recommender import Recommender, Weights, gather

#: (logit [B], y [B]) -> per-example loss [B].
Value = Callable[[Tensor, Tensor], Tensor]


class PlainModel(nn.Module):
    """One copy of a recommender as a torch module: (user [B], item [B]) -> logit [B].

    Args:
        recommender: the model.
        weights: of one copy, without a leading K; copied.
    """

    def __init__(self, recommender: Recommender, weights: Weights) -> None:
        super().__init__()
        self._recommender = recommender
        self._state = {name: nn.Parameter(w.double()[None].clone()) for name, w in weights.items()}
        for name in recommender.buffers:
            self._state[name].requires_grad_(False)
        self._trained = nn.ParameterList(w for name, w in self._state.items() if name not in recommender.buffers)

    def forward(self, user: Tensor, item: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Return the logits [B].

        Args:
            user: [B].
            item: [B].
            rng: the random draws of a training pass; None: evaluation mode.
        """
        gathered = gather(self._recommender, dict(self._state), user.long(), item.long())
        return self._recommender.logit(gathered, None if rng is None else Training(rng))[0]

    def weights(self) -> Weights:
        """Return the parameters, without a leading K."""
        return {name: weight.detach()[0] for name, weight in self._state.items()}


def train_epoch(
    model: nn.Module,
    interactions: Interactions,
    value: Value,
    *,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    clip: float,
    seed: int,
    epoch: int = 0,
    device: torch.device | str = "cpu",
) -> tuple[int, int]:
    """Train a model in place with the update of `recommenders.backends.base`, on the batches of (seed, epoch).

    Args:
        model: (user [B], item [B], rng) -> logit [B].
        interactions: the training examples.
        value: the loss.
        batch_size: examples per step.
        learning_rate: of plain SGD.
        weight_decay: the effective decay.
        clip: the largest absolute value of an element of a gradient.
        seed: of the order and of random draws.
        epoch: number of the epoch.
        device: where the model is.

    Returns:
        How many elements of gradients were clipped, and how many were not zero.
    """
    model.train()
    batches = EpochBatches(interactions, batch_size, torch.device(device), torch.float64)
    rng, n_clipped, n_moved = torch_rng(seed, "dropout", epoch, device=torch.device(device)), 0, 0
    for batch in batches(seed, epoch):
        parameters = list(model.parameters())
        loss = value(model(batch.user, batch.item, rng), batch.label).mean()
        with torch.no_grad():
            gradients = torch.autograd.grad(loss, parameters, materialize_grads=True)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                n_clipped += int((gradient.abs() > clip).sum())
                n_moved += int((gradient != 0).sum())
                parameter.sub_(learning_rate * (gradient.clamp(-clip, clip) + weight_decay * parameter))
    return n_clipped, n_moved


def by_gradient(loss: Loss) -> Value:
    """Return a function whose gradient by autograd equals `loss.gradient`; its value is not that of the loss."""
    return lambda logit, y: loss.gradient(logit.detach(), y) * logit


def bce(logit: Tensor, y: Tensor) -> Tensor:
    """Return the binary cross entropy of every example [B].

    Args:
        logit: [B].
        y: labels [B].
    """
    return binary_cross_entropy_with_logits(logit, y, reduction="none")


def sum_of_reciprocals(epsilon: float) -> Value:
    """Return the loss SumR of the paper (Table 4)."""

    def value(logit: Tensor, y: Tensor) -> Tensor:
        y_hat = torch.sigmoid(logit)
        return (y_hat + y + epsilon) / (y_hat * y + epsilon)

    return value


def max_of_ratios(epsilon: float) -> Value:
    """Return the loss MaxR of the paper (Table 4)."""

    def value(logit: Tensor, y: Tensor) -> Tensor:
        ratio = (torch.sigmoid(logit) + epsilon) / (y + epsilon)
        return torch.maximum(ratio, 1 / ratio)

    return value


def random_interactions(n_users: int, n_items: int, n: int, seed: int) -> Interactions:
    """Draw random interactions, which may repeat.

    Args:
        n_users: number of users.
        n_items: number of items.
        n: number of interactions.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    user, item, label = (rng.integers(most, size=n) for most in (n_users, n_items, 2))
    return Interactions(user, item, label.astype(np.float32))
