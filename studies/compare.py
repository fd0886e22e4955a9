"""`python -m studies.compare`: searchers on equal terms, over seeds, with statistics.

The annotations are objects and not strings: options of a command are those of its task.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Group, Parameter

from core.common.errors import UserError
from core.common.extras import needs
from studies.common.command import make_app, option_value, run_app
from studies.comparison.comparison import Comparison, result_message
from studies.comparison.settings import (
    ComparePlaces,
    CompareSettings,
    RankingComparison,
    RatingComparison,
    command,
    of_table,
)
from studies.comparison.tracking import ComparisonTracker
from studies.execution.experiment import TaskProgress, experiment
from studies.execution.runner import TaskCallback
from studies.storage.output import folder_name
from studies.study.console import print_lines
from studies.study.settings_training import check_choice

_NAME = "python -m studies.compare"
app = make_app(
    _NAME,
    "Compare searchers on equal terms: every one searches with the same seeds, data and budget, what they find is "
    "trained to convergence, and the differences are tested. Interrupted, or asked for more seeds or searchers, the "
    "same command does only what is missing.",
)
_DEFAULTS, _PLACES = CompareSettings(), ComparePlaces()


@app.default
def compare(
    *,
    comparison: Annotated[
        CompareSettings, Parameter(name="*", group=Group("Comparison", sort_key=1), negative="")
    ] = _DEFAULTS,
    places: Annotated[ComparePlaces, Parameter(name="*", group=Group("Places", sort_key=2))] = _PLACES,
) -> None:
    """Run a comparison and write its report."""
    comparison, places = of_table(comparison, places)
    needs("loss-search compare", "jinja2", "matplotlib", "scikit_posthocs")
    from studies.comparison.report import REPORT_FILES, make_report, write_report  # pictures take a second to load
    from studies.comparison.summary import print_summary

    name = folder_name(f"compare-{comparison.study.subject(places.files)}")
    ready = Comparison(comparison, places.files)  # whatever is wrong with the settings is found here
    with experiment(places.out or Path("results") / name, places.work, places.tracking, REPORT_FILES) as work:
        callbacks: list[TaskCallback] = [work.open(TaskProgress(work.err, result_message(ready.problem.metric.name)))]
        tracker = work.track(lambda uploader: ComparisonTracker(uploader, work.path, comparison.to_dict()))
        callbacks += [] if tracker is None else [tracker]
        print_lines(ready.problem.lines(), work.err)
        runner = work.runner({ready.digest: ready.files}, comparison.study.training.device, callbacks)
        report = make_report(ready.run(runner, command(comparison, places)))
        files = write_report(report, work.folder)
        if tracker is not None:
            tracker.on_report(report, files)
    print_summary(report.outcome, report.statistics, work.out)
    work.say_where(files[0])


def _app_on(task: str, kind: type[Any], about: str) -> App:
    """Return the command for another task than predictions, whose options are those of its comparisons."""
    made, usual = make_app(_NAME, about), kind()
    options = Annotated[kind, Parameter(name="*", group=Group("Comparison", sort_key=1), negative="")]  # type: ignore[valid-type]

    @made.default
    def compare_on(
        *,
        comparison: options = usual,
        places: Annotated[ComparePlaces, Parameter(name="*", group=Group("Places", sort_key=2))] = _PLACES,
    ) -> None:
        """Run a comparison on it and write its report."""
        asked: Any = comparison
        check_choice("task", asked.task, (task,))
        if places.table is not None:
            raise UserError(f"--table: its losses are of predictions, expected no --task, got {task}")
        compare(comparison=asked.settings, places=places)

    return made


#: Compares searchers of losses of rankings.
rankings = _app_on(
    "ranking",
    RankingComparison,
    "Compare searchers of losses of rankings on equal terms: every one searches with the same seeds, data and budget, "
    "each shape is judged with its constants tuned, what they find is trained to convergence, and the differences are "
    "tested. Interrupted, or asked for more seeds or searchers, the same command does only what is missing.",
)
#: Compares searchers of interaction functions.
ratings = _app_on(
    "rating",
    RatingComparison,
    "Compare searchers of interaction functions on equal terms: every one searches with the same seeds, data and "
    "budget, what they find is trained with other seeds, and the differences are tested. Interrupted, or asked for "
    "more seeds or searchers, the same command does only what is missing.",
)


def app_of(words: Sequence[str]) -> App:
    """Return the command of the task that is asked for."""
    return {"ranking": rankings, "rating": ratings}.get(option_value(words, "--task") or "", app)


if __name__ == "__main__":
    run_app(app_of(sys.argv[1:]))
