"""What a worker does: a group of tasks, from plain data to plain data."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from statistics import fmean
from typing import Any

from core.common.restoring import read
from core.common.seeding import derive_seed
from core.phases.contender import ConvergenceTraining, TrainingResult, validation_score
from core.phases.finals import round_seed, trained_here
from core.phases.problem import StudyProblem
from core.phases.tally import Tally
from core.search.effectiveness import EarlyStopping, TrainingCurve
from core.search.search import Step
from recommenders.data import DataFiles
from recommenders.tasks.convergence import LossConvergence
from recommenders.tasks.task import SgdSettings
from studies.execution.rankings import timed_rankings, trained_ranking
from studies.execution.resources import Checkpointer, Report, Resources, Storage
from studies.execution.searches import learned, sampled, whole_study
from studies.execution.task import Result, Task
from studies.storage.checkpoints import restoring
from studies.storage.output import plain
from studies.study.history import History, StudyCallback
from studies.study.result import Found
from studies.study.settings import StudySettings
from studies.study.study import Study


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
    study.problem.use_cores()
    return study


_same_study = lru_cache(maxsize=1)(_make_study)


def _run(job: _Job) -> list[Result]:
    """Phases I and II of one searcher with one seed."""
    study = job.study()
    problem, to_metric = study.problem, study.problem.metric.value
    history, share = History(problem.metric), _Share(study.settings.search.trainings, job.report)
    found = study.search([history, share], stored=job.checkpointer.stored, on_checkpoint=job.checkpointer.on_checkpoint)
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
                "genome": problem.space.encode(one.solution).tolist(),
                "formula": one.name,
                "score": plain(None if (score := found.score(one)) is None else to_metric(score)),
                **(one.notes or {}),
            }
            for one in found.finalists
        ],
    }
    return [result]


class _Share(StudyCallback):
    """Reports how much of Phase I is done."""

    def __init__(self, trainings: int, report: Report) -> None:
        self._trainings, self._report = trainings, report

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See StudyCallback."""
        self._report(tally.trained / self._trainings)


def _converged(job: _Job) -> list[Result]:
    """Phases I and II, then the validation metric of the best loss found after convergence; None if there is none."""
    study, stored, checkpointer = job.study(), job.checkpointer.stored or {}, job.checkpointer
    settings, problem = study.settings, study.problem
    if "found" in stored:
        with restoring():
            found = Found.from_dict(stored["found"], problem)
    else:
        share = _Share(settings.search.trainings, lambda done: job.report(done / 2))
        found = study.search([share], stored=stored or None, on_checkpoint=checkpointer.on_checkpoint)
    entries = [(contender, one) for contender in found.finalists for one in contender.variants]
    later = Checkpointer(
        stored.get("fitting"),
        lambda make: checkpointer.on_checkpoint(lambda: {"found": found.to_dict(), "fitting": make()}),
    )
    convergence = trained_here(problem, settings.seed, entries, 0, None)
    fitted = _fit(convergence, problem.longest, lambda done: job.report(0.5 + done / 2), later)
    best = max((validation_score(problem.metric, one) for one in fitted), default=-math.inf)
    return [{"converged": plain(problem.metric.value(best))}]


def _fit(
    convergence: ConvergenceTraining, longest: int, report: Report, checkpointer: Checkpointer
) -> list[TrainingResult]:
    """Train to the end, from where it stood."""
    if checkpointer.stored is not None:
        with restoring():
            convergence.load_state_dict(checkpointer.stored)

    def epoch_done(curves: Sequence[TrainingCurve]) -> None:
        report(fmean(one.epochs for one in curves) / longest)
        checkpointer.on_checkpoint(convergence.state_dict)

    return convergence.run(epoch_done)


def _sampling(job: _Job) -> list[Result]:
    """What Phase I samples and trains in its minutes, machine code and data being there before the clock runs."""
    job.study(trainings=job.contents[0]["settings"]["candidates_per_step"]).search([])
    return [sampled(job.study(), job.report, job.checkpointer)]


