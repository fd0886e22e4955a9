"""The interface between one-shot searchers and what they train: all candidates of a space at once."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np


class Supernet(ABC):
    """A model in which every candidate of a space of independent decisions is a path, and all of them share weights.

    Each option of a decision has an architecture parameter, by which what the option gives is multiplied; those of a
    candidate are 1, all others 0. It is trained one step at a time, always as one candidate.
    """

    @property
    @abstractmethod
    def sizes(self) -> tuple[int, ...]:
        """The number of options of each decision [D]."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """Steps of a pass over the training rows."""

    @abstractmethod
    def slopes(self, genome: np.ndarray, order: int) -> list[np.ndarray]:
        """Return the derivatives of the validation loss by all architecture parameters, at a candidate.

        The loss is that of the next batch of the validation part.

        Args:
            genome: the candidate [D].
            order: 1: with the weights as they are; 2: with the weights after a step on the next batch of the training
                part, which depends on the parameters, too.

        Returns:
            For each decision [options].
        """

    @abstractmethod
    def train(self, genome: np.ndarray) -> None:
        """Take a training step as a candidate, on the next batch of the training part.

        Args:
            genome: the candidate [D].
        """
