"""Uniform random search: the baseline that every other searcher has to beat, and the template for new ones.

A new searcher is a file like this one, a row in `searchers.SEARCHERS` and a test of three lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.common.seeding import numpy_rng
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.searcher import Searcher
from core.search.trial import Trial


class RandomSearcher(Searcher):
    """Draws operators, and distinct operands, with equal probability; learns nothing.

    Args:
        space: where programs come from.
        seed: of the draws.
    """

    def __init__(self, space: OperatorSpace, seed: int) -> None:
        self._space = space
        self._rng = numpy_rng(seed, "random searcher")

    def ask(self, n: int) -> list[LossProgram]:
        """See Searcher."""
        return self._space.sample(n, self._rng)

    def tell(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """See Searcher."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """See Searcher."""
        return {"rng": self._rng.bit_generator.state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Searcher."""
        self._rng.bit_generator.state = state["rng"]
