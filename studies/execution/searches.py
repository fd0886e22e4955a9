"""Searches as tasks: a whole study, what is sampled in a time, and how the recommender learns meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from core.common.restoring import count, read
from core.common.seeding import numpy_rng
from core.phases.tally import Tally
from core.search.effectiveness import TrainingCurve
from core.search.search import Step
from recommenders.tasks.task import Pairs
from studies.execution.resources import Checkpointer, Report
from studies.storage.output import plain
from studies.study.history import History, StudyCallback, thinned
from studies.study.study import Study

#: Training rows whose score stands for all: as many as tell AUC to .005.
_SCORED_ROWS = 10_000
#: The most points that are kept of a curve.
_MOST_POINTS = 400

#: A number by each of its names.
Point = dict[str, int | float | None]


class _Phases(StudyCallback):
    """Reports how much of a study is done: Phase I is a half, trainings to convergence are the other one."""

    def __init__(self, study: Study, report: Report) -> None:
        self._settings, self._longest, self._report, self._rounds = study.settings, study.problem.longest, report, -1

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See StudyCallback."""
        self._rounds = -1
        self._report(tally.trained / self._settings.search.trainings / 2)

    def on_phase(self, text: str) -> None:
        """See StudyCallback; Phase II is the first after the steps."""
        self._rounds += 1

    def on_epoch(self, curves: Sequence[TrainingCurve]) -> None:
        """See StudyCallback."""
        done = max(0, self._rounds - 1) + fmean(one.epochs for one in curves) / self._longest
        self._report(0.5 + min(1.0, done / (self._settings.judging.repeats + 1)) / 2)


def whole_study(study: Study, report: Report, checkpointer: Checkpointer) -> dict[str, Any]:
    """All three phases: the content of its result.json, every step, and every candidate that was trained."""
    history = History(study.problem.metric)
    result = study.run(
        [history, _Phases(study, report)], stored=checkpointer.stored, on_checkpoint=checkpointer.on_checkpoint
    )
    return {"result": result.to_dict(), "steps": history.steps, "candidates": history.candidates}


class _Counts(StudyCallback):
    """How many were sampled and trained by when."""

    def __init__(self, minutes: float, report: Report, clock: Callable[[], float] = time.monotonic) -> None:
        self._minutes, self._report, self._clock, self._began = minutes, report, clock, clock()
        self.points: list[Point] = [{"seconds": 0.0, "sampled": 0, "trained": 0}]

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See StudyCallback."""
        seconds = self._clock() - self._began
        self.points.append({"seconds": seconds, "sampled": tally.sampled, "trained": tally.trained})
        self._report(min(1.0, seconds / 60 / self._minutes))

    def state_dict(self) -> dict[str, Any]:
        """See StudyCallback."""
        return {"points": self.points, "seconds": self._clock() - self._began}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See StudyCallback."""
        if state:
            self.points = read(list[Point], state["points"])
            self._began = self._clock() - read(float, state["seconds"])


def sampled(study: Study, report: Report, checkpointer: Checkpointer) -> dict[str, Any]:
    """Phase I for its minutes: what was sampled and trained over time."""
    assert study.settings.search.minutes is not None, "the time is what is compared"
    counts = _Counts(study.settings.search.minutes, report)
    found = study.search([counts], stored=checkpointer.stored, on_checkpoint=checkpointer.on_checkpoint)
    return {"points": thinned(counts.points, _MOST_POINTS), "funnel": found.tally.funnel(), "stop": found.stop.value}


class _Scores(StudyCallback):
    """How the recommender that candidates start from does after each step."""

    def __init__(self, study: Study, report: Report) -> None:
        self._study, self._report = study, report
        task = study.losses.task
        train = task.dataset.train
        n = min(_SCORED_ROWS, len(train))
        rows = numpy_rng(study.settings.seed, "scored training rows").choice(len(train), n, replace=False)
        self._pairs = Pairs.of(train.take(rows), task.trainer.device)
        self._restarts = 0
        self.points = [self._point(0, study.start)]

    def _point(self, trained: int, validation: float) -> Point:
        value = self._study.problem.metric.value
        return {
            "trained": trained,
            "train": plain(value(self._study.losses.score_on(self._pairs))),
            "validation": plain(value(validation)),
            "restarts": self._restarts,
        }

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See StudyCallback."""
        self._restarts += step.restarted
        if step.restarted or any(trial.adopted for trial in step.trials):
            self.points.append(self._point(tally.trained, step.score))
        else:  # the same recommender as before
            self.points.append({**self.points[-1], "trained": tally.trained})
        self._report(tally.trained / self._study.settings.search.trainings)

    def state_dict(self) -> dict[str, Any]:
        """See StudyCallback."""
        return {"points": self.points, "restarts": self._restarts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See StudyCallback."""
        if state:
            self.points, self._restarts = read(list[Point], state["points"]), count(state["restarts"])


def learned(study: Study, report: Report, checkpointer: Checkpointer) -> dict[str, Any]:
    """Phase I: the metric of the recommender on a sample of training rows and on validation, after each step."""
    scores = _Scores(study, report)
    found = study.search([scores], stored=checkpointer.stored, on_checkpoint=checkpointer.on_checkpoint)
    return {"points": scores.points, "funnel": found.tally.funnel(), "stop": found.stop.value}
