"""The interface between one-shot searchers and what they train: all candidates of a space at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Path:
    """One candidate of a supernet."""

    options: np.ndarray
    """The number of an option for each choice [choices]."""
    numbers: np.ndarray
    """What else of an architecture is numbers, see `Supernet.numbers` [n]."""


class Supernet(ABC):
    """A model in which every candidate of a space is a path, and all of them share weights.

    Each option of a choice has an architecture parameter, by which what the option gives is multiplied; those of a
    path are 1, all others 0. It is trained one step at a time, always as one path.
    """

    @property
    @abstractmethod
    def sizes(self) -> tuple[int, ...]:
        """The number of options of each choice."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """Steps of a pass over the training rows."""

    @property
    def numbers(self) -> tuple[np.ndarray, ...]:
        """Numbers of an architecture beside its options, in groups, each held in the unit ball: where they begin."""
        return ()

    @abstractmethod
    def genome(self, path: Path) -> np.ndarray:
        """Return the genome of a path in the space, or of the nearest candidate there is [D]."""

    @abstractmethod
    def slopes(self, path: Path, order: int, part: str) -> tuple[list[np.ndarray], np.ndarray]:
        """Return the derivatives of the loss on the next batch of a part of the data, at a path.

        Args:
            path: the candidate.
            order: 1: with the weights as they are; 2: with the weights after a step on the next batch of the training
                part, which depends on the path, too.
            part: validation, or train.

        Returns:
            By the architecture parameters, for each choice [options], and by the numbers [n].
        """

    @abstractmethod
    def train(self, path: Path) -> None:
        """Take a training step as a path, on the next batch of the training part.

        Args:
            path: the candidate.
        """
