"""What a recommender brings to be trained by machine code: an epoch of one copy on one CPU core."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np

from core.programs.encoded import EncodedProgram
from recommenders.backends.batches import Epoch

#: Parameter name -> array of one copy. Kernels write into them.
Arrays = Mapping[str, np.ndarray]


class Examples(NamedTuple):
    """An epoch as arrays [n], see `recommenders.backends.batches`."""

    user: np.ndarray
    item: np.ndarray
    label: np.ndarray
    first_user: np.ndarray
    first_item: np.ndarray
    is_unique: np.ndarray
    """Whether neither its user nor its item occurs again in its batch."""
    batch_size: int


class Step(NamedTuple):
    """The numbers of an SGD step, of the parameters' type."""

    learning_rate: np.floating
    keep: np.floating
    """What a step's weight decay leaves of a parameter: 1 - learning_rate * weight_decay."""
    clip: np.floating


class Kernel(ABC):
    """Machine code of one recommender. It must release Python's global lock."""

    def session(self) -> AbstractContextManager[object]:
        """What the epochs of all copies run within."""
        return nullcontext()

    def draws(self, epoch: Epoch) -> np.ndarray | None:
        """The random numbers of an epoch, the same for all copies; drawn as the recommender's `logit` draws them."""
        return None

    @abstractmethod
    def train_epoch(
        self, weights: Arrays, examples: Examples, loss: EncodedProgram, step: Step, draws: np.ndarray | None
    ) -> None:
        """Train one copy in place, by the law of `recommenders.backends.base`.

        Args:
            weights: of the copy, [rows, ...] or [...].
            examples: of the epoch.
            loss: its constants are of the parameters' type.
            step: the numbers of an SGD step.
            draws: what `draws` returned.
        """

    @abstractmethod
    def predict(self, weights: Arrays, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """y_hat [n] of one copy."""
