"""What every evaluation of losses is asked for, whatever task the losses train for."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from core.common.errors import UserError, format_value
from core.phases.metric import Metric
from recommenders.data.options import option

L = TypeVar("L")

#: Training seeds that one `--seed` keeps for itself; those above the half choose, those below are shown.
SEEDS_EACH = 100_000


class JudgedSettings(ABC):
    """Settings of an evaluation. Together with the code, they decide its result."""

    protocol: str
    """How losses are trained."""
    seeds: int
    """Seeds with which every loss is trained in the end."""
    tuning_seeds: int
    """Other seeds, over which whatever is chosen on validation is averaged."""
    seed: int
    """Decides every random draw."""

    trials: int
    """Settings tried for each loss, where they are tuned."""

    def check_numbers(self) -> None:
        """Refuse numbers of seeds and trials that are out of range.

        Raises:
            UserError: one is.
        """
        for name in ("seeds", "tuning_seeds", "trials"):
            if not 1 <= (value := getattr(self, name)) <= SEEDS_EACH // 2:
                raise UserError(f"{option(name)}: expected 1 to {SEEDS_EACH // 2:,}, got {format_value(value)}")

    @property
    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """All metrics, the one that decides first."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What was trained on what, for the table."""

    @abstractmethod
    def caveats(self) -> list[str]:
        """Return what to know before believing the result, a sentence each."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return every setting by name, tuples as lists."""

    def repeats(self, choosing: bool) -> list[int]:
        """Return the numbers of the training seeds: those that choose, or those that are shown."""
        start = self.seed * SEEDS_EACH + choosing * (SEEDS_EACH // 2)
        return list(range(start, start + (self.tuning_seeds if choosing else self.seeds)))


def best_first(losses: Sequence[L], metric: Metric, mean: Callable[[L, str], float]) -> list[L]:
    """Return losses, the best on validation first; the test part orders them only where there is no validation part.

    Args:
        losses: to bring into this order.
        metric: that decides.
        mean: (loss, part) -> its mean over seeds, NaN where a training broke down.
    """
    part = "validation" if any(math.isfinite(mean(one, "validation")) for one in losses) else "test"

    def score(one: L) -> float:
        return metric.score_of(mean(one, part)) if math.isfinite(mean(one, part)) else -math.inf

    return sorted(losses, key=score, reverse=True)
