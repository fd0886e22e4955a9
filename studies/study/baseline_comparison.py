"""Does the found loss win? Paired over seeds, and no louder than the evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from recommenders.tasks.finals import Finished
from recommenders.tasks.metrics import Metric


@dataclass(frozen=True)
class BaselineComparison:
    """The best found loss beside the best baseline, on the test part."""

    found: str
    baseline: str
    """The baseline with the best mean validation score; the test part chooses nothing."""
    metric: str
    gains: tuple[float, ...]
    """What the found loss is better by, a number for each seed; positive is better, whatever the metric."""
    outcome: str
    """ahead or behind (with every seed), or undecided."""

    @property
    def gain(self) -> float:
        """The mean gain."""
        return fmean(self.gains)

    @property
    def verdict(self) -> str:
        """The outcome in a sentence."""
        n = len(self.gains)
        gain = f"mean gain in test {self.metric} {self.gain:+.4f}"
        if n > 1:
            gain += f" over {n} seeds (from {min(self.gains):+.4f} to {max(self.gains):+.4f})"
        if self.outcome == "ahead":
            return f"The found loss is ahead of {self.baseline}, the best baseline on validation: {gain}."
        if self.outcome == "behind":
            return f"The found loss does not beat {self.baseline}, the best baseline on validation: {gain}."
        if not math.isfinite(self.gain):
            return f"No comparison with {self.baseline}: a training run gave no finite predictions."
        if n == 1:
            return f"One seed decides nothing; beside {self.baseline}, the best baseline on validation: {gain}."
        return f"Not decided between the found loss and {self.baseline}, the best baseline on validation: {gain}."

    def to_dict(self) -> dict[str, Any]:
        """For result.json."""
        return {**asdict(self), "gains": list(self.gains), "gain": self.gain, "verdict": self.verdict}


def compare(found: Finished, baselines: Sequence[Finished], metric: Metric) -> BaselineComparison:
    """Pair the test metrics of the found loss and of the best baseline by seed.

    Args:
        found: trained with every seed.
        baselines: at least one, trained with the same seeds.
        metric: what decides.
    """
    best = max(baselines, key=lambda baseline: baseline.score(metric))
    side = 1 if metric.higher_is_better else -1
    gains = tuple(
        side * (ours.test.get(metric.name, math.nan) - theirs.test.get(metric.name, math.nan))
        for ours, theirs in zip(found.fitted, best.fitted, strict=True)
    )
    return BaselineComparison(found.contender.name, best.contender.name, metric.name, gains, _outcome(gains))


def _outcome(gains: Sequence[float]) -> str:
    """One seed decides nothing."""
    if len(gains) > 1 and all(gain > 0 for gain in gains):
        return "ahead"
    if len(gains) > 1 and all(gain < 0 for gain in gains):
        return "behind"
    return "undecided"


def caveats(
    learning_rate: float, weight_decay: float, n_seeds: int, passed: bool, normalised: bool = False
) -> list[str]:
    """What a reader must know before believing the verdict."""
    sentences = []
    if not passed:
        sentences.append(
            "No accepted loss passed the validation check; those shown came nearest and may not learn at all."
        )
    shared = f"the learning rate {learning_rate:g} and the weight decay {weight_decay:g}"
    if normalised:
        sentences.append(
            "Every loss, the baselines too, is multiplied by a number that brings its gradient to the norm of BCE's on "
            f"one batch of a fresh recommender, and all share {shared}. So no loss wins by the scale that it begins "
            "with. What still holds: norms drift apart as training goes on, and this decay may suit one shape better "
            "than another. Before believing a win: python -m studies.evaluate --loss FORMULA tunes both for each loss."
        )
    else:
        sentences.append(
            f"All losses share {shared}. A loss c times as large trains like a learning rate c times as large with a "
            "decay c times as small, so under one shared decay a loss can win by its scale alone. Before believing a "
            "win: python -m studies.evaluate --loss FORMULA tunes both for each loss."
        )
    if n_seeds > 1:
        sentences.append(f"The {n_seeds} seeds vary the start and the batches, not the data: no test of significance.")
    return sentences
