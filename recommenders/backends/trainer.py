"""The batched trainer: K copies of a recommender, each trained by its own loss.

The back ends do it, by the law in `recommenders.backends.base`; a loss goes to the first one that takes it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.losses.loss import Loss
from recommenders.backends.base import TrainEpoch
from recommenders.backends.batches import Epoch, EpochBatches
from recommenders.backends.model_copies import ModelCopies
from recommenders.backends.registry import backends_for
from recommenders.common.machine import Machine
from recommenders.common.memory import half_of
from recommenders.data.dataset import Interactions
from recommenders.models.recommender import Recommender, Weights


class Trainer:
    """Trains copies of one recommender on one set of interactions.

    Args:
        recommender: the model.
        interactions: what to train on.
        batch_size: examples a step.
        clip: the largest absolute value of an element of a gradient, unless model copies have their own.
        machine: where everything lives.

    Raises:
        UserError: a back end that there is none of, or that cannot train the recommender on this machine.
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
        self.device = machine.device
        self.batches = EpochBatches(interactions, batch_size, self.device, machine.dtype)
        """(seed, number) -> the batches of an epoch, on the device."""
        self.backends = backends_for(recommender, machine)
        """What trains, in the order in which losses are offered; the first one predicts."""
        self._most: int | None = None  # copies of the parameters that memory took, where more did not go

    def model_copies(
        self,
        weights: Weights,
        learning_rate: Sequence[float],
        weight_decay: Sequence[float],
        clip: Sequence[float] | None = None,
    ) -> ModelCopies:
        """K copies of one set of parameters (no leading K), a learning rate, decay and clip each."""
        clips = (self._clip,) * len(learning_rate) if clip is None else clip
        return ModelCopies.of(weights, learning_rate, weight_decay, clips, self.machine)

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
        """Losses in the form that `train_epoch` takes, for as many model copies."""
        first = [next(i for i, one in enumerate(self.backends) if one.takes(loss)) for loss in losses]
        if len(set(first)) < 2:
            return self.backends[first[0] if first else 0].prepare(losses)
        groups = {i: [k for k, one in enumerate(first) if one == i] for i in sorted(set(first))}
        parts = [(copies, self.backends[i].prepare([losses[k] for k in copies])) for i, copies in groups.items()]

        def train_epoch(models: ModelCopies, epoch: Epoch, users: Tensor, items: Tensor) -> Tensor:
            like = next(iter(models.weights.values()))
            y_hat = like.new_empty(len(models), len(users))
            for copies, train in parts:
                selected = models.select(copies)
                y_hat[copies] = train(selected, epoch, users, items)
                models.put_back(copies, selected)
            return y_hat

        return train_epoch

    def train_epoch(self, models: ModelCopies, losses: TrainEpoch, seed: int, epoch: int = 0) -> None:
        """Train every copy in place by its own loss, for one epoch of the batches of (seed, epoch)."""
        nobody = torch.empty(0, dtype=torch.int64, device=self.device)
        self.train_and_predict(models, losses, seed, epoch, nobody, nobody)

    def train_and_predict(
        self, models: ModelCopies, losses: TrainEpoch, seed: int, epoch: int, users: Tensor, items: Tensor
    ) -> Tensor:
        """`train_epoch`, then `predict`, in less time than one after the other: y_hat [K, n]."""
        return losses(models, self.batches(seed, epoch), users, items)

    def predict(self, weights: Weights, users: Tensor, items: Tensor) -> Tensor:
        """y_hat [K, n] for n pairs of users and items."""
        return self.backends[0].predict(weights, users, items)
