"""Does what was found win? Paired over seeds, and no louder than the evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from core.phases.contender import Finished
from core.phases.metric import Metric


@dataclass(frozen=True)
class BaselineComparison:
    """A found candidate beside the best baseline, on the test part."""

    found: str
    baseline: str
    """The baseline with the best mean validation score; the test part chooses nothing."""
    metric: str
    gains: tuple[float, ...]
    """What was found is better by, a number for each seed; positive is better, whatever the metric."""
    outcome: str
    """ahead or behind (with every seed), or undecided."""
    what: str = "loss"
    """What was found is called."""

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
            return f"The found {self.what} is ahead of {self.baseline}, the best baseline on validation: {gain}."
        if self.outcome == "behind":
            return f"The found {self.what} does not beat {self.baseline}, the best baseline on validation: {gain}."
        if not math.isfinite(self.gain):
            return f"No comparison with {self.baseline}: a training run gave no finite predictions."
        if n == 1:
            return f"One seed decides nothing; beside {self.baseline}, the best baseline on validation: {gain}."
        return (
            f"Not decided between the found {self.what} and {self.baseline}, the best baseline on validation: {gain}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for result.json."""
        values = {name: value for name, value in asdict(self).items() if name != "what"}
        return {**values, "gains": list(self.gains), "gain": self.gain, "verdict": self.verdict}


def compare(
    found: Finished[Any], baselines: Sequence[Finished[Any]], metric: Metric, what: str = "loss"
) -> BaselineComparison:
    """Compare the test metrics of what was found and of the best baseline, paired by seed.

    Args:
        found: trained with every seed.
        baselines: at least one, trained with the same seeds.
        metric: what decides.
        what: what was found is called.
    """
    best = max(baselines, key=lambda baseline: baseline.score(metric))
    side = 1 if metric.higher_is_better else -1
    gains = tuple(
        side * (ours.test.get(metric.name, math.nan) - theirs.test.get(metric.name, math.nan))
        for ours, theirs in zip(found.fitted, best.fitted, strict=True)
    )
    return BaselineComparison(found.contender.name, best.contender.name, metric.name, gains, _outcome(gains), what)


def _outcome(gains: Sequence[float]) -> str:
    """One seed decides nothing."""
    if len(gains) > 1 and all(gain > 0 for gain in gains):
        return "ahead"
    if len(gains) > 1 and all(gain < 0 for gain in gains):
        return "behind"
    return "undecided"
