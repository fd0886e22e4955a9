"""Does what was found win? Paired over seeds, and no louder than the evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from core.common.errors import counted
from core.phases.contender import Finished
from core.phases.metric import Metric
from studies.study.problems import LOSS
from studies.study.settings import StudySettings


@dataclass(frozen=True)
class BaselineComparison:
    """What was found beside the best baseline, on the test part."""

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
        """For result.json."""
        values = {name: value for name, value in asdict(self).items() if name != "what"}
        return {**values, "gains": list(self.gains), "gain": self.gain, "verdict": self.verdict}


def compare(
    found: Finished[Any], baselines: Sequence[Finished[Any]], metric: Metric, what: str = "loss"
) -> BaselineComparison:
    """Pair the test metrics of what was found and of the best baseline by seed.

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


def caveats(settings: StudySettings, passed: bool) -> list[str]:
    """Return what a reader must know before believing the verdict.

    Args:
        settings: of the study.
        passed: whether anything accepted passed the checks of phase II.
    """
    are_losses = settings.search.problem == LOSS
    sentences = _caveats_of_losses(settings, passed) if are_losses else []
    if n := settings.protocol.rehearsals:
        sentences.append(
            f"What is taken, and how each is trained, was chosen on validation by {counted(n, 'other seed')}; all that "
            "is shown is of fresh ones."
        )
    if settings.judging.repeats > 1:
        varied = "the start and the batches" if are_losses else "what is drawn"
        sentences.append(f"The {settings.judging.repeats} seeds vary {varied}, not the data: no test of significance.")
    return sentences


def _caveats_of_losses(settings: StudySettings, passed: bool) -> list[str]:
    sentences, protocol = [], settings.protocol
    train = protocol.train
    if not passed:
        sentences.append(
            "No accepted loss passed the validation check; those shown came nearest and may not learn at all."
        )
    shared = (
        f"the learning rate {train.learning_rate:g} and the weight decay {(*protocol.decay, train.weight_decay)[0]:g}"
    )
    scaled = (
        "Every loss, the baselines too, is multiplied by a number that brings its gradient to the norm of BCE's on "
        "one batch of a fresh recommender"
    )
    if len(protocol.decay) > 1:
        before = f"{scaled}. They" if protocol.scale == "normalised" else "All losses"
        sentences.append(
            f"{before} share the learning rate {train.learning_rate:g}, and each has that of the weight decays "
            f"{', '.join(f'{one:g}' for one in protocol.decay)} that did best on validation, and likewise its "
            "smoothing term. python -m studies.evaluate --loss FORMULA tunes more finely, and tests what ten paired "
            "seeds show."
        )
    elif protocol.scale == "normalised":
        sentences.append(
            f"{scaled}, and all share {shared}. So no loss wins by the scale that it begins "
            "with. What still holds: norms drift apart as training goes on, and this decay may suit one shape better "
            "than another. Before believing a win: python -m studies.evaluate --loss FORMULA tunes both for each loss."
        )
    else:
        sentences.append(
            f"All losses share {shared}. A loss c times as large trains like a learning rate c times as large with a "
            "decay c times as small, so under one shared decay a loss can win by its scale alone. Before believing a "
            "win: python -m studies.evaluate --loss FORMULA tunes both for each loss."
        )
    return sentences
