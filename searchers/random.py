"""Uniform random search: the baseline that every other searcher has to beat, and the template for new ones.

A new searcher is a file like this one, a row in `searchers.SEARCHERS` and a test of three lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.common.seeding import numpy_rng
from core.search.searcher import Searcher
from core.search.space import Space
from core.search.trial import Trial


class RandomSearcher(Searcher):
    """Draws random candidates of the space; learns nothing.

    Args:
        space: the search space.
        seed: of the draws.
    """

    def __init__(self, space: Space[Any], seed: int) -> None:
        self._space = space
        self._rng = numpy_rng(seed, "random searcher")

    def ask(self, n: int) -> np.ndarray:
        """See Searcher."""
        return self._space.drawn(n, self._rng)

    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """See Searcher."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        return {"rng": self._rng.bit_generator.state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        self._rng.bit_generator.state = state["rng"]
