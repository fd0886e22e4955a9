"""The interface that every searcher implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.search.trial import Trial


class Searcher(ABC):
    """Proposes candidates of a space (`core.search.space`) and learns from what became of them.

    A searcher knows nothing of its candidates but their decisions, never trains, logs, prints or touches files, and
    draws from generators of its own that were seeded when it was made, never from a global one. The search may ask
    several times before it tells, and tells every proposed candidate exactly once, in any order.
    """

    @abstractmethod
    def ask(self, n: int) -> np.ndarray:
        """Return exactly n genomes [n, D] of the searcher's space in normal form, int64. Equal ones may occur."""

    @abstractmethod
    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """Learn from outcomes.

        Trials without a reward (zero gradient, not finite) come too: what they are worth is the
        searcher's own decision. So do candidates that it did not propose, such as a person's guesses.

        Returns:
            What a callback may want to see, such as a policy's entropy. The same names each time.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return everything that the next `ask` and `tell` depend on.

        Made of dicts, lists, strings, numbers and tensors only, so that it can be stored without
        pickling code.
        """

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where the searcher that gave this state was; same space and settings expected."""
