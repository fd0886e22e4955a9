"""The interface that every searcher implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from core.programs.program import LossProgram
from core.search.trial import Trial


class Searcher(ABC):
    """Proposes loss programs and learns from what became of them.

    A searcher never trains, logs, prints or touches files, and draws from generators of its own
    that were seeded when it was made, never from a global one. The search may ask several times
    before it tells, and tells every proposed program exactly once, in any order.
    """

    @abstractmethod
    def ask(self, n: int) -> list[LossProgram]:
        """Exactly n programs of the searcher's space. Equal programs may occur."""

    @abstractmethod
    def tell(self, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Learn from outcomes.

        Trials without a reward (zero gradient, not finite) come too: what they are worth is the
        searcher's own decision.

        Returns:
            What an observer may want to see, such as a policy's entropy. The same names each time.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Everything that the next `ask` and `tell` depend on.

        Made of dicts, lists, strings, numbers and tensors only, so that it can be stored without
        pickling code.
        """

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where the searcher that gave this state was; same space and settings expected."""
