"""What scores are made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """The number that a problem is judged by. Scores are metrics of which higher is better."""

    name: str
    """One word, such as auc."""
    higher_is_better: bool

    def value(self, score: float) -> float:
        """Return the metric that a score stands for."""
        return score if self.higher_is_better else -score

    def score_of(self, value: float) -> float:
        """Return the score that a value of the metric stands for: the inverse of `value`."""
        return value if self.higher_is_better else -value

    @property
    def worst(self) -> float:
        """The worst value of metrics between 0 and 1: what counts where a training broke down."""
        return 0.0 if self.higher_is_better else 1.0
