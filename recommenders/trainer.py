"""The batched trainer: K copies of a recommender, each trained by its own loss.

The update is plain SGD with the gradient clipped by value and one effective weight decay:
p <- p - learning_rate * (clip(g) + weight_decay * p), where g is the gradient of the batch's mean loss.

The cost of a step does not depend on the number of users and items: rows are gathered, trained and
written back. The decay of all other rows is exact without touching them: a table is kept as p = s q with
one number s for each copy, and s takes the factor (1 - learning_rate * weight_decay) at every step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.seeding import torch_rng
from core.stack import StackedLosses
from recommenders.batches import Batch, EpochBatches
from recommenders.data.dataset import Interactions
from recommenders.recommender import Recommender, Training, Weights

#: Rows evaluated at a time, to bound memory.
_EVALUATION_ROWS = 16_384
#: A table's scale is multiplied into the table before it may fall below this, far from the end of float32.
_LEAST_SCALE = 1e-6


@dataclass
class Population:
    """K copies of a recommender with their own optimisation settings."""

    weights: Weights
    """Parameters [K, ...]."""
    learning_rate: Tensor
    """[K]."""
    weight_decay: Tensor
    """The effective decay [K], see the module's text."""

    def __len__(self) -> int:
        """K."""
        return len(self.learning_rate)

    def select(self, copies: Sequence[int]) -> Population:
        """A population of these copies (of one copy many times, to start candidates from it)."""
        index = torch.tensor(list(copies), device=self.learning_rate.device)
        weights = {name: weight.index_select(0, index) for name, weight in self.weights.items()}
        return Population(weights, self.learning_rate[index], self.weight_decay[index])


class Trainer:
    """Trains populations of one recommender on one set of interactions.

    Args:
        recommender: the model.
        interactions: what to train on.
        batch_size: examples a step.
        clip: the largest absolute value of an element of a gradient.
        device: where everything lives.
        dtype: float32, or float64 for checks.
    """

    def __init__(
        self,
        recommender: Recommender,
        interactions: Interactions,
        batch_size: int,
        clip: float,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.recommender, self.device, self.dtype = recommender, device, dtype
        self._clip = clip
        self._batches = EpochBatches(interactions, batch_size, device, dtype)

    def population(self, weights: Weights, learning_rate: Sequence[float], weight_decay: Sequence[float]) -> Population:
        """K copies of one set of parameters (no leading K), a learning rate and decay each."""
        k = len(learning_rate)
        copies = {name: torch.stack([w.to(self.device, self.dtype)] * k) for name, w in weights.items()}
        rates = torch.tensor([learning_rate, weight_decay], device=self.device, dtype=self.dtype)
        return Population(copies, rates[0], rates[1])

    @torch.no_grad()
    def train_epoch(self, population: Population, losses: StackedLosses, seed: int, epoch: int = 0) -> None:
        """Train every copy in place by its own loss, for one epoch of the batches of (seed, epoch)."""
        training = Training(torch_rng(seed, "dropout", epoch, device=self.device))
        scale = torch.ones_like(population.learning_rate)
        least = _keep(population).min().item()
        may_go_on = math.inf if least == 1 else max(1, int(math.log(_LEAST_SCALE) / math.log(least)))
        for step, batch in enumerate(self._batches(seed, epoch), start=1):
            scale = self._step(population, losses, batch, scale, training)
            if step % may_go_on == 0:
                scale = self._fold(population, scale)
        self._fold(population, scale)

    def _fold(self, population: Population, scale: Tensor) -> Tensor:
        """Multiply the scale into the tables; the new scale is 1."""
        for name in self.recommender.tables:
            table = population.weights[name]
            table.mul_(_columns(scale, table))
        return torch.ones_like(scale)

    def _step(
        self, population: Population, losses: StackedLosses, batch: Batch, scale: Tensor, training: Training
    ) -> Tensor:
        """One SGD step; returns the new scale s [K] of the tables."""
        gathered = self.gather(population.weights, batch.user, batch.item, scale)
        logit, pullback = self.recommender.vjp(gathered, training)
        gradients = pullback(losses.slope(logit, batch.label) / len(batch.label))
        keep = _keep(population)
        scale = scale * keep
        for name, gradient in gradients.items():
            kind, weight = self.recommender.tables.get(name), population.weights[name]
            if kind is None:
                step = gradient.clamp_(-self._clip, self._clip) * _columns(population.learning_rate, weight)
                weight.mul_(_columns(keep, weight)).sub_(step)
                continue
            rows, first = (batch.user, batch.first_user) if kind == "user" else (batch.item, batch.first_item)
            summed = torch.zeros_like(gradient).index_add_(1, first, gradient).clamp_(-self._clip, self._clip)
            # Rows that do not stand first carry zeros, so adding a row twice changes nothing.
            weight.index_add_(1, rows, summed.mul_(_columns(-population.learning_rate / scale, gradient)))
        return scale

    def gather(self, weights: Weights, users: Tensor, items: Tensor, scale: Tensor | None = None) -> Weights:
        """The weights that a forward pass of these examples takes, tables times `scale` [K]."""
        gathered = dict(weights)
        for name, kind in self.recommender.tables.items():
            rows = weights[name].index_select(1, users if kind == "user" else items)
            gathered[name] = rows if scale is None else rows.mul_(_columns(scale, rows))
        return gathered

    @torch.no_grad()
    def predict(self, weights: Weights, users: Tensor, items: Tensor) -> Tensor:
        """y_hat [K, n] for n pairs of users and items."""
        parts = []
        for start in range(0, len(users), _EVALUATION_ROWS):
            rows = slice(start, start + _EVALUATION_ROWS)
            gathered = self.gather(weights, users[rows], items[rows])
            parts.append(torch.sigmoid(self.recommender.logit(gathered, None)))
        return torch.cat(parts, dim=1)


def _keep(population: Population) -> Tensor:
    """What a step's weight decay leaves of a parameter [K]."""
    return 1 - population.learning_rate * population.weight_decay


def _columns(per_copy: Tensor, like: Tensor) -> Tensor:
    """[K] as [K, 1, ...], to go with a tensor of K copies."""
    return per_copy.view(-1, *(1,) * (like.dim() - 1))
