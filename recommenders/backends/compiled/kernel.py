"""The interface of kernels: compiled code that trains one copy of a recommender for an epoch on one CPU core."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np

from core.programs.encoded import EncodedProgram
from recommenders.backends.batches import Epoch

#: Parameter name -> array of one copy. Kernels update the arrays in place.
Arrays = Mapping[str, np.ndarray]


class Examples(NamedTuple):
    """The examples of an epoch as arrays [n], see `recommenders.backends.batches`."""

    user: np.ndarray
    item: np.ndarray
    label: np.ndarray
    first_user: np.ndarray
    first_item: np.ndarray
    is_unique: np.ndarray
    """Whether both user and item occur once in the batch of the example."""
    batch_size: int


class Step(NamedTuple):
    """The settings of an SGD step, in the type of the parameters."""

    learning_rate: np.floating
    keep: np.floating
    """The factor by which weight decay shrinks a parameter in a step: 1 - learning_rate * weight_decay."""
    clip: np.floating
    """The largest absolute value of an element of a gradient."""


class Kernel(ABC):
    """Compiled code for one recommender. It has to release Python's global interpreter lock (GIL)."""

    def session(self) -> AbstractContextManager[object]:
        """Return a context manager within which the epochs of all copies run."""
        return nullcontext()

    def draws(self, epoch: Epoch) -> np.ndarray | None:
        """Return the random numbers of an epoch, shared by all copies and drawn as by the recommender's `logit`.

        Returns:
            An array [n, ...] with a row for each example of the epoch; None if training draws no random numbers.
        """
        return None

    @abstractmethod
    def train_epoch(
        self, weights: Arrays, examples: Examples, loss: EncodedProgram, step: Step, draws: np.ndarray | None
    ) -> None:
        """Train one copy in place with the update of `recommenders.backends.base`.

        Args:
            weights: of the copy, [rows, ...] for tables and [...] for other parameters.
            examples: of the epoch.
            loss: the loss, with constants in the type of the parameters.
            step: the settings of an SGD step.
            draws: what `draws` returned.
        """

    @abstractmethod
    def predict(self, weights: Arrays, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return predictions y_hat [n] of one copy.

        Args:
            weights: of the copy.
            users: [n].
            items: [n].
        """
