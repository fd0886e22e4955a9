"""How populations are trained: the interface of the two back ends.

`recommenders.backends.stacked` does a step for all copies at once in torch, on any device, for any recommender and any
loss. `recommenders.backends.compiled` does an epoch for one copy after the other in machine code, spread over CPU
cores, for recommenders that bring a kernel. Both give the same numbers but for rounding.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from torch import Tensor

from core.losses.loss import Loss
from recommenders.backends.batches import Epoch
from recommenders.backends.population import Population
from recommenders.models.recommender import Weights

#: Trains the copies of a population in place for one epoch, copy k by loss k; then predicts y_hat [K, n] for n pairs of
#: users and items, while what was trained is still in the cache.
TrainEpoch = Callable[[Population, Epoch, Tensor, Tensor], Tensor]


class Backend(ABC):
    """Trains and evaluates copies of one recommender."""

    @abstractmethod
    def prepare(self, losses: Sequence[Loss]) -> TrainEpoch:
        """What trains a population of len(losses) copies."""

    @abstractmethod
    def predict(self, weights: Weights, users: Tensor, items: Tensor) -> Tensor:
        """y_hat [K, n] for n pairs of users and items."""
