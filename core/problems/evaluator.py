"""The interface between the search and the training of recommenders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from core.losses.loss import Loss
from core.problems.proxy import ProxyBatch
from core.search.problem import Measurement


class Evaluator(ABC):
    """Measures losses by training a recommender; all losses of one call start from the same weights."""

    @abstractmethod
    def score(self) -> float:
        """Return the validation score of the start, higher is better."""

    @abstractmethod
    def proxy_batch(self) -> ProxyBatch:
        """Return the fixed batch of the proxy test, with predictions and gradients of the current start."""

    @abstractmethod
    def measure(self, losses: Sequence[Loss], seed: int) -> list[Measurement]:
        """Train one copy of the recommender with each loss.

        Args:
            losses: what to measure.
            seed: of the batches.

        Returns:
            A measurement for each loss, in order.
        """

    @abstractmethod
    def adopt(self, index: int) -> bool:
        """Offer copy `index` of the last `measure` as the new start.

        Returns:
            Whether the start changed. It does not in a stationary environment.
        """

    @abstractmethod
    def restart(self, seed: int) -> bool:
        """Replace the start by a fresh recommender drawn from the seed.

        Returns:
            Whether the start changed. It does not in a stationary environment.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return what changed about the start since this was made, as dicts, lists, strings, numbers and tensors."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned. Nothing can be adopted before the next `measure`.

        Raises:
            UserError: the state belongs to another recommender.
        """
