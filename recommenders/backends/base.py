"""The interface of back ends, which train K copies of a recommender, each with its own loss.

Every back end has to implement the same update: plain SGD with gradients clipped by value and weight decay,
p <- p - learning_rate * (clip(g) + weight_decay * p), where g is the gradient of the batch's mean loss. Every row
of a table decays in every step, also rows that are not in the batch. `recommenders.testing.backend` tests this.
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

#: (copies, epoch, users [n], items [n]) -> y_hat [K, n]. Trains K copies in place for one epoch, copy k with loss k;
#: then predicts for n pairs of users and items, while the trained weights are still in the CPU cache.
TrainEpoch = Callable[[ModelCopies, Epoch, Tensor, Tensor], Tensor]
#: A back end that stores a table as p = s q, where only the scalar s decays, multiplies s into the table before s falls
#: below this bound, long before float32 underflows.
LEAST_SCALE = 1e-6


class Backend(ABC):
    """Trains and evaluates copies of one recommender on one machine."""

    #: Whether torch's threads do the training. If not, torch is limited to one thread: more would only slow down its
    #: small tensors, and change rounding.
    in_torch: bool = True

    @classmethod
    @abstractmethod
    def for_task(cls, recommender: Recommender, machine: Machine) -> Backend | None:
        """Return a back end for a recommender on a machine; None if it cannot train this recommender there.

        Args:
            recommender: the model.
            machine: device, type of numbers and number of threads.
        """

    @abstractmethod
    def takes(self, loss: Loss) -> bool:
        """Return whether it can train with this loss; losses that it does not take go to the next back end."""

    @abstractmethod
    def prepare(self, losses: Sequence[Loss]) -> TrainEpoch:
        """Return a function that trains K copies for an epoch, copy k with loss k; it takes all of these losses."""

    @abstractmethod
    def predict(self, weights: Weights, users: Tensor, items: Tensor) -> Tensor:
        """Return predictions y_hat [K, n].

        Args:
            weights: of K copies, [K, ...] each.
            users: [n].
            items: [n].
        """
