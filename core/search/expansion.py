"""The interface between searchers that grow candidates and what they grow: a problem that knows its own next steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np


class Grown(NamedTuple):
    """Candidates that were grown."""

    genomes: np.ndarray
    """Candidates of a space, the best one first [n, D]."""
    passes: float
    """Passes over the training rows that it took."""


class Expansion(ABC):
    """A candidate that grows by a part at a time, each the best of all that may be added, by a cheap measure of it."""

    @abstractmethod
    def grown(self, width: int) -> Grown:
        """Return candidates that were grown to the end.

        Args:
            width: how many are kept in each step.
        """
