"""What an evaluation came to: the content of result.json.

Losses are compared over seeds by Wilcoxon's signed-rank test with Holm's correction.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import fmean, stdev
from typing import Any, ClassVar

from core.common.errors import counted
from core.common.paired import holm, signed_rank_p, smallest_p
from core.phases.metric import Metric
from recommenders.tasks.task import SgdSettings
from studies.evaluation.judged import JudgedSettings, best_first
from studies.evaluation.tuner import Tuner

#: How sure a difference has to be to be called one: as in the paper (Table 5).
LEVEL = 0.01


class Choice(ABC):
    """The settings of a loss, and how they were chosen."""

    is_trained: ClassVar[bool] = True
    """Whether it is trained by epochs."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """The settings by name, in the order in which tables show them."""

    @property
    def shown(self) -> Mapping[str, Any]:
        """Those of them that tables show."""
        return self.settings

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return how they were chosen, in plain numbers, strings, lists and dicts."""

    def remarks(self, name: str) -> list[str]:
        """Return what to know of the choice, a sentence each.

        Args:
            name: of the loss.
        """
        return []


@dataclass(frozen=True)
class SgdChoice(Choice):
    """See Choice."""

    epsilon: float | None
    """The smoothing term; None for losses that have none."""
    sgd: SgdSettings
    grid: tuple[tuple[float | None, float], ...] = ()
    """Smoothing terms and their mean validation metric, where they alone were tried."""
    tuner: Tuner | None = None
    """Where everything was tuned: all trials."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """See Choice."""
        return {**self.shown, "clip": self.sgd.clip}

    @property
    def shown(self) -> Mapping[str, Any]:
        """See Choice."""
        sgd = self.sgd
        return {"epsilon": self.epsilon, "learning_rate": sgd.learning_rate, "weight_decay": sgd.weight_decay}

    def to_dict(self) -> dict[str, Any]:
        """See Choice."""
        if self.tuner is None:
            return {"grid": [{"epsilon": epsilon, "value": value} for epsilon, value in self.grid]}
        tuner = self.tuner
        return {
            "factor": tuner.factors[self.epsilon],
            "relative": asdict(tuner.best.point),
            "value": tuner.best.value,
            "neighbours": [side.to_dict() for side in tuner.bracket()],
            "bracketed": self.is_bracketed,
            "at_an_end": tuner.at_an_end,
            "trials": [one.told(asdict(one.point)) for one in tuner.tried],
        }

    @property
    def is_bracketed(self) -> bool:
        """Whether learning rate and decay were tried on both sides, and are better than there."""
        if self.tuner is None:
            return False
        sides = [side for side in self.tuner.bracket() if side.setting != "epsilon"]
        return not self.tuner.at_an_end and all(side.value is not None for side in sides)

    def remarks(self, name: str) -> list[str]:
        """See Choice."""
        if self.tuner is not None and self.tuner.at_an_end:
            names = " and ".join(one.replace("_", " ") for one in self.tuner.at_an_end)
            return [f"{name}: the best {names} lies at an end of what was searched; better ones may lie beyond."]
        if self.tuner is not None and not self.is_bracketed:
            return [f"{name}: more --trials were needed to try all neighbours of its best settings."]
        return []


@dataclass(frozen=True)
class EvaluatedLoss:
    """A loss with what it came to."""

    name: str
    """A named loss's name, or the formula."""
    is_baseline: bool
    choice: Choice
    runs: tuple[Mapping[str, Any], ...]
    """For each seed the metrics on `validation` and `test`, and `best_epoch`."""

    def values(self, part: str, metric: str) -> list[float]:
        """A metric for each seed; NaN where training broke down."""
        given = [run[part].get(metric) for run in self.runs]
        return [math.nan if value is None else float(value) for value in given]

    def to_dict(self, metrics: Sequence[Metric]) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts."""
        parts = {
            part: {metric.name: _described(self.values(part, metric.name)) for metric in metrics}
            for part in ("validation", "test")
        }
        return {
            "is_baseline": self.is_baseline,
            **self.choice.settings,
            **parts,
            "best_epoch": [run["best_epoch"] for run in self.runs],
            "chosen": self.choice.to_dict(),
            **self._of_rankings(),
        }

    def _of_rankings(self) -> dict[str, Any]:
        """What trainings on rankings tell beside: what they recommend, and the curve of the first one."""
        measured = [run.get("exposure", {}) for run in self.runs]
        exposure = {
            name: _described([of_run.get(name, math.nan) for of_run in measured])
            for name in dict.fromkeys(name for of_run in measured for name in of_run)
        }
        found = {"exposure": exposure, "curve": self.runs[0].get("curve")}
        return {name: value for name, value in found.items() if value}


def _described(values: list[float]) -> dict[str, Any]:
    has_spread = len(values) > 1 and all(map(math.isfinite, values))  # `stdev` knows no NaN
    return {"mean": fmean(values), "std": stdev(values) if has_spread else None, "per_seed": values}


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
    users: int | None = None
    """The number of users, where they are the pairs, over the mean of all seeds; `gains` is the mean gain then."""

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
        if self.p_holm is None:
            return f"{self.loss} and {self.baseline} cannot be compared: a training gave no finite predictions."
        message = f"mean gain in test {self.metric} {self.gain:+.4f}, p = {self.p_holm:.2g} after Holm's correction"
        if self.verdict != "undecided":
            return f"Over {self.pairs}, {self.loss} is {self.verdict} than {self.baseline}: {message}."
        few = "; so few seeds can show none" if self.too_few else ""
        return f"Over {self.pairs}, no difference between {self.loss} and {self.baseline} is shown: {message}{few}."

    @property
    def too_few(self) -> bool:
        """Whether seeds are the pairs, and so few that no difference could be shown."""
        return self.users is None and self.n_tests * smallest_p(len(self.gains)) >= LEVEL

    @property
    def pairs(self) -> str:
        """What was paired, in words."""
        return counted(len(self.gains), "paired seed") if self.users is None else counted(self.users, "paired user")

    def to_dict(self) -> dict[str, Any]:
        """For result.json."""
        derived = {"gain": self.gain, "verdict": self.verdict, "sentence": self.sentence}
        values = {**asdict(self), "gains": list(self.gains), **derived}
        return {name: value for name, value in values.items() if name != "users" or value is not None}


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


@dataclass(frozen=True)
class Outcome:
    """An evaluation that is finished."""

    settings: JudgedSettings
    losses: tuple[EvaluatedLoss, ...]
    by_user: tuple[PairedComparison, ...] = ()
    """Losses beside baselines paired by user, in rankings."""

    @property
    def metric(self) -> Metric:
        """What decided."""
        return self.metrics[0]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All of the task, the one that decided first."""
        return self.settings.metrics

    @property
    def ranked(self) -> list[EvaluatedLoss]:
        """The losses, the best first, see `best_first`."""
        return best_first(self.losses, self.metric, lambda one, part: fmean(one.values(part, self.metric.name)))

    @cached_property
    def comparisons(self) -> list[PairedComparison]:
        """Every loss that is judged beside every baseline, by every metric on the test part."""
        evaluated = [one for one in self.losses if not one.is_baseline]
        baselines = [one for one in self.losses if one.is_baseline]
        found: list[PairedComparison] = []
        for metric in self.metrics:
            values = {one.name: one.values("test", metric.name) for one in self.losses}
            for one in evaluated:
                found += compare_with(one.name, [other.name for other in baselines], metric, values)
        return found

    def to_dict(self) -> dict[str, Any]:
        """The content of result.json, but for numbers that are not finite."""
        return {
            "losses": {one.name: one.to_dict(self.metrics) for one in self.losses},
            "comparisons": [one.to_dict() for one in self.comparisons],
            **({"by_user": [one.to_dict() for one in self.by_user]} if self.by_user else {}),
            "metric": self.metric.name,
            "protocol": self.settings.protocol,
            "seeds": self.settings.seeds,
            "settings": self.settings.to_dict(),
        }
