"""The interface between the search and what it searches for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from core.search.space import C, Space
from core.search.trial import Verdict


@dataclass(frozen=True)
class Finding:
    """The result of examining a candidate before it is measured."""

    verdict: Verdict | None = None
    """Why the candidate is not worth measuring; None if it is worth it."""
    entry: int | None = None
    """Its number among the remembered candidates, counted from 0 since the start last changed. A duplicate has the
    number of its original. None for a candidate that is neither measured nor remembered."""


@dataclass(frozen=True)
class Measurement:
    """The result of measuring a candidate."""

    score: float
    """Validation score, higher is better; NaN if training broke down."""
    cost: float
    """Passes over the training rows: the unit of budget that all problems share."""
    seconds: float
    """The candidate's share of the wall-clock time."""


class Problem(ABC, Generic[C]):
    """Defines the space of candidates, which of them are worth measuring, and how good they are.

    Candidates are measured from a start, such as a partly trained recommender. Measuring never changes the start;
    `adopt` and `restart` may, and then all remembered candidates are forgotten.
    """

    @property
    @abstractmethod
    def space(self) -> Space[C]:
        """The space of candidates."""

    @abstractmethod
    def score(self) -> float:
        """Return the validation score of the start, higher is better. Rewards are gains over it."""

    @abstractmethod
    def examine(self, candidates: Sequence[C]) -> list[Finding]:
        """Return what is known of each candidate without measuring it, in order.

        A candidate may be a duplicate of an earlier one in the same call.
        """

    @property
    @abstractmethod
    def n_entries(self) -> int:
        """Number of remembered candidates."""

    @property
    def is_exhausted(self) -> bool:
        """Whether it is known that nothing else is worth measuring, so that nobody need be asked."""
        return False

    @abstractmethod
    def measure(self, candidates: Sequence[C], seed: int) -> list[Measurement]:
        """Measure candidates, each from the start.

        Args:
            candidates: what to measure.
            seed: of all random draws.

        Returns:
            A measurement for each candidate, in order.
        """

    @abstractmethod
    def adopt(self, index: int) -> bool:
        """Offer the state that candidate `index` of the last `measure` trained as the new start.

        Returns:
            Whether the start changed. It does not where rewards are to stay comparable.
        """

    @abstractmethod
    def restart(self, seed: int) -> bool:
        """Replace the start by a fresh one drawn from the seed.

        Returns:
            Whether the start changed.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return the start and all that is remembered, as dicts, lists, strings, numbers and tensors."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned. Nothing can be adopted before the next `measure`.

        Raises:
            Exception: the state does not fit; nothing in it is executed.
        """
