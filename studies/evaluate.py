"""`python -m studies.evaluate`: known losses and formulas, trained to convergence and compared fairly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from core.common.errors import UserError
from studies.common.command import make_app, run_app
from studies.evaluation.settings import EvaluatePlaces, EvaluateSettings, command
from studies.evaluation.tracking import EvaluationTracker
from studies.execution.experiment import experiment
from studies.execution.factory import TaskFactory, data_file_digest
from studies.execution.progress import TaskProgress
from studies.storage.output import folder_name
from studies.study.console import for_tables, print_lines
from studies.study.study import Study

app = make_app(
    "python -m studies.evaluate",
    "Judge losses, by name or formula: each is trained to convergence with several seeds and tested against the "
    "baselines, paired by seed. Learning rate, weight decay and smoothing term are chosen on validation, with the same "
    "number of trials for every loss (--protocol paper: as published). Interrupted, or asked for more losses or seeds, "
    "the same command does only what is missing.",
)
_DEFAULTS, _PLACES = EvaluateSettings(), EvaluatePlaces()


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
    data, model = evaluation.data.name_on(places.files), evaluation.training.recommender
    path = places.out or Path("results") / folder_name(f"evaluate-{evaluation.protocol}-{data}-{model}")
    study = Study(evaluation.study, places.files)  # whatever is wrong with the settings is found here
    from studies.evaluation.evaluation import Evaluation  # Optuna, statistics and pictures take seconds to load
    from studies.evaluation.report import REPORT_FILES, conclusion, print_summary, write_report

    with experiment(path, places.work, places.tracking, REPORT_FILES) as work:
        progress = work.open(TaskProgress(work.err))
        tracker = work.track(lambda uploader: EvaluationTracker(uploader, work.path, evaluation.to_dict()))
        print_lines(study.problem.lines(), work.err)
        digest = data_file_digest(places.files)
        runner = work.runner({digest: places.files}, evaluation.training.device, [progress])
        outcome = Evaluation(evaluation, study.losses.task, TaskFactory(digest), runner).run()
        files = write_report(outcome, command(evaluation, places), work.folder, work.warn)
        if tracker is not None:
            tracker.on_outcome(outcome, conclusion(outcome), files)
    print_summary(outcome, for_tables(work.out, 160))
    work.say_where(files[0])


if __name__ == "__main__":
    run_app(app)
