"""An evaluation from beginning to end, without a terminal or a tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from core.common.seeding import derive_seed
from recommenders.tasks.metrics import Metric
from recommenders.tasks.scaling import fresh_yardstick
from recommenders.tasks.task import Descent, RecommendationTask
from studies.evaluation.outcome import Choice, Judged, Outcome
from studies.evaluation.settings import EvaluateSettings
from studies.evaluation.tuner import AT_ONCE, Point, Tuner
from studies.execution.laboratory import Laboratory
from studies.execution.making import PartMaker
from studies.execution.part import Part
from studies.study.finals import Contender
from studies.study.settings import StudySettings

#: Training rows on which the scale of a loss is measured: a batch.
_SCALE_ROWS = 128
#: The most rounds in which neighbours alone are tried.
_CLOSING = 6


@dataclass(frozen=True)
class Entry:
    """A loss with a smoothing term and a descent: something to train."""

    contender: Contender
    epsilon: float | None
    descent: Descent

    @property
    def stored(self) -> dict[str, Any]:
        """The loss as parts store it."""
        return {"name": self.contender.name, "program": None, "epsilon": self.epsilon}


class Judgement:
    """Chooses settings for every loss on validation, then trains it with the seeds that are shown.

    Args:
        settings: of the evaluation.
        task: what is trained; for the scale of the losses.
        maker: makes parts.
        laboratory: computes them.
    """

    def __init__(
        self, settings: EvaluateSettings, task: RecommendationTask, maker: PartMaker, laboratory: Laboratory
    ) -> None:
        self._settings, self._task, self._maker, self._laboratory = settings, task, maker, laboratory
        self._study: StudySettings = settings.study
        self._contenders = settings.contenders

    @property
    def _metric(self) -> Metric:
        return self._task.metric

    def run(self) -> Outcome:
        """Do what is missing."""
        choices = self._tuned() if self._settings.protocol == "symmetric" else self._from_grid()
        n, entries = self._settings.seeds, [Entry(c, o.epsilon, o.descent) for c, o in self._pairs(choices)]
        fitted = self._trained(f"Every loss with its settings and {n} seeds", entries, self._settings.repeats(False))
        baselines = self._settings.baselines
        judged = [
            Judged(one.name, one.name in baselines, choice, tuple(runs))
            for (one, choice), runs in zip(self._pairs(choices), fitted, strict=True)
        ]
        return Outcome(self._settings, tuple(judged))

    def _pairs(self, choices: Sequence[Choice]) -> list[tuple[Contender, Choice]]:
        return list(zip(self._contenders, choices, strict=True))

    def _trained(
        self, text: str, entries: Sequence[Entry], repeats: Sequence[int], choosing: bool = False
    ) -> list[list[Mapping[str, Any]]]:
        """For every entry what it came to with each seed; a handful of entries is trained together."""
        if not entries:
            return []
        groups = [entries[start : start + AT_ONCE] for start in range(0, len(entries), AT_ONCE)]
        parts = [self._part(group, repeat, choosing) for group in groups for repeat in repeats]
        found = iter(self._laboratory.stage(text, parts))
        trained: list[list[Mapping[str, Any]]] = []
        for group in groups:
            per_seed = [next(found)["fitted"] for _ in repeats]
            trained += [[of_seed[i] for of_seed in per_seed] for i in range(len(group))]
        return trained

    def _part(self, group: Sequence[Entry], repeat: int, choosing: bool) -> Part:
        names = list(dict.fromkeys(entry.contender.name for entry in group))
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        settings = f", {len(group)} settings" if choosing else ""
        label = f"{names[0][:40]}{others}{settings}, seed {repeat}"
        losses, descents = [entry.stored for entry in group], [entry.descent for entry in group]
        return self._maker.finals(self._study, losses, repeat, label, descents, is_trial=choosing)

    def _try(
        self,
        text: str,
        tuners: Sequence[Tuner],
        factors: Sequence[Mapping[float | None, float]],
        asked: Sequence[Sequence[Point]],
    ) -> None:
        """Train the points of all losses, and tell."""
        entries = [
            Entry(one, point.epsilon, point.descent(of_one[point.epsilon]))
            for one, points, of_one in zip(self._contenders, asked, factors, strict=True)
            for point in points
        ]
        runs = iter(self._trained(text, entries, self._settings.repeats(True), choosing=True))
        for tuner, points in zip(tuners, asked, strict=True):
            tuner.tell([self._values(next(runs)) for _ in points])

    def _values(self, runs: Sequence[Mapping[str, Any]]) -> list[float]:
        """The validation metric of each run, the worst value where it broke down."""
        values = [run["validation"].get(self._metric.name) for run in runs]
        return [self._metric.worst if value is None else float(value) for value in values]

    def _from_grid(self) -> list[Choice]:
        """The smoothing term of every loss that has one; one descent for all."""
        descent = self._study.train.descent
        open_ones = [one for one in self._contenders if len(one.choices) > 1]
        entries = [Entry(one, epsilon, descent) for one in open_ones for epsilon, _ in one.choices]
        repeats = self._settings.repeats(True)
        runs = iter(self._trained("The smoothing term of every loss", entries, repeats, choosing=True))
        side, chosen = 1 if self._metric.higher_is_better else -1, {}
        for one in open_ones:
            grid = [(epsilon, fmean(self._values(next(runs)))) for epsilon, _ in one.choices]
            best, _ = max(grid, key=lambda pair: side * pair[1])
            chosen[one.name] = Choice(best, descent, grid=tuple(grid))
        return [chosen.get(one.name) or Choice(one.choices[0][0], descent) for one in self._contenders]

    def _tuned(self) -> list[Choice]:
        """Everything about every loss, with as many trials for each."""
        settings, metric = self._settings, self._metric
        yardstick = fresh_yardstick(self._task, settings.seed, min(_SCALE_ROWS, len(self._task.dataset.train)))
        factors = [
            dict(zip((e for e, _ in one.choices), yardstick.factors([loss for _, loss in one.choices]), strict=True))
            for one in self._contenders
        ]
        seed = derive_seed(settings.seed, "evaluation")  # the same for all, that equal losses come to the same
        tuners = [Tuner(list(of_one), seed, metric.higher_is_better) for of_one in factors]
        for done in range(0, settings.trials, AT_ONCE):
            n = min(AT_ONCE, settings.trials - done)
            asked = [tuner.ask(n, walk=2 * done >= settings.trials) for tuner in tuners]
            text = f"Settings for {len(tuners)} losses: trials {done + 1} to {done + n} of {settings.trials} for each"
            self._try(text, tuners, factors, asked)
        for _ in range(_CLOSING):
            asked = [tuner.ask_neighbours() for tuner in tuners]
            self._try("Settings: neighbours of the best ones that were not tried yet", tuners, factors, asked)
        return [_choice(tuner, of_one) for tuner, of_one in zip(tuners, factors, strict=True)]


def _choice(tuner: Tuner, factors: Mapping[float | None, float]) -> Choice:
    """The best point of a tuner; `factors` are those of its loss, by smoothing term."""
    point = tuner.best.point
    factor = factors[point.epsilon]
    return Choice(point.epsilon, point.descent(factor), factor=factor, tuner=tuner)
