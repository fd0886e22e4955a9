"""What a worker does: one part of a comparison, from plain data to plain data."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from core.effectiveness import Progress
from core.loss import Loss, ProgramLoss
from core.program import LossProgram
from core.search import Step
from core.seeding import derive_seed
from recommenders.environments import FromScratchEnvironment
from recommenders.fitting import fit_losses
from recommenders.losses import make_loss
from studies.contest.parts import Part
from studies.funnel import Tally
from studies.observer import Observer
from studies.output import plain
from studies.recording import candidate_row, step_metrics
from studies.settings import StudySettings
from studies.study import Study, use_cores


@dataclass(frozen=True)
class Workplace:
    """What every worker needs. It does not change what is computed."""

    jobs: int
    """Processes at a time."""
    threads: int
    """CPU cores of each."""
    data: Path | None
    """The raw file of the data set, where it needs one."""
    memory: float | None = None
    """GiB for the parameters of recommenders in training, in each; None: half of what is free."""


#: Told how far a part is, from 0 to 1.
Report = Callable[[float], None]


def do(part: Part, place: Workplace, report: Report) -> dict[str, Any]:
    """Compute a part.

    Args:
        part: what to do.
        place: where.
        report: told how far it is.

    Returns:
        Plain numbers, strings, lists and dicts; None for numbers that are not finite.
    """
    return _KINDS[part.kind](part.content, place, report)


def _study(content: Mapping[str, Any], place: Workplace) -> Study:
    study = Study(StudySettings.from_dict(content["settings"]), place.data, place.threads, place.memory)
    use_cores(study.task.trainer)
    return study


def _run(content: Mapping[str, Any], place: Workplace, report: Report) -> dict[str, Any]:
    """Phases I and II of one searcher with one seed."""
    study = _study(content, place)
    recorder = _Recorder(study, report)
    found = study.search([recorder])
    to_metric = study.task.metric.value
    return {
        "steps": recorder.steps,
        "candidates": recorder.candidates,
        "start": plain(to_metric(study.start)),
        "funnel": found.tally.funnel(),
        "stop": found.stop.value,
        "seconds": recorder.seconds(),
        "passed_validation_check": found.n_passed,
        "finalists": [
            {
                "program": contender.program.to_dict(),
                "formula": contender.name,
                "score": None if score is None else plain(to_metric(score)),
                "positive_rate": contender.direction and contender.direction.positive_rate,
            }
            for contender, score in found.finalists
            if contender.program is not None
        ],
    }


class _Recorder(Observer):
    """Keeps what a comparison needs of a search."""

    def __init__(self, study: Study, report: Report) -> None:
        self._metric, self._trainings, self._report = study.task.metric, study.settings.trainings, report
        self._began = time.monotonic()
        self._searcher = self._training = 0.0
        self.steps: list[dict[str, Any]] = []
        self.candidates: list[dict[str, Any]] = []

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See Observer."""
        self._searcher += step.searcher_seconds
        self._training += step.training_seconds
        metrics = step_metrics(step, tally, self._metric.name, self._metric.value)
        self.steps.append(
            {
                "candidate_epochs": candidate_epochs,
                "seconds": time.monotonic() - self._began,
                "best": plain(self._metric.value(tally.best_score)),
                "metrics": {name: value for name, value in metrics.items() if math.isfinite(value)},
            }
        )
        trained = (trial for trial in step.trials if trial.trained)
        self.candidates += [candidate_row(trial, self._metric.name, self._metric.value) for trial in trained]
        self._report(tally.trained / self._trainings)

    def on_phase(self, text: str) -> None:
        """See Observer."""

    def on_epoch(self, progress: Sequence[Progress]) -> None:
        """See Observer."""

    def on_result(self, result: dict[str, Any]) -> None:
        """See Observer."""

    def seconds(self) -> dict[str, float]:
        """Wall-clock by what it went to."""
        total = time.monotonic() - self._began
        other = total - self._searcher - self._training
        return {"searcher": self._searcher, "training": self._training, "other": other}


def _noise(content: Mapping[str, Any], place: Workplace, report: Report) -> dict[str, Any]:
    """One loss from fresh recommenders of other seeds: after the short training of a search, and converged."""
    study = _study(content, place)
    loss = _make(content["loss"], study.settings)
    task, metric = study.task, study.task.metric
    short, converged = [], []
    for i in range(content["noise_seeds"]):
        seed = derive_seed("noise floor", i)
        epochs = study.settings.epochs_per_candidate
        environment = FromScratchEnvironment(task, seed, probe_size=1, epochs=epochs)
        (measured,) = environment.measure([loss], seed)
        short.append(plain(metric.value(measured.score)))
        (fitted,) = fit_losses(task, [loss], seed, study.settings.patience, study.settings.threshold_from)
        converged.append(plain(fitted.test.get(metric.name, math.nan)))
        report((i + 1) / content["noise_seeds"])
    return {"search": short, "converged": converged}


def _finals(content: Mapping[str, Any], place: Workplace, report: Report) -> dict[str, Any]:
    """Phase III of some losses with one seed."""
    study = _study(content, place)
    settings, metric = study.settings, study.task.metric.name
    losses = [_make(entry, settings) for entry in content["losses"]]

    def progressed(progress: list[Progress]) -> None:
        report(fmean(one.epochs for one in progress) / settings.patience.max_epochs)

    seed = derive_seed("comparison", content["repeat"])
    fitted = fit_losses(study.task, losses, seed, settings.patience, settings.threshold_from, progressed)
    return {
        "fitted": [
            {
                "validation": plain(one.validation),
                "test": plain(one.test),
                "best_epoch": one.best_epoch,
                "score": plain(study.task.metric.score_of(one.validation.get(metric, math.nan))),
            }
            for one in fitted
        ]
    }


def _make(entry: Mapping[str, Any], settings: StudySettings) -> Loss:
    """The loss of an entry: a name or formula of a known one, or a stored program; and its smoothing term."""
    if entry["program"] is None:
        return make_loss(entry["name"], settings.space, entry["epsilon"])
    return ProgramLoss(LossProgram.from_dict(entry["program"]), settings.space, entry["epsilon"])


_KINDS: Mapping[str, Callable[[Mapping[str, Any], Workplace, Report], dict[str, Any]]] = {
    "run": _run,
    "noise": _noise,
    "finals": _finals,
}
