"""What a worker does: one part of a comparison, from plain data to plain data."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from statistics import fmean
from typing import Any

from core.common.restoring import read
from core.common.seeding import derive_seed
from core.losses.loss import Loss, ProgramLoss
from core.programs.program import LossProgram
from core.search.search import Step
from recommenders.tasks.environments import FromScratchEnvironment
from recommenders.tasks.fitting import Fitting, fit_losses
from recommenders.tasks.losses import make_loss
from recommenders.tasks.task import Descent
from studies.execution.part import Part
from studies.execution.searches import learned, sampled, whole_study
from studies.execution.workplace import Kept, Report, Workplace
from studies.storage.checkpoints import restoring
from studies.storage.output import plain
from studies.study.finals import validation_score
from studies.study.found import Found
from studies.study.funnel import Tally
from studies.study.history import History
from studies.study.observer import StepObserver
from studies.study.settings import StudySettings
from studies.study.study import Study, use_cores


def do(part: Part, place: Workplace, report: Report) -> dict[str, Any]:
    """Compute a part.

    Args:
        part: what to do.
        place: where.
        report: told how far it is.

    Returns:
        Plain numbers, strings, lists and dicts; None for numbers that are not finite.
    """
    return _KINDS[part.kind](part.content, place, report, place.kept(part))


def _study(content: Mapping[str, Any], place: Workplace) -> Study:
    study = Study(StudySettings.from_dict(content["settings"]), place.data, place.threads, place.memory)
    use_cores(study.task.trainer)
    return study


@lru_cache(maxsize=1)
def _study_again(settings: str, place: Workplace) -> Study:
    """The same as before, if it was the same: reading data and making a recommender take longer than some trainings."""
    return _study({"settings": json.loads(settings)}, place)


def _run(content: Mapping[str, Any], place: Workplace, report: Report, kept: Kept) -> dict[str, Any]:
    """Phases I and II of one searcher with one seed."""
    study = _study(content, place)
    history, share = History(study.task.metric), _Share(study.settings.trainings, report)
    found = study.search([history, share], stored=kept.stored, offer=kept.offer)
    to_metric = study.task.metric.value
    return {
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


def _converged(content: Mapping[str, Any], place: Workplace, report: Report, kept: Kept) -> dict[str, Any]:
    """Phases I and II, then the validation metric of the best loss found after convergence; None if there is none."""
    study, stored = _study(content, place), kept.stored or {}
    settings, metric = study.settings, study.task.metric
    if "found" in stored:
        with restoring():
            found = Found.from_dict(stored["found"], settings)
    else:
        share = _Share(settings.trainings, lambda done: report(done / 2))
        found = study.search([share], stored=stored or None, offer=kept.offer)
    losses = [study.comparable(loss) for contender, _ in found.finalists for _, loss in contender.choices]
    seed = derive_seed(settings.seed, "finals", 0)
    fitting = Fitting(study.task, losses, seed, settings.patience, settings.threshold_from)
    if "fitting" in stored:
        with restoring():
            fitting.load_state_dict(stored["fitting"])
    for progress in fitting:
        report(0.5 + fmean(one.epochs for one in progress) / settings.patience.max_epochs / 2)
        kept.offer(lambda: {"found": found.to_dict(), "fitting": fitting.state_dict()})
    best = max((validation_score(metric, fitted) for fitted in fitting.fitted), default=-math.inf)
    return {"converged": plain(metric.value(best))}


class _Share(StepObserver):
    """Reports how much of Phase I is done."""

    def __init__(self, trainings: int, report: Report) -> None:
        self._trainings, self._report = trainings, report

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See Observer."""
        self._report(tally.trained / self._trainings)


def _whole(content: Mapping[str, Any], place: Workplace, report: Report, kept: Kept) -> dict[str, Any]:
    """All three phases of a study."""
    return whole_study(_study(content, place), report, kept)