def _noise(job: _Job) -> list[Result]:
    """One known contender with other seeds: after a training as short as those of a search, and converged."""
    (content,), problem, checkpointer = job.contents, job.study().problem, job.checkpointer
    trained, metric, stored = problem.trained(content["loss"]), problem.metric, checkpointer.stored or {}
    short, converged = list(stored.get("search", ())), list(stored.get("converged", ()))
    for i in range(len(short), content["noise_seeds"]):
        seed = derive_seed("noise floor", i)
        short.append(plain(metric.value(problem.short_score(trained, seed))))
        (fitted,) = problem.convergence([trained], seed).run()
        converged.append(plain(fitted.test.get(metric.name, math.nan)))
        job.report((i + 1) / content["noise_seeds"])
        checkpointer.on_checkpoint(lambda: {"search": short, "converged": converged})
    return [{"search": short, "converged": converged}]


def _fitted(job: _Job, problem: StudyProblem[Any], seed: int) -> list[tuple[Any, TrainingResult]]:
    """Contenders trained together to convergence, each with what was trained."""
    trained = [problem.trained(content["loss"]) for content in job.contents]
    ways = [content.get("descent") for content in job.contents]
    convergence = problem.convergence(trained, seed, ways=ways if any(ways) else None)
    return list(zip(trained, _fit(convergence, problem.longest, job.report, job.checkpointer), strict=True))


def _training(job: _Job) -> list[Result]:
    """Contenders of a comparison or an evaluation with one seed."""
    problem = job.study_again().problem
    return [
        {
            "validation": plain(one.validation),
            "test": plain(one.test),
            "best_epoch": one.best_epoch,
            "epochs": one.epochs,
            **problem.details(what),
        }
        for what, one in _fitted(job, problem, derive_seed("comparison", job.contents[0]["repeat"]))
    ]


def _final(job: _Job) -> list[Result]:
    """Contenders of one study, in a round of its Phase III."""
    study = job.study_again()
    seed = round_seed(study.settings.seed, job.contents[0]["round"])
    return [plain(one.to_dict()) for _, one in _fitted(job, study.problem, seed)]


def _trial(job: _Job) -> list[Result]:
    """The same where something is chosen by it: without the test part, so that nobody can."""
    return [{name: value for name, value in one.items() if name != "test"} for one in _training(job)]


def _scores(job: _Job) -> list[Result]:
    """Validation scores of losses after some epochs; None from where a training broke down."""
    (content,), study = job.contents, job.study_again()
    scored, problem = content["scored"], study.losses
    trained = [problem.trained(one["loss"]) for one in content["losses"]]
    sgd = [read(SgdSettings, one["descent"]) for one in content["losses"]]
    whole, seed = EarlyStopping(scored[-1], scored[-1], scored[-1]), derive_seed("comparison", content["repeat"])
    convergence = LossConvergence(problem.task, trained, seed, whole, sgd=sgd)
    curves = [one.curve for one in _fit(convergence, scored[-1], job.report, job.checkpointer)]
    value = problem.metric.value
    scores = [[value(curve[n - 1]) if n <= len(curve) else math.nan for n in scored] for curve in curves]
    return [{"scores": plain(scores)}]


def _ranking(job: _Job, is_trial: bool = False) -> list[Result]:
    """One training on rankings, or one anchor."""
    (content,) = job.contents
    return [trained_ranking(content, job.resources, job.data, job.report, job.checkpointer, is_trial)]


def _ranking_times(job: _Job) -> list[Result]:
    """What epochs of training on rankings take."""
    (content,) = job.contents
    return [timed_rankings(content, job.resources, job.data, job.report)]


_KINDS: Mapping[str, Callable[[_Job], list[Result]]] = {
    "run": _run,
    "converged": _converged,
    "study": lambda job: [whole_study(job.study(), job.report, job.checkpointer)],
    "sampling": _sampling,
    "learning": lambda job: [learned(job.study(), job.report, job.checkpointer)],
    "noise": _noise,
    "training": _training,
    "final": _final,
    "trial": _trial,
    "scores": _scores,
    "ranking": _ranking,
    "ranking trial": partial(_ranking, is_trial=True),
    "ranking times": _ranking_times,
}
