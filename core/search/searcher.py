"""The interface that every searcher implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.search.trial import Trial


class Searcher(ABC):
    """Proposes candidates of a space (`core.search.space`) and learns from their outcomes.

    A searcher knows only the decisions of its candidates. It never trains, logs, prints or touches files, and draws
    from its own generators, seeded when it is made, never from a global one. The search may call `ask` several times
    before `tell`, and tells the outcome of every proposed candidate exactly once, in any order.
    """

    @abstractmethod
    def ask(self, n: int) -> np.ndarray:
        """Return exactly n genomes [n, D] int64 of the searcher's space, in normal form. They may repeat."""

    @property
    def n_left(self) -> int | None:
        """Proposals that are left before earlier ones come again; None: it does not run out, as usual."""
        return None

    @abstractmethod
    def tell(self, trials: Sequence[Trial[Any]]) -> Mapping[str, float]:
        """Learn from the outcomes of candidates.

        Some trials have no reward (zero gradient, not finite); the searcher decides what they are worth. Some belong to
        candidates that it did not propose, such as a user's guesses.

        Returns:
            Metrics of the searcher for callbacks, such as a policy's entropy: name -> value, the same names each time.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return everything that the next `ask` and `tell` depend on.

        Made of dicts, lists, strings, numbers and tensors only, so that it can be stored without pickling code.
        """

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned in a searcher with the same space and settings: both then go on alike.

        Raises:
            Exception: the state does not fit; nothing in it is executed.
        """
