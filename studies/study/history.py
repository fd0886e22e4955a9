"""Who is told what happens in a study; and its history, which its report and a comparison are drawn from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from core.common.restoring import count, read
from core.phases.contender import Finished
from core.phases.metric import Metric
from core.phases.tally import Tally
from core.search.effectiveness import TrainingCurve
from core.search.search import Step
from core.search.trial import Trial
from studies.storage.output import plain
from studies.study.history_file import HistoryFile, StepRecord
from studies.study.result import StudyResult


class StudyCallback:
    """Told what happens in a study; does nothing about what it does not name. Must not change anything in it."""

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """Phase I finished a step; `candidate_epochs` have been trained so far."""

    def on_phase(self, text: str) -> None:
        """Something begins or was decided; a sentence for a person."""

    def on_epoch(self, curves: Sequence[TrainingCurve]) -> None:
        """Phase III trained one more epoch."""

    def on_result(self, result: dict[str, Any]) -> None:
        """The study is done; `result` is what result.json holds."""

    def state_dict(self) -> dict[str, Any]:
        """What must be there again where a study goes on from a checkpoint."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""


class CallbackList(StudyCallback):
    """Several callbacks as one.

    Args:
        callbacks: told everything in this order.
    """

    def __init__(self, callbacks: Sequence[StudyCallback]) -> None:
        self._callbacks = callbacks

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See StudyCallback."""
        for callback in self._callbacks:
            callback.on_step(step, tally, candidate_epochs)

    def on_phase(self, text: str) -> None:
        """See StudyCallback."""
        for callback in self._callbacks:
            callback.on_phase(text)

    def on_epoch(self, curves: Sequence[TrainingCurve]) -> None:
        """See StudyCallback."""
        for callback in self._callbacks:
            callback.on_epoch(curves)

    def on_result(self, result: dict[str, Any]) -> None:
        """See StudyCallback."""
        for callback in self._callbacks:
            callback.on_result(result)

    def state_dict(self) -> dict[str, Any]:
        """See StudyCallback; by the names of their classes, since others may watch when the study goes on."""
        return {type(callback).__name__: callback.state_dict() for callback in self._callbacks}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See StudyCallback."""
        for callback in self._callbacks:
            callback.load_state_dict(state.get(type(callback).__name__, {}))


T = TypeVar("T")

#: What a report and a comparison need of a step, beside its candidates.
_KEPT = ("candidate_epochs", "seconds", "best", "metrics")


class History(StudyCallback):
    """Keeps the steps of Phase I and the candidates that were trained.

    Args:
        metric: what scores are made of.
        file: where it is kept while the study runs; None: in memory.
        clock: seconds.
    """

    def __init__(
        self, metric: Metric, file: HistoryFile | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._metric, self._file, self._clock, self._began = metric, file, clock, clock()
        self._is_begun, self._before = False, 0.0
        self._searcher = self._training = 0.0
        self._front: dict[str, float] = {}
        self.records: list[StepRecord] = []
        """Every step of Phase I."""

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Of every step: candidate_epochs, seconds, best, metrics."""
        return [{name: getattr(record, name) for name in _KEPT} for record in self.records]

    @property
    def candidates(self) -> list[dict[str, Any]]:
        """Of every trained candidate: see `candidate_row`."""
        return [row for record in self.records for row in record.candidates]

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See StudyCallback."""
        self._searcher += step.searcher_seconds
        self._training += step.training_seconds
        name, to_metric = self._metric.name, self._metric.value
        metrics = plain(step_metrics(step, tally, name, to_metric))
        known, self._front = self._front, plain(front_metrics(tally, name, to_metric))
        record = StepRecord(
            time=int(time.time() * 1000),
            candidate_epochs=candidate_epochs,
            seconds=sum(self.seconds().values()),
            best=plain(to_metric(tally.best_score)),
            metrics={name: value for name, value in metrics.items() if value is not None},
            front={name: value for name, value in self._front.items() if known.get(name) != value},
            candidates=[plain(candidate_row(trial, name, to_metric)) for trial in step.trials if trial.trained],
        )
        self.records.append(record)
        if self._file is not None:
            self._file.write(self.records)

    def on_phase(self, text: str) -> None:
        """See StudyCallback. The first one begins the time: MLflow's database may have been made meanwhile."""
        if not self._is_begun:
            self._is_begun, self._began = True, self._clock()

    def state_dict(self) -> dict[str, Any]:
        """See StudyCallback; what the file holds for good is not repeated."""
        n = 0 if self._file is None else self._file.synced()
        steps = [dict(vars(record)) for record in self.records[n:]]
        return {"in_file": n, "steps": steps, "front": dict(self._front), "seconds": self.seconds()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See StudyCallback."""
        if not state:
            return
        n, later = count(state["in_file"]), read(list[StepRecord], state["steps"])
        self.records = [*(self._file.go_on_after(n) if self._file is not None else ()), *later]
        self._front = read(dict[str, float], state["front"])
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
        """The validation metric after each epoch, for each training seed, those of the choice first."""
        by = finished.chosen_by
        fits = [*by, *(one for one in finished.fitted if not any(one is other for other in by))]
        return [
            {
                "kind": kind,
                "name": finished.contender.name,
                "epsilon": finished.epsilon,
                "seed": seed,
                "best_epoch": fitted.best_epoch,
                "validation": plain([self._metric.value(score) for score in fitted.curve]),
            }
            for seed, fitted in enumerate(fits)
        ]

    def seconds(self) -> dict[str, float]:
        """Wall-clock by what it went to."""
        total = self._before + self._clock() - self._began
        other = total - self._searcher - self._training
        return {"searcher": self._searcher, "training": self._training, "other": other}


def step_metrics(step: Step, tally: Tally, metric: str, to_metric: Callable[[float], float]) -> dict[str, float]:
    """Where a search stands after a step, by the names of MLflow's metrics; NaN where there is nothing yet.

    Args:
        step: the last one.
        tally: of all steps so far.
        metric: the name of what scores are made of.
        to_metric: score -> value of the metric.
    """
    rewards = [trial.reward for trial in step.trials if trial.trained and trial.reward is not None]
    return {
        f"best_valid_{metric}": to_metric(tally.best_score),
        f"valid_{metric}": to_metric(step.score),
        "reward": sum(rewards) / len(rewards) if rewards else math.nan,
        **tally.funnel(),
        **step.searcher_metrics,
    }


def front_metrics(tally: Tally, metric: str, to_metric: Callable[[float], float]) -> dict[str, float]:
    """The Pareto front so far, a metric for every number of operators on it; MLflow charts a folder's together."""
    return {f"front/valid_{metric}_{one.complexity}_operators": to_metric(one.score) for one in tally.front}


def candidate_row(trial: Trial, metric: str, to_metric: Callable[[float], float]) -> dict[str, Any]:
    """A trained candidate as a row of a table."""
    return {
        "number": trial.candidate.number,
        "step": trial.step,
        "formula": str(trial.candidate.solution),
        "complexity": trial.candidate.solution.complexity,
        "verdict": trial.verdict.value,
        "reward": trial.reward,
        f"valid_{metric}": None if trial.score is None else to_metric(trial.score),
        "adopted": trial.adopted,
    }


def thinned(points: Sequence[T], most: int, keep: Sequence[int] = ()) -> list[T]:
    """At most so many points, evenly, the first and the last among them; and those to keep."""
    if len(points) <= most:
        return list(points)
    places = np.linspace(0, len(points) - 1, most).round().astype(int).tolist()
    return [points[i] for i in sorted({*places, *keep})]