def _sampling(content: Mapping[str, Any], place: Workplace, report: Report, kept: Kept) -> dict[str, Any]:
    """What Phase I samples and trains in its minutes, machine code and data being there before the clock runs."""
    one_step = {**content["settings"], "trainings": content["settings"]["candidates_per_step"]}
    _study({"settings": one_step}, place).search([])
    return sampled(_study(content, place), report, kept)


def _learning(content: Mapping[str, Any], place: Workplace, report: Report, kept: Kept) -> dict[str, Any]:
    """How the recommender does during Phase I."""
    return learned(_study(content, place), report, kept)


def _noise(content: Mapping[str, Any], place: Workplace, report: Report, kept: Kept) -> dict[str, Any]:
    """One loss from fresh recommenders of other seeds: after the short training of a search, and converged."""
    study = _study(content, place)
    loss = _make(content["loss"], study)
    task, metric = study.task, study.task.metric
    stored = kept.stored or {"search": [], "converged": []}
    short, converged = list(stored["search"]), list(stored["converged"])
    for i in range(len(short), content["noise_seeds"]):
        seed = derive_seed("noise floor", i)
        epochs = study.settings.epochs_per_candidate
        environment = FromScratchEnvironment(task, seed, probe_size=1, epochs=epochs)
        (measured,) = environment.measure([loss], seed)
        (fitted,) = fit_losses(task, [loss], seed, study.settings.patience, study.settings.threshold_from)
        short.append(plain(metric.value(measured.score)))
        converged.append(plain(fitted.test.get(metric.name, math.nan)))
        report((i + 1) / content["noise_seeds"])
        kept.offer(lambda: {"search": short, "converged": converged})
    return {"search": short, "converged": converged}


def _finals(content: Mapping[str, Any], place: Workplace, report: Report, kept: Kept) -> dict[str, Any]:
    """Phase III of some losses with one seed."""
    study = _study_again(json.dumps(content["settings"], sort_keys=True), place)
    settings, metric = study.settings, study.task.metric
    descents = read(list[Descent], content["descents"]) if "descents" in content else None
    losses = [_make(entry, study) for entry in content["losses"]]
    seed = derive_seed("comparison", content["repeat"])
    fitting = Fitting(study.task, losses, seed, settings.patience, settings.threshold_from, descents=descents)
    if kept.stored is not None:
        with restoring():
            fitting.load_state_dict(kept.stored)
    for progress in fitting:
        report(fmean(one.epochs for one in progress) / settings.patience.max_epochs)
        kept.offer(fitting.state_dict)
    return {
        "fitted": [
            {
                "validation": plain(one.validation),
                "test": plain(one.test),
                "best_epoch": one.best_epoch,
                "epochs": one.epochs,
                "scale": loss.scale,
                "score": plain(metric.score_of(one.validation.get(metric.name, math.nan))),
            }
            for loss, one in zip(losses, fitting.fitted, strict=True)
        ]
    }


def _trials(content: Mapping[str, Any], place: Workplace, report: Report, kept: Kept) -> dict[str, Any]:
    """The same where something is chosen by it: without the test part, so that nobody can."""
    found = _finals(content, place, report, kept)
    return {"fitted": [{name: value for name, value in one.items() if name != "test"} for one in found["fitted"]]}


def _make(entry: Mapping[str, Any], study: Study) -> Loss:
    """The loss of an entry: a name or formula of a known one, or a stored program; and its smoothing term.

    Its scale is the one that the entry has, if any, else that of the study's other losses.
    """
    space = study.settings.space
    loss: Loss
    if entry["program"] is None:
        loss = make_loss(entry["name"], space, entry["epsilon"])
    else:
        loss = ProgramLoss(LossProgram.from_dict(entry["program"]), space, entry["epsilon"])
    return study.comparable(loss) if "scale" not in entry else loss.scaled(read(float, entry["scale"]))


_KINDS: Mapping[str, Callable[[Mapping[str, Any], Workplace, Report, Kept], dict[str, Any]]] = {
    "run": _run,
    "converged": _converged,
    "study": _whole,
    "sampling": _sampling,
    "learning": _learning,
    "noise": _noise,
    "finals": _finals,
    "trials": _trials,
}
