"""`python -m studies.evaluate`: known losses and formulas, trained to convergence and compared fairly."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from core.common.errors import UserError
from studies.common.command import make_app, run_app
from studies.evaluation.settings import EvaluatePlaces, EvaluateSettings, command
from studies.evaluation.tracking import EvaluationTracker
from studies.execution.laboratory import Laboratory, Watcher
from studies.execution.making import PartMaker, data_file_digest
from studies.execution.part import PartsFolder
from studies.execution.progress import PartsProgress
from studies.execution.work import do
from studies.execution.workers import Workers
from studies.storage.output import OutputFolder, folder_name
from studies.storage.resuming import own_folder
from studies.study.console import new_console, tell_data, warning_to
from studies.study.study import Study
from studies.tracking.uploader import open_uploader

app = make_app(
    "python -m studies.evaluate",
    "Judge losses, by name or formula: each is trained to convergence with several seeds and tested against the "
    "baselines, paired by seed. Learning rate, weight decay and smoothing term are chosen on validation, with the same "
    "number of trials for every loss (--protocol paper: as published). Interrupted, or asked for more losses or seeds, "
    "the same command does only what is missing.",
)
_DEFAULTS, _PLACES = EvaluateSettings(), EvaluatePlaces()
_PARTS = "parts"


@app.default
def evaluate(
    *,
    evaluation: Annotated[
        EvaluateSettings, Parameter(name="*", group=Group("Evaluation", sort_key=1), negative="")
    ] = _DEFAULTS,
    places: Annotated[EvaluatePlaces, Parameter(name="*", group=Group("Places", sort_key=2))] = _PLACES,
) -> None:
    """Judge losses, and write the result."""
    if not evaluation.loss:
        raise UserError('--loss: expected at least one loss to judge, as in --loss BCE or --loss "(y - y_hat)^2"')
    evaluation = evaluation.on(places.files)
    data, model = evaluation.data_name(places.files), evaluation.recommender
    path = places.out or Path("results") / folder_name(f"evaluate-{evaluation.protocol}-{data}-{model}")
    study = Study(evaluation.study, places.files)  # whatever is wrong with the settings is found here
    with own_folder(path) as folder:
        _evaluate(evaluation, places, folder, study)


def _evaluate(evaluation: EvaluateSettings, places: EvaluatePlaces, folder: OutputFolder, study: Study) -> None:
    from studies.evaluation.judgement import Judgement  # Optuna, statistics and pictures take seconds to load
    from studies.evaluation.report import REPORT_FILES, write_report
    from studies.evaluation.summary import print_summary, told

    err, out = new_console(stderr=True), new_console()
    folder.claim(_PARTS, *REPORT_FILES)
    if not places.resume:
        folder.set_aside(_PARTS)
    digest, parts = data_file_digest(places.files), PartsFolder(folder.path / _PARTS)
    place = places.workplace(evaluation.device, parts.path)
    try:
        with ExitStack() as open_things:
            watchers: list[Watcher] = [open_things.enter_context(PartsProgress(err))]
            uploader = open_uploader(places.tracking_uri, places.experiment, warning_to(err))
            tracker = None if uploader is None else EvaluationTracker(uploader, folder.path, evaluation.to_dict())
            if tracker is not None:
                open_things.enter_context(tracker)
            tell_data(study.task.dataset, err)
            workers = open_things.enter_context(Workers(place, do))
            laboratory = Laboratory(place, parts, workers, watchers)
            outcome = Judgement(evaluation, study.task, PartMaker(digest), laboratory).run()
            files = write_report(outcome, command(evaluation, places), folder, warning_to(err))
            if tracker is not None:
                tracker.on_outcome(outcome, told(outcome), files)
    finally:
        parts.withdraw()
    place.forget_all()
    print_summary(outcome, out if out.is_terminal else new_console(width=max(out.width, 160)))
    out.print(f"Written to {files[0]}", highlight=False, soft_wrap=True)
    if tracker is not None:
        out.print(f"In MLflow: {tracker.where}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    run_app(app)
