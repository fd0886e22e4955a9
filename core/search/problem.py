"""What a search knows of what is searched for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from core.search.space import C, Space
from core.search.trial import Verdict


@dataclass(frozen=True)
class Finding:
    """What can be said of a candidate before anything is measured."""

    verdict: Verdict | None = None
    """Why it is not worth measuring; None if it is."""
    entry: int | None = None
    """Its number among those that are remembered, counted from 0 since the start last changed: its own, or that of the
    one which a duplicate repeats. None for one that is neither measured nor remembered."""


@dataclass(frozen=True)
class Measurement:
    """What measuring a candidate came to."""

    score: float
    """On validation, higher is better; NaN where it broke down."""
    cost: float
    """In passes over the training rows, the budget that all problems share."""
    seconds: float
    """Its share of the time."""


class Problem(ABC, Generic[C]):
    """Says where candidates come from, which are worth measuring, and how good they are.

    Candidates are measured from a start, such as a recommender that is half trained. Measuring never changes it,
    adopting and restarting may; what was remembered is forgotten then.
    """

    @property
    @abstractmethod
    def space(self) -> Space[C]:
        """Where candidates come from."""

    @abstractmethod
    def score(self) -> float:
        """Return the validation score of the start, higher is better: rewards are gains over it."""

    @abstractmethod
    def examine(self, candidates: Sequence[C]) -> list[Finding]:
        """Return what is known of each without measuring it, in order; one may be a duplicate of one before it."""

    @property
    @abstractmethod
    def n_entries(self) -> int:
        """How many are remembered."""

    @abstractmethod
    def measure(self, candidates: Sequence[C], seed: int) -> list[Measurement]:
        """Measure candidates, each from the start; all draws come from the seed."""

    @abstractmethod
    def adopt(self, index: int) -> bool:
        """Offer what candidate `index` of the last `measure` led to as the new start.

        Returns:
            Whether the start changed: where rewards are to stay comparable, it does not.
        """

    @abstractmethod
    def restart(self, seed: int) -> bool:
        """Begin anew from a fresh start drawn from the seed.

        Returns:
            Whether the start changed.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return the start and what is remembered, in dicts, lists, texts, numbers and tensors."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there; nothing can be adopted before the next `measure`.

        Raises:
            Exception: a state that does not fit; nothing in it is executed.
        """
