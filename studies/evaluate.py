"""`python -m studies.evaluate`: known losses and formulas, trained to convergence and compared fairly."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Group, Parameter

from core.common.errors import UserError
from recommenders.data import DataFiles
from recommenders.data.implicit import summarise
from studies.common.command import make_app, option_value, run_app
from studies.evaluation.judged import JudgedSettings
from studies.evaluation.ranking.settings import RankingPlaces, RankingSettings
from studies.evaluation.ranking.settings import command as ranking_command
from studies.evaluation.settings import EvaluatePlaces, EvaluateSettings, command
from studies.evaluation.tracking import EvaluationTracker
from studies.execution.experiment import Experiment, TaskProgress, experiment
from studies.execution.rankings import ranking_data
from studies.execution.task import TaskFactory, data_file_digest
from studies.storage.output import REPORT, folder_name
from studies.study.console import for_tables, print_lines
from studies.study.result import versions
from studies.study.study import Study

if TYPE_CHECKING:
    from studies.evaluation.outcome import Outcome  # statistics take seconds to load

_NAME = "python -m studies.evaluate"
#: Judges losses of predictions.
app = make_app(
    _NAME,
    "Judge losses, by name or formula: each is trained to convergence with several seeds and tested against the "
    "baselines, paired by seed. Learning rate, weight decay and smoothing term are chosen on validation, with the same "
    "number of trials for every loss (--protocol paper: as published). Interrupted, or asked for more losses or seeds, "
    "the same command does only what is missing. Losses on rankings have options of their own: "
    f"{_NAME} --task ranking --help.",
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
    digest = data_file_digest(places.files)

    def judged(work: Experiment, progress: TaskProgress) -> Outcome:
        from studies.evaluation.evaluation import Evaluation  # Optuna takes seconds to load

        runner = work.runner({digest: places.files}, evaluation.training.device, [progress])
        return Evaluation(evaluation, study.losses.task, TaskFactory(digest), runner).run()

    about = {"command": command(evaluation, places), "dataset": study.problem.described()}
    _judge(evaluation, places, path, study.problem.lines(), about, judged)


def _judge(
    settings: JudgedSettings,
    places: EvaluatePlaces | RankingPlaces,
    path: Path,
    lines: Sequence[str],
    about: Mapping[str, Any],
    judged: Callable[[Experiment, TaskProgress], Outcome],
) -> None:
    """Do what every evaluation does around its work: progress, MLflow, files and the summary.

    Args:
        settings: of the evaluation.
        places: where things are written.
        path: of the folder.
        lines: what a person is told of the data first.
        about: what to type to get this again, as `command`, and the `dataset` in numbers.
        judged: computes what comes of it.
    """
    from studies.evaluation.report import REPORT_FILES, conclusion, print_summary, write_report

    with experiment(path, places.work, places.tracking, REPORT_FILES) as work:
        progress = work.open(TaskProgress(work.err))
        tracker = work.track(lambda uploader: EvaluationTracker(uploader, work.path, settings.to_dict()))
        print_lines(lines, work.err)
        began = time.monotonic()
        outcome = judged(work, progress)
        made = {**about, "versions": versions(), "seconds": round(time.monotonic() - began, 3)}
        files = write_report(outcome, made, work.folder, work.warn)
        if tracker is not None:
            tracker.on_outcome(outcome, conclusion(outcome), files)
    print_summary(outcome, for_tables(work.out, 160))
    work.say_where(files[0], *(f"  the report, for a browser: {file}" for file in files if file.name == REPORT))


#: Judges losses of rankings.
rankings = make_app(
    _NAME,
    "Judge losses on rankings, by name: each is trained with several seeds and tested against the baselines, paired by "
    "seed and by user. How it is trained and its constants are chosen on validation, with the same number of trials "
    "for every loss (--protocol paper: as given). Interrupted, or asked for more losses or seeds, the same command "
    "does only what is missing.",
)
_RANKING, _RANKING_PLACES = RankingSettings(), RankingPlaces()


@rankings.default
def evaluate_rankings(
    *,
    evaluation: Annotated[
        RankingSettings, Parameter(name="*", group=Group("Evaluation", sort_key=1), negative="")
    ] = _RANKING,
    places: Annotated[RankingPlaces, Parameter(name="*", group=Group("Places", sort_key=2))] = _RANKING_PLACES,
) -> None:
    """Judge losses on rankings, and write the result."""
    if not evaluation.loss:
        raise UserError("--loss: expected at least one loss to judge, as in --loss BSL or --loss SL:temperature=.1")
    evaluation = evaluation.on(places.data)
    evaluation.check_used()
    device = places.work.device_here(evaluation.steps.device)
    if device is not None:
        evaluation.check_backend(device)
    model = evaluation.steps.recommender
    path = places.out or Path("results") / folder_name(
        f"evaluate-ranking-{evaluation.protocol}-{evaluation.data.dataset}-{model}"
    )
    data = ranking_data(evaluation.data_settings(), places.data)  # whatever is wrong with the data is found here

    def judged(work: Experiment, progress: TaskProgress) -> Outcome:
        from studies.evaluation.ranking.evaluation import RankingEvaluation  # Optuna takes seconds to load

        digest = data.digest()
        runner = work.runner({digest: DataFiles(data=places.data)}, evaluation.steps.device, [progress])
        return RankingEvaluation(evaluation, digest, runner).run()

    summary, again = summarise(data), ranking_command(evaluation, places)
    lines = [*summary.lines(), *(f"  warning: {one}" for one in evaluation.steps.recipe.sampler.doubts(data.n_items))]
    _judge(evaluation, places, path, lines, {"command": again, "dataset": summary.to_dict()}, judged)


#: The tasks that losses are judged for, each with options of its own.
TASKS = {"classification": app, "regression": app, "ranking": rankings}


def app_of(words: Sequence[str]) -> App:
    """Return the command of the task that is asked for; an unknown one is refused by that of predictions."""
    return TASKS.get(option_value(words, "--task") or "", app)


if __name__ == "__main__":
    run_app(app_of(sys.argv[1:]))
