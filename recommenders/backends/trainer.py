"""The batched trainer: K copies of a recommender, each trained by its own loss.

The update is plain SGD with the gradient clipped by value and one effective weight decay:
p <- p - learning_rate * (clip(g) + weight_decay * p), where g is the gradient of the batch's mean loss.
Two back ends do it, see `recommenders.backends.base`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.losses.loss import Loss
from recommenders.backends.base import Backend, TrainEpoch
from recommenders.backends.batches import Epoch, EpochBatches
from recommenders.backends.compiled import CompiledBackend
from recommenders.backends.population import Population
from recommenders.backends.stacked import StackedBackend
from recommenders.common.machine import Machine
from recommenders.common.memory import half_of
from recommenders.data.dataset import Interactions
from recommenders.models.recommender import Recommender, Weights


class Trainer:
    """Trains populations of one recommender on one set of interactions.

    Args:
        recommender: the model.
        interactions: what to train on.
        batch_size: examples a step.
        clip: the largest absolute value of an element of a gradient, unless a population has its own.
        machine: where everything lives.
    """

    def __init__(
        self,
        recommender: Recommender,
        interactions: Interactions,
        batch_size: int,
        clip: float,
        machine: Machine,
    ) -> None:
        self.recommender, self.machine, self._clip = recommender, machine, clip
        self.device, dtype = machine.device, machine.dtype
        self._batches = EpochBatches(interactions, batch_size, self.device, dtype)
        self._backend: Backend = StackedBackend(recommender, self.device, dtype)
        kernel = recommender.kernel() if machine.backend == "auto" and self.device.type == "cpu" else None
        self.compiled = kernel is not None
        """Whether machine code does the training."""
        self._most: int | None = None  # copies of the parameters that memory took, where more did not go
        if kernel is not None:
            self._backend = CompiledBackend(kernel, dtype, machine.threads, self._backend)

    def population(
        self,
        weights: Weights,
        learning_rate: Sequence[float],
        weight_decay: Sequence[float],
        clip: Sequence[float] | None = None,
    ) -> Population:
        """K copies of one set of parameters (no leading K), a learning rate, decay and clip each."""
        k = len(learning_rate)
        copies = {
            name: w.to(self.device, self.machine.dtype).expand(k, *w.shape).clone(memory_format=torch.contiguous_format)
            for name, w in weights.items()
        }
        clips = (self._clip,) * k if clip is None else tuple(clip)
        return Population(copies, tuple(learning_rate), tuple(weight_decay), clips)

    def at_once(self, weights: Weights, copies: int = 1) -> int:
        """How many candidates memory takes, each with so many copies of one copy's weights."""
        n = self.machine.room_for(copies * sum(w.numel() for w in weights.values()) * self.machine.dtype.itemsize)
        return n if self._most is None else max(1, min(n, self._most // copies))

    def fewer(self, n: int, error: Exception, copies: int = 1) -> int:
        """How many candidates to train together after an error with n of them: half, from now on.

        Raises:
            Exception: the error, unless it says that memory ran out and n is above 1.
        """
        half = half_of(n, error)
        self._most = half * copies
        return half

    def prepare(self, losses: Sequence[Loss]) -> TrainEpoch:
        """Losses in the form that `train_epoch` takes, for a population of as many copies."""
        return self._backend.prepare(losses)

    def train_epoch(self, population: Population, losses: TrainEpoch, seed: int, epoch: int = 0) -> None:
        """Train every copy in place by its own loss, for one epoch of the batches of (seed, epoch)."""
        nobody = torch.empty(0, dtype=torch.int64, device=self.device)
        self.train_and_predict(population, losses, seed, epoch, nobody, nobody)

    def train_and_predict(
        self, population: Population, losses: TrainEpoch, seed: int, epoch: int, users: Tensor, items: Tensor
    ) -> Tensor:
        """`train_epoch`, then `predict`, in less time than one after the other: y_hat [K, n]."""
        return losses(population, self.epoch(seed, epoch), users, items)

    def epoch(self, seed: int, number: int) -> Epoch:
        """The batches of an epoch, on the device."""
        return self._batches(seed, number)

    def predict(self, weights: Weights, users: Tensor, items: Tensor) -> Tensor:
        """y_hat [K, n] for n pairs of users and items."""
        return self._backend.predict(weights, users, items)
