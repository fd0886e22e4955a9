"""The interface of back ends: what trains K copies of a recommender, each by its own loss.

The law that every back end keeps is plain SGD with the gradient clipped by value and one effective weight decay:
p <- p - learning_rate * (clip(g) + weight_decay * p), where g is the gradient of the batch's mean loss, and every row
of a table decays in every step. `recommenders.testing.backend` holds a back end to it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from torch import Tensor

from core.losses.loss import Loss
from recommenders.backends.batches import Epoch
from recommenders.backends.model_copies import ModelCopies
from recommenders.common.machine import Machine
from recommenders.models.recommender import Recommender, Weights

#: Trains K copies of a model in place for one epoch, copy k by loss k; then predicts y_hat [K, n] for n pairs of
#: users and items, while what was trained is still in the cache.
TrainEpoch = Callable[[ModelCopies, Epoch, Tensor, Tensor], Tensor]
#: A back end that keeps a table as p = s q, with a number s that takes the decay, multiplies s into the table before it
#: falls below this, far from the end of float32.
LEAST_SCALE = 1e-6


class Backend(ABC):
    """Trains and evaluates copies of one recommender on one machine."""

    #: Whether torch's own threads do the training. Where they do not, torch is held to one thread: a second one would
    #: only make its small tensors slower, and change rounding.
    in_torch: bool = True

    @classmethod
    @abstractmethod
    def for_task(cls, recommender: Recommender, machine: Machine) -> Backend | None:
        """Return a back end for this recommender on this machine, or None if it cannot train it there."""

    @abstractmethod
    def takes(self, loss: Loss) -> bool:
        """Say whether it trains by this loss; the next back end gets the others."""

    @abstractmethod
    def prepare(self, losses: Sequence[Loss]) -> TrainEpoch:
        """Return what trains len(losses) copies of a model, given losses that it takes."""

    @abstractmethod
    def predict(self, weights: Weights, users: Tensor, items: Tensor) -> Tensor:
        """Return y_hat [K, n] for n pairs of users and items, given weights [K, ...]."""
