"""The batched trainer: trains K copies of a recommender, each with its own loss.

The training itself is done by back ends, see `recommenders.backends.base`; each loss goes to the first one that takes
it.
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
        interactions: the training examples.
        batch_size: examples per step.
        clip: the largest absolute value of an element of a gradient, for copies without a value of their own.
        machine: what to train on.

    Raises:
        UserError: the machine's back end does not exist, or cannot train the recommender there.
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
        """The back ends, in the order in which losses are offered to them; the first one predicts."""
        self._most: int | None = None  # how many copies of the parameters fit into memory, once more did not

    def use_cores(self) -> None:
        """Set torch's number of threads: that of the machine if torch does the training, else one.

        With another back end, more threads would only slow down torch's small tensors, and change rounding.
        """
        torch.set_num_threads(self.machine.threads if self.backends[0].in_torch else 1)

    def model_copies(
        self,
        weights: Weights,
        learning_rate: Sequence[float],
        weight_decay: Sequence[float],
        clip: Sequence[float] | None = None,
    ) -> ModelCopies:
        """Make K copies of one set of parameters.

        Args:
            weights: of one copy, without a leading K.
            learning_rate: one for each copy [K].
            weight_decay: one for each copy [K].
            clip: one for each copy [K]; None: that of the trainer.
        """
        clips = (self._clip,) * len(learning_rate) if clip is None else clip
        return ModelCopies.of(weights, learning_rate, weight_decay, clips, self.machine)

    def at_once(self, weights: Weights, copies: int = 1) -> int:
        """Return how many candidates fit into memory together.

        Args:
            weights: of one copy.
            copies: how many sets of weights each candidate needs.
        """
        n = self.machine.room_for(copies * sum(w.numel() for w in weights.values()) * self.machine.dtype.itemsize)
        return n if self._most is None else max(1, min(n, self._most // copies))

    def fewer(self, n: int, error: Exception, copies: int = 1) -> int:
        """Return how many candidates to train together after memory ran out: half as many, from now on.

        Args:
            n: how many were trained together.
            error: the error that was raised.
            copies: how many sets of weights each candidate needs.

        Raises:
            Exception: the error, if it is not an out-of-memory error or n is 1.
        """
        half = half_of(n, error)
        self._most = half * copies
        return half

    def prepare(self, losses: Sequence[Loss]) -> TrainEpoch:
        """Prepare K losses for `train_epoch` and `train_and_predict` of K copies."""
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
        """Train every copy in place with its own loss for one epoch.

        Args:
            models: K copies.
            losses: K losses, see `prepare`.
            seed: of the batches.
            epoch: number of the epoch; another number gives another order.
        """
        nobody = torch.empty(0, dtype=torch.int64, device=self.device)
        self.train_and_predict(models, losses, seed, epoch, nobody, nobody)

    def train_and_predict(
        self, models: ModelCopies, losses: TrainEpoch, seed: int, epoch: int, users: Tensor, items: Tensor
    ) -> Tensor:
        """Train every copy for one epoch, then predict; faster than `train_epoch` followed by `predict`.

        Args:
            models: K copies.
            losses: K losses, see `prepare`.
            seed: of the batches.
            epoch: number of the epoch.
            users: [n].
            items: [n].

        Returns:
            Predictions y_hat [K, n].
        """
        return losses(models, self.batches(seed, epoch), users, items)

    def predict(self, weights: Weights, users: Tensor, items: Tensor) -> Tensor:
        """Return predictions y_hat [K, n].

        Args:
            weights: of K copies, [K, ...] each.
            users: [n].
            items: [n].
        """
        return self.backends[0].predict(weights, users, items)
