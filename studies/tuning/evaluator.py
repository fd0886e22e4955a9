"""What settings are worth with one seed: made into tasks, whose results are kept and never computed twice."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from recommenders.tasks.metrics import Metric, find_metric
from studies.execution.factory import TaskFactory, Training
from studies.execution.runner import CachedRunner
from studies.execution.task import Result, Task
from studies.study.settings import StudySettings
from studies.tuning.settings import TuneSettings
from studies.tuning.tunables import with_values


@dataclass(frozen=True)
class SettingsEvaluator:
    """Computes the validation metric of settings, seed by seed; the test part is never looked at."""

    settings: TuneSettings
    """Of the tuning."""
    factory: TaskFactory
    """Makes tasks."""
    runner: CachedRunner
    """Computes them."""

    @property
    def metric(self) -> Metric:
        """What decides."""
        return find_metric(self.settings.task, self.settings.metric)

    def values(self, text: str, params: Mapping[str, float], seeds: Sequence[int]) -> Generator[tuple[int, float]]:
        """Compute the validation metric of settings with some seeds; a caller that stops iterating spares the rest.

        Args:
            text: what this is, for a person.
            params: the settings that are tuned, by name.
            seeds: in the order in which they are wanted.

        Yields:
            Every seed, in this order, with the metric: its worst value where a training broke down.
        """
        tasks = {seed: self._task(params, seed) for seed in seeds}
        found: dict[str, Result] = {}
        with closing(self.runner.results(text, list(tasks.values()))) as results:
            for seed, task in tasks.items():
                while task.file not in found:
                    done, result = next(results)
                    found[done.file] = result
                yield seed, self._value(found[task.file])

    def _task(self, params: Mapping[str, float], seed: int) -> Task:
        settings = self.settings
        if settings.loss is None:
            study = StudySettings.from_dict(with_values(settings.study(seed).to_dict(), params))
            return self.factory.run(study, converged=settings.objective == "converged")
        trained = {name: value for name, value in params.items() if name != "epsilon"}
        study = StudySettings.from_dict(with_values(settings.study(0).to_dict(), trained))
        training = Training(settings.loss, params.get("epsilon", settings.own_epsilon))
        return self.factory.training(study, training, seed, is_trial=True)

    def _value(self, result: Mapping[str, Any]) -> float:
        if self.settings.loss is not None:
            value = result["validation"].get(self.metric.name)
        elif self.settings.objective == "converged":
            value = result["converged"]
        else:
            value = result["steps"][-1]["best"]
        if value is None or not math.isfinite(value):
            return self.metric.worst
        return float(value)
