"""A space with the decisions of another one, whose candidates stand for something else."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from core.search.decision import Decision
from core.search.space import C, Space


class AdaptedSpace(Space[C]):
    """See Space. What a candidate is, how it is written, and which genome it has, is left to say."""

    @property
    @abstractmethod
    def inner(self) -> Space[Any]:
        """The other space."""

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """See Space."""
        return self.inner.decisions

    def open(self, i: int, chosen: Sequence[Tensor]) -> Tensor | None:
        """See Space."""
        return self.inner.open(i, chosen)

    def used(self, i: int, chosen: Sequence[Tensor]) -> Tensor | None:
        """See Space."""
        return self.inner.used(i, chosen)

    def open_by_kind(self, genomes: Tensor) -> list[Tensor | None]:
        """See Space."""
        return self.inner.open_by_kind(genomes)

    def used_by_kind(self, genomes: Tensor) -> list[Tensor | None]:
        """See Space."""
        return self.inner.used_by_kind(genomes)

    def repaired(self, genomes: np.ndarray) -> np.ndarray:
        """See Space."""
        return self.inner.repaired(genomes)

    def counts(self, genomes: np.ndarray) -> np.ndarray:
        """See Space."""
        return self.inner.counts(genomes)

    @property
    def cuts(self) -> tuple[int, ...]:
        """See Space."""
        return self.inner.cuts

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """See Space."""
        return self.inner.sample(n, rng)
