"""Uniform random search: the baseline that every other searcher has to beat, and the template for new ones.

A new searcher is a file like this one, a row in `searchers.SEARCHERS` and a test of three lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from core.common.seeding import numpy_rng
from core.search.searcher import Searcher
from core.search.space import Space, read_genomes
from core.search.trial import Trial

#: Candidates that are drawn at a time.
_AHEAD = 64


class RandomSearcher(Searcher):
    """Draws random candidates of the space; learns nothing.

    Args:
        space: the search space.
        seed: of the draws.
    """

    def __init__(self, space: Space[Any], seed: int) -> None:
        self._space = space
        self._rng = numpy_rng(seed, "random searcher")
        self._ahead = np.empty((0, len(space.decisions)), dtype=np.int64)

    def ask(self, n: int) -> np.ndarray:
        """See Searcher; some are drawn ahead, which where hardly any is viable takes half as long as one by one."""
        if len(self._ahead) < n:
            self._ahead = np.concatenate([self._ahead, self._space.drawn(max(n, _AHEAD), self._rng)])
        asked, self._ahead = self._ahead[:n], self._ahead[n:]
        return asked

    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """See Searcher."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        return {"rng": self._rng.bit_generator.state, "ahead": torch.from_numpy(self._ahead.copy())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        self._rng.bit_generator.state = state["rng"]
        self._ahead = read_genomes(state["ahead"], self._space)
