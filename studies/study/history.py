"""What a study went through, step by step and epoch by epoch: what its report and a comparison are drawn from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.common.restoring import read
from core.search.effectiveness import Progress
from core.search.search import Step
from recommenders.tasks.metrics import Metric
from studies.storage.output import plain
from studies.study.finals import Finished
from studies.study.funnel import Tally
from studies.study.observer import Observer
from studies.study.recording import candidate_row, step_metrics
from studies.study.result import StudyResult


class History(Observer):
    """Keeps the steps of Phase I and the candidates that were trained.

    Args:
        metric: what scores are made of.
        clock: seconds.
    """

    def __init__(self, metric: Metric, clock: Callable[[], float] = time.monotonic) -> None:
        self._metric, self._clock, self._began = metric, clock, clock()
        self._is_begun, self._before = False, 0.0
        self._searcher = self._training = 0.0
        self.steps: list[dict[str, Any]] = []
        """Of every step: candidate_epochs, seconds, best (validation metric), its metrics by MLflow's names."""
        self.candidates: list[dict[str, Any]] = []
        """Of every trained candidate: see `candidate_row`."""

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See Observer."""
        self._searcher += step.searcher_seconds
        self._training += step.training_seconds
        metrics = step_metrics(step, tally, self._metric.name, self._metric.value)
        self.steps.append(
            {
                "candidate_epochs": candidate_epochs,
                "seconds": sum(self.seconds().values()),
                "best": plain(self._metric.value(tally.best_score)),
                "metrics": {name: value for name, value in metrics.items() if plain(value) is not None},
            }
        )
        trained = (trial for trial in step.trials if trial.trained)
        self.candidates += [candidate_row(trial, self._metric.name, self._metric.value) for trial in trained]

    def on_phase(self, text: str) -> None:
        """See Observer. The first one begins the time: MLflow's database may have been made meanwhile."""
        if not self._is_begun:
            self._is_begun, self._began = True, self._clock()

    def on_epoch(self, progress: Sequence[Progress]) -> None:
        """See Observer."""

    def on_result(self, result: dict[str, Any]) -> None:
        """See Observer."""

    def state_dict(self) -> dict[str, Any]:
        """See Observer."""
        return {"steps": self.steps, "candidates": self.candidates, "seconds": self.seconds()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Observer."""
        if not state:
            return
        self.steps = read(list[dict[str, Any]], state["steps"])
        self.candidates = read(list[dict[str, Any]], state["candidates"])
        seconds = read(dict[str, float], state["seconds"])
        self._searcher, self._training = seconds["searcher"], seconds["training"]
        self._before = sum(seconds.values())

    def to_dict(self, result: StudyResult) -> dict[str, Any]:
        """The content of history.json: this, and how the losses of Phase III trained."""
        return {
            "metric": self._metric.name,
            "higher_is_better": self._metric.higher_is_better,
            "steps": self.steps,
            "candidates": self.candidates,
            "curves": [curve for kind, finished in result.kinds for curve in self._curves(kind, finished)],
        }

    def _curves(self, kind: str, finished: Finished) -> list[dict[str, Any]]:
        """The validation metric after each epoch, for each training seed."""
        return [
            {
                "kind": kind,
                "name": finished.contender.name,
                "epsilon": finished.epsilon,
                "seed": seed,
                "best_epoch": fitted.best_epoch,
                "validation": plain([self._metric.value(score) for score in fitted.curve]),
            }
            for seed, fitted in enumerate(finished.fitted)
        ]

    def seconds(self) -> dict[str, float]:
        """Wall-clock by what it went to."""
        total = self._before + self._clock() - self._began
        other = total - self._searcher - self._training
        return {"searcher": self._searcher, "training": self._training, "other": other}
