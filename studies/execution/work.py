"""What a worker does: a group of tasks, from plain data to plain data."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean
from typing import Any

from core.analysis.tally import Tally
from core.common.restoring import read
from core.common.seeding import derive_seed
from core.losses.loss import Loss, ProgramLoss
from core.programs.program import LossProgram
from core.search.search import Step
from recommenders.data import DataFiles
from recommenders.tasks.convergence import ConvergenceTraining, TrainingResult, fit_losses
from recommenders.tasks.environments import FromScratchEnvironment
from recommenders.tasks.finals import validation_score
from recommenders.tasks.losses import make_loss
from recommenders.tasks.task import SgdSettings
from studies.execution.resources import Checkpointer, Report, Resources, Storage
from studies.execution.searches import learned, sampled, whole_study
from studies.execution.task import Result, Task
from studies.storage.checkpoints import restoring
from studies.storage.output import plain
from studies.study.callback import StepCallback
from studies.study.found import Found
from studies.study.history import History
from studies.study.settings import StudySettings
from studies.study.study import Study, use_cores


@dataclass(frozen=True)
class _Job:
    """A group of tasks at a worker."""

    contents: Sequence[Mapping[str, Any]]
    """Of the tasks."""
    resources: Resources
    data: DataFiles
    report: Report
    checkpointer: Checkpointer

    def study(self, **changes: Any) -> Study:
        """The study of the tasks."""
        settings = json.dumps(self.contents[0]["settings"] | changes, sort_keys=True)
        return _make_study(settings, self.data, self.resources)

    def study_again(self) -> Study:
        """The same as before, if it was the same: reading data takes longer than some trainings."""
        return _same_study(json.dumps(self.contents[0]["settings"], sort_keys=True), self.data, self.resources)


def compute(tasks: Sequence[Task], resources: Resources, storage: Storage, report: Report) -> list[Result]:
    """Compute a group of tasks.

    Args:
        tasks: of one kind; see `studies.execution.task.grouped`.
        resources: of this worker.
        storage: where the data are, and unfinished work.
        report: told how far they are, from 0 to 1.
    """
    contents = [task.content for task in tasks]
    job = _Job(contents, resources, storage.data(contents[0]["data"]), report, storage.checkpointer(tasks))
    return _KINDS[tasks[0].kind](job)


def _make_study(settings: str, data: DataFiles, resources: Resources) -> Study:
    """A study of these settings, in JSON."""
    study = Study(StudySettings.from_dict(json.loads(settings)), data, resources.threads, resources.memory)
    use_cores(study.task.trainer)
    return study


_same_study = lru_cache(maxsize=1)(_make_study)


def _run(job: _Job) -> list[Result]:
    """Phases I and II of one searcher with one seed."""
    study = job.study()
    history, share = History(study.task.metric), _Share(study.settings.trainings, job.report)
    found = study.search([history, share], stored=job.checkpointer.stored, on_checkpoint=job.checkpointer.on_checkpoint)
    to_metric = study.task.metric.value
    result = {
        "steps": history.steps,
        "candidates": history.candidates,
        "start": plain(to_metric(study.start)),
        "funnel": found.tally.funnel(),
        "stop": found.stop.value,
        "seconds": history.seconds(),
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
    return [result]


class _Share(StepCallback):
    """Reports how much of Phase I is done."""

    def __init__(self, trainings: int, report: Report) -> None:
        self._trainings, self._report = trainings, report

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See StudyCallback."""
        self._report(tally.trained / self._trainings)


def _converged(job: _Job) -> list[Result]:
    """Phases I and II, then the validation metric of the best loss found after convergence; None if there is none."""
    study, stored, checkpointer = job.study(), job.checkpointer.stored or {}, job.checkpointer
    settings, metric = study.settings, study.task.metric
    if "found" in stored:
        with restoring():
            found = Found.from_dict(stored["found"], settings)
    else:
        share = _Share(settings.trainings, lambda done: job.report(done / 2))
        found = study.search([share], stored=stored or None, on_checkpoint=checkpointer.on_checkpoint)
    losses = [study.comparable(loss) for contender, _ in found.finalists for _, loss in contender.choices]
    fitting = ConvergenceTraining(
        study.task, losses, derive_seed(settings.seed, "finals", 0), settings.early_stopping, settings.threshold_from
    )
    fitted = _fit(
        fitting,
        settings,
        lambda done: job.report(0.5 + done / 2),
        Checkpointer(
            stored.get("fitting"),
            lambda make: checkpointer.on_checkpoint(lambda: {"found": found.to_dict(), "fitting": make()}),
        ),
    )
    best = max((validation_score(metric, one) for one in fitted), default=-math.inf)
    return [{"converged": plain(metric.value(best))}]


