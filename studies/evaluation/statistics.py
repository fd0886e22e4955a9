"""Paired tests of losses over seeds: Wilcoxon's signed-rank test with Holm's correction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from recommenders.tasks.metrics import Metric
from studies.common.paired import holm, signed_rank_p, smallest_p

#: How sure a difference has to be to be called one: as in the paper (Table 5).
LEVEL = 0.01


@dataclass(frozen=True)
class PairedComparison:
    """A loss beside another one, paired by seed on the test part."""

    loss: str
    baseline: str
    metric: str
    gains: tuple[float, ...]
    """What the loss is better by, a number for each seed; positive is better, whatever the metric."""
    p_value: float | None
    """Of a two-sided Wilcoxon test over the pairs; 1 where all are equal; None where one is not finite."""
    p_holm: float | None
    """After Holm's correction for all baselines of this loss."""
    n_tests: int
    """How many these are."""

    @property
    def gain(self) -> float:
        """The mean gain."""
        return fmean(self.gains)

    @property
    def verdict(self) -> str:
        """better, worse, or undecided."""
        if self.p_holm is None or self.p_holm >= LEVEL:
            return "undecided"
        return "better" if self.gain > 0 else "worse"

    @property
    def sentence(self) -> str:
        """The verdict for a person."""
        message = f"mean gain in test {self.metric} {self.gain:+.4f}"
        if self.p_holm is None:
            return f"{self.loss} and {self.baseline} cannot be compared: a training gave no finite predictions."
        message += f" over {len(self.gains)} paired seeds, p = {self.p_holm:.2g} after Holm's correction"
        if self.verdict != "undecided":
            return f"{self.loss} is {self.verdict} than {self.baseline}: {message}."
        least = self.n_tests * smallest_p(len(self.gains))
        few = "; so few seeds can show none" if least >= LEVEL else ""
        return f"No difference between {self.loss} and {self.baseline} is shown: {message}{few}."

    def to_dict(self) -> dict[str, Any]:
        """For result.json."""
        derived = {"gain": self.gain, "verdict": self.verdict, "sentence": self.sentence}
        return {**asdict(self), "gains": list(self.gains), **derived}


def compare_with(
    loss: str, baselines: Sequence[str], metric: Metric, values: Mapping[str, Sequence[float]]
) -> list[PairedComparison]:
    """A loss beside every baseline by one metric.

    Holm's correction is for the baselines of this loss: the question is asked of every loss by itself.

    Args:
        loss: its name.
        baselines: their names.
        metric: says which way it is read.
        values: loss -> the metric for each seed, in the order of the seeds; NaN where there is none.
    """
    side = 1 if metric.higher_is_better else -1
    pairs = [zip(values[loss], values[other], strict=True) for other in baselines]
    gains = [tuple(side * (ours - theirs) for ours, theirs in pair) for pair in pairs]
    raw = [signed_rank_p(of_pair) for of_pair in gains]
    known = [p for p in raw if p is not None]
    corrected = iter(holm(known))
    return [
        PairedComparison(loss, other, metric.name, of_pair, p, None if p is None else next(corrected), len(known))
        for other, of_pair, p in zip(baselines, gains, raw, strict=True)
    ]
