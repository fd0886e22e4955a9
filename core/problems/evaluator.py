"""The interface between the search and whatever trains recommenders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from core.losses.loss import Loss
from core.problems.proxy import ProxyBatch
from core.search.problem import Measurement


class Evaluator(ABC):
    """Measures losses by training a recommender, from the same start for all losses of one call."""

    @abstractmethod
    def score(self) -> float:
        """The validation score that candidates start from, higher is better."""

    @abstractmethod
    def proxy_batch(self) -> ProxyBatch:
        """The fixed batch of the proxy test, seen from where candidates start now."""

    @abstractmethod
    def measure(self, losses: Sequence[Loss], seed: int) -> list[Measurement]:
        """Train one copy of the recommender by each loss, on batches drawn from the seed."""

    @abstractmethod
    def adopt(self, index: int) -> bool:
        """Offer copy `index` of the last `measure` as the new start.

        Returns:
            Whether the start changed: a stationary environment keeps its own.
        """

    @abstractmethod
    def restart(self, seed: int) -> bool:
        """Begin anew from a fresh recommender drawn from the seed.

        Returns:
            Whether the start changed: a stationary environment keeps its own.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Where candidates start now, as far as that does not follow from how this was made.

        Made of dicts, lists, texts, numbers and tensors only.
        """

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there; the copies of the last `measure` are gone, so nothing can be adopted before the next.

        Raises:
            UserError: a state of another recommender.
        """