def _fit(
    fitting: ConvergenceTraining, settings: StudySettings, report: Report, checkpointer: Checkpointer
) -> list[TrainingResult]:
    """Train to the end, from where it stood."""
    if checkpointer.stored is not None:
        with restoring():
            fitting.load_state_dict(checkpointer.stored)
    for curves in fitting:
        report(fmean(one.epochs for one in curves) / settings.early_stopping.max_epochs)
        checkpointer.on_checkpoint(fitting.state_dict)
    return fitting.fitted


def _whole(job: _Job) -> list[Result]:
    """All phases of one study."""
    return [whole_study(job.study(), job.report, job.checkpointer)]


def _sampling(job: _Job) -> list[Result]:
    """What Phase I samples and trains in its minutes, machine code and data being there before the clock runs."""
    job.study(trainings=job.contents[0]["settings"]["candidates_per_step"]).search([])
    return [sampled(job.study(), job.report, job.checkpointer)]


def _learning(job: _Job) -> list[Result]:
    """How the recommender does during Phase I."""
    return [learned(job.study(), job.report, job.checkpointer)]


def _noise(job: _Job) -> list[Result]:
    """One loss from fresh recommenders of other seeds: after the short training of a search, and converged."""
    (content,), study, checkpointer = job.contents, job.study(), job.checkpointer
    loss = _make(content["loss"], study)
    task, metric = study.task, study.task.metric
    stored = checkpointer.stored or {"search": [], "converged": []}
    short, converged = list(stored["search"]), list(stored["converged"])
    for i in range(len(short), content["noise_seeds"]):
        seed = derive_seed("noise floor", i)
        epochs = study.settings.epochs_per_candidate
        environment = FromScratchEnvironment(task, seed, proxy_size=1, epochs=epochs)
        (measured,) = environment.measure([loss], seed)
        (fitted,) = fit_losses(task, [loss], seed, study.settings.early_stopping, study.settings.threshold_from)
        short.append(plain(metric.value(measured.score)))
        converged.append(plain(fitted.test.get(metric.name, math.nan)))
        job.report((i + 1) / content["noise_seeds"])
        checkpointer.on_checkpoint(lambda: {"search": short, "converged": converged})
    return [{"search": short, "converged": converged}]


def _training(job: _Job) -> list[Result]:
    """Phase III of some losses with one seed."""
    study = job.study_again()
    settings = study.settings
    own = [read(SgdSettings | None, content.get("descent")) for content in job.contents]
    losses = [_make(content["loss"], study) for content in job.contents]
    fitting = ConvergenceTraining(
        study.task,
        losses,
        derive_seed("comparison", job.contents[0]["repeat"]),
        settings.early_stopping,
        settings.threshold_from,
        sgd=[one or settings.train.sgd for one in own],
    )
    return [
        {
            "validation": plain(one.validation),
            "test": plain(one.test),
            "best_epoch": one.best_epoch,
            "epochs": one.epochs,
            "scale": loss.scale,
        }
        for loss, one in zip(losses, _fit(fitting, settings, job.report, job.checkpointer), strict=True)
    ]


def _trial(job: _Job) -> list[Result]:
    """The same where something is chosen by it: without the test part, so that nobody can."""
    return [{name: value for name, value in one.items() if name != "test"} for one in _training(job)]


def _make(entry: Mapping[str, Any], study: Study) -> Loss:
    """The loss of an entry, a name or formula of a known one or a stored program, at the scale of the study's."""
    space = study.settings.space
    if entry["program"] is None:
        return study.comparable(make_loss(entry["name"], space, entry["epsilon"]))
    return study.comparable(ProgramLoss(LossProgram.from_dict(entry["program"]), space, entry["epsilon"]))


_KINDS: Mapping[str, Callable[[_Job], list[Result]]] = {
    "run": _run,
    "converged": _converged,
    "study": _whole,
    "sampling": _sampling,
    "learning": _learning,
    "noise": _noise,
    "training": _training,
    "trial": _trial,
}
