"""The batched trainer: K copies of a recommender, each trained by its own loss.

The update is plain SGD with the gradient clipped by value and one effective weight decay:
p <- p - learning_rate * (clip(g) + weight_decay * p), where g is the gradient of the batch's mean loss.
Two back ends do it, see `recommenders.backend`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.errors import UserError
from core.loss import Loss
from recommenders.backend import Backend, TrainEpoch
from recommenders.batches import EpochBatches
from recommenders.compiled import CompiledBackend
from recommenders.data.dataset import Interactions
from recommenders.population import Population
from recommenders.recommender import Recommender, Weights
from recommenders.stacked import StackedBackend

#: What trains: compiled code on a CPU where the recommender has some, else torch; or always torch.
BACKENDS = ("auto", "torch")


class Trainer:
    """Trains populations of one recommender on one set of interactions.

    Args:
        recommender: the model.
        interactions: what to train on.
        batch_size: examples a step.
        clip: the largest absolute value of an element of a gradient.
        device: where everything lives.
        dtype: float32, or float64 for checks.
        backend: one of BACKENDS.
        threads: CPU cores for compiled code; results do not depend on it.

    Raises:
        UserError: an unknown back end.
    """

    def __init__(
        self,
        recommender: Recommender,
        interactions: Interactions,
        batch_size: int,
        clip: float,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        backend: str = "auto",
        threads: int = 1,
    ) -> None:
        if backend not in BACKENDS:
            raise UserError(f"backend: expected {' or '.join(BACKENDS)}, got {backend!r}")
        self.recommender, self.device, self.dtype = recommender, device, dtype
        self._batches = EpochBatches(interactions, batch_size, device, dtype)
        self._backend: Backend = StackedBackend(recommender, clip, device, dtype)
        kernel = recommender.kernel() if backend == "auto" and device.type == "cpu" else None
        if kernel is not None:
            self._backend = CompiledBackend(kernel, clip, dtype, threads, self._backend)

    def population(self, weights: Weights, learning_rate: Sequence[float], weight_decay: Sequence[float]) -> Population:
        """K copies of one set of parameters (no leading K), a learning rate and decay each."""
        k = len(learning_rate)
        copies = {
            name: w.to(self.device, self.dtype).expand(k, *w.shape).clone(memory_format=torch.contiguous_format)
            for name, w in weights.items()
        }
        return Population(copies, tuple(learning_rate), tuple(weight_decay))

    def prepare(self, losses: Sequence[Loss]) -> TrainEpoch:
        """Losses in the form that `train_epoch` takes, for a population of as many copies."""
        return self._backend.prepare(losses)

    def train_epoch(self, population: Population, losses: TrainEpoch, seed: int, epoch: int = 0) -> None:
        """Train every copy in place by its own loss, for one epoch of the batches of (seed, epoch)."""
        losses(population, self._batches(seed, epoch))

    def predict(self, weights: Weights, users: Tensor, items: Tensor) -> Tensor:
        """y_hat [K, n] for n pairs of users and items."""
        return self._backend.predict(weights, users, items)
