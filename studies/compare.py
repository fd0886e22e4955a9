"""`python -m studies.compare`: searchers on equal terms, over seeds, with statistics."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from core.common.extras import needs
from recommenders.tasks.metrics import find_metric
from studies.common.command import make_app, run_app
from studies.comparison.contest import Contest
from studies.comparison.settings import ComparePlaces, CompareSettings, command
from studies.comparison.telling import told_with
from studies.comparison.tracking import ContestTracker
from studies.execution.laboratory import Watcher
from studies.execution.progress import PartsProgress
from studies.storage.output import OutputFolder, folder_name
from studies.storage.resuming import own_folder
from studies.study.console import new_console, tell_data, warning_to
from studies.tracking.uploader import open_uploader

app = make_app(
    "python -m studies.compare",
    "Compare searchers on equal terms: every one searches with the same seeds, data and budget, what they find is "
    "trained to convergence, and the differences are tested. Interrupted, or asked for more seeds or searchers, the "
    "same command does only what is missing.",
)
_DEFAULTS, _PLACES = CompareSettings(), ComparePlaces()
_PARTS = "parts"


@app.default
def compare(
    *,
    comparison: Annotated[
        CompareSettings, Parameter(name="*", group=Group("Comparison", sort_key=1), negative="")
    ] = _DEFAULTS,
    places: Annotated[ComparePlaces, Parameter(name="*", group=Group("Places", sort_key=2))] = _PLACES,
) -> None:
    """Run a comparison and write its report."""
    needs("loss-search compare", "jinja2", "matplotlib", "scikit_posthocs")
    name = folder_name(f"compare-{comparison.data_name(places.files)}-{comparison.recommender}")
    path = places.out or Path("results") / name
    with own_folder(path) as folder:
        _compare(comparison, places, folder)


def _compare(comparison: CompareSettings, places: ComparePlaces, folder: OutputFolder) -> None:
    # pictures and statistics take a second to load
    from studies.comparison.report import REPORT_FILES, make_report, write_report
    from studies.comparison.summary import print_summary

    err, out = new_console(stderr=True), new_console()
    metric = find_metric(comparison.task, comparison.metric)
    parts = folder.path / _PARTS
    folder.claim(_PARTS, *REPORT_FILES)
    if not places.resume:
        folder.set_aside(_PARTS)
    contest = Contest(comparison, places.workplace(comparison.device, parts), parts)
    try:
        with ExitStack() as open_things:
            watchers: list[Watcher] = [open_things.enter_context(PartsProgress(err, told_with(metric.name)))]
            uploader = open_uploader(places.tracking_uri, places.experiment, warning_to(err))
            tracker = None if uploader is None else ContestTracker(uploader, folder.path, comparison.to_dict())
            if tracker is not None:
                watchers.append(open_things.enter_context(tracker))
            tell_data(contest.dataset, err)
            report = make_report(contest.run(watchers, command(comparison, places)))
            files = write_report(report, folder)
            if tracker is not None:
                tracker.on_report(report, files)
    finally:
        contest.withdraw()
    print_summary(report.outcome, report.statistics, out)
    out.print(f"Written to {files[0]}", highlight=False, soft_wrap=True)
    if tracker is not None:
        out.print(f"In MLflow: {tracker.where}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    run_app(app)
