"""Trains losses to convergence, a task for each loss, setting and seed, and chooses between settings on validation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from core.common.restoring import read
from core.phases.contender import Contender, Variant
from core.phases.metric import Metric
from core.phases.problem import StudyProblem
from recommenders.tasks.task import SgdSettings
from studies.execution.runner import CachedRunner
from studies.execution.task import Result, TaskFactory, Training
from studies.study.settings import StudySettings


@dataclass(frozen=True)
class Chosen:
    """The setting of a loss that does best on validation."""

    training: Training
    value: float
    """The validation metric, the mean over seeds; the worst value of the metric counts where a training broke down."""
    runs: tuple[Result, ...]
    """Its results, one for each seed."""
    grid: tuple[tuple[Training, float], ...]
    """Every setting that was tried, with the same mean."""


class Convergence:
    """Plans trainings to convergence.

    Args:
        factory: makes tasks.
        runner: computes them.
        study: how losses are trained.
        metric: what is chosen by.
        at_once: losses that are trained together, at most; see Task.
    """

    def __init__(
        self, factory: TaskFactory, runner: CachedRunner, study: StudySettings, metric: Metric, at_once: int
    ) -> None:
        self._factory, self._runner, self._study, self._at_once = factory, runner, study, at_once
        self.metric = metric

    def train(
        self, text: str, trainings: Sequence[Training], repeats: Iterable[int], is_trial: bool = False
    ) -> list[list[Result]]:
        """Train losses with several seeds.

        Args:
            text: what this does, in a sentence for a person.
            trainings: what to train.
            repeats: numbers of the seeds.
            is_trial: whether something is chosen by the results; then the test part is left out of them.

        Returns:
            For each training the results in the order of the seeds.
        """
        pairs = [(repeat, training) for repeat in repeats for training in trainings]
        if not pairs:
            return [[] for _ in trainings]
        tasks = [self._factory.training(self._study, one, repeat, is_trial, self._at_once) for repeat, one in pairs]
        found, n = self._runner.stage(text, tasks), len(trainings)
        return [found[i::n] for i in range(n)]

    def choose(
        self, text: str, options: Sequence[Sequence[Training]], repeats: Iterable[int], is_trial: bool = False
    ) -> list[Chosen]:
        """Choose the setting of each loss that does best on validation; of equal ones the first.

        Args:
            text: see `train`.
            options: for each loss the settings to try.
            repeats: numbers of the seeds.
            is_trial: see `train`; False where the results count for more than the choice.
        """
        runs = iter(self.train(text, [one for of_loss in options for one in of_loss], repeats, is_trial))
        return [self._best(of_loss, [next(runs) for _ in of_loss]) for of_loss in options]

    def _best(self, options: Sequence[Training], runs: Sequence[list[Result]]) -> Chosen:
        values = [fmean(self.values(of_one)) for of_one in runs]
        whole = [all(run["validation"].get(self.metric.name) is not None for run in of_one) for of_one in runs]
        best = max(range(len(options)), key=lambda i: (self.side * values[i], whole[i]))
        grid = tuple(zip(options, values, strict=True))
        return Chosen(options[best], values[best], tuple(runs[best]), grid)

    @property
    def side(self) -> int:
        """1 where a higher value of the metric is better, -1 where a lower one is."""
        return 1 if self.metric.higher_is_better else -1

    def values(self, runs: Sequence[Result]) -> list[float]:
        """The validation metric of each run; the worst value of the metric where training broke down."""
        return validation_values(self.metric, runs)


def validation_values(metric: Metric, runs: Sequence[Result]) -> list[float]:
    """Return a metric of each run on validation; its worst value where training broke down.

    Args:
        metric: the metric.
        runs: results of trainings.
    """
    return part_values(metric, runs, "validation")


def part_values(metric: Metric, runs: Sequence[Result], part: str) -> list[float]:
    """Return a metric of each run; its worst value where training broke down.

    Args:
        metric: the metric.
        runs: results of trainings.
        part: validation or test.
    """
    values = [run[part].get(metric.name) for run in runs]
    return [metric.worst if value is None or not math.isfinite(value) else float(value) for value in values]


def settings_of(contender: Contender[Any], problem: StudyProblem[Any] | None = None) -> tuple[Training, ...]:
    """Return a contender in all its variants.

    Args:
        contender: something known, or something that a search has found.
        problem: stores what a search has found; others are stored by name.
    """
    return tuple(training_of(contender, one, problem) for one in contender.variants)


def training_of(contender: Contender[Any], variant: Variant, problem: StudyProblem[Any] | None = None) -> Training:
    """Return a contender in one of its variants.

    Args:
        contender: see `settings_of`.
        variant: how it is trained.
        problem: see `settings_of`.
    """
    found = contender.solution if contender.is_searched else None
    program = None if found is None or problem is None else problem.stored(found)
    return Training(contender.name, variant.constant, program, read(SgdSettings | None, variant.way))
