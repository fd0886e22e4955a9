"""A comparison in MLflow, laid out for its own pages.

Each run of a searcher is a run there, with candidate-epochs as the step of its metrics. At the end the
runs of a searcher are put under one that has the median over seeds, so that a handful of lines can be
overlaid, and a run called `comparison` holds the report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from studies.comparison.outcome import Run
from studies.execution.runner import TaskCallback
from studies.execution.task import Task
from studies.tracking.record import RUNNING, SINGLE, Point, RunRecord, now
from studies.tracking.tracker import Tracker, key_of
from studies.tracking.uploader import Uploader

if TYPE_CHECKING:
    from studies.comparison.report import Report  # loads pictures and statistics

_ABOUT = (
    "Rows are medians over seeds; unfold them for the seeds. Charts overlay them. Report: artifacts of `comparison`."
)


class ComparisonTracker(Tracker, TaskCallback):
    """Writes a comparison to MLflow, see Tracker.

    Args:
        uploader: sends the runs.
        folder: of the comparison, by which its runs are found again.
        settings: of the comparison, by name.
    """

    view = "searchers"

    def __init__(self, uploader: Uploader, folder: Path, settings: Mapping[str, Any]) -> None:
        told = ("problem", "dataset", "recommender", "task", "clamp", "environment")
        tags = {name: str(settings[name]) for name in told if name in settings}
        tags |= {"folder": str(folder.absolute()), "mlflow.source.name": "studies.compare"}
        self._group = "comparison", key_of(folder)
        role = {"role": "comparison"}
        super().__init__(uploader, RunRecord("comparison", self._group, role, tags, settings, status=RUNNING))
        self._tags, self._records = tags, dict[tuple[str, int], RunRecord]()

    def on_part(self, task: Task, result: Mapping[str, Any]) -> None:
        """See TaskCallback; every run of a searcher is written, unless it is there already."""
        if task.kind == "run":
            settings = task.content["settings"]
            record = run_record(task, result, self._group, self._tags)
            self._records[settings["searcher"], settings["seed"]] = record
            self._send(record)

    def on_report(self, report: Report, files: Sequence[Path]) -> None:
        """The comparison is done, and these are the files of its report."""
        tags = {**self._tags, "mlflow.note.content": "\n\n".join(report.sentences)}
        self._send_root("the report", tags=tags, artifacts={file.name: file for file in files})
        metric = report.outcome.metric
        self._uploader.attempt("what the experiment is about", self._describe)
        columns = (f"best_valid_{metric}", f"final_test_{metric}", "rank_valid", "rank_test")
        self._save_view("Searchers side by side", columns)
        for i, searcher in reversed(list(enumerate(report.outcome.searchers))):  # the newest run comes first there
            runs = report.outcome.of(searcher)
            children = [with_final(self._records[searcher, run.seed], run, metric) for run in runs]
            name = f"{searcher}, {len(runs)} seeds" if len(runs) > 1 else f"{searcher}, one seed"
            points, role = median_points(i, searcher, report), {"role": "searcher", "searcher": searcher}
            record = RunRecord(name, self._group, role, self._tags, points=points, children=children)
            self._uploader.attempt(f"the median of {searcher}", partial(self._uploader.replace, [record], role))

    def _describe(self) -> None:
        client, experiment_id = self._uploader.connected()
        client.set_experiment_tag(experiment_id, "mlflow.note.content", _ABOUT)


def run_record(task: Task, result: Mapping[str, Any], group: tuple[str, str], tags: Mapping[str, str]) -> RunRecord:
    """One searcher with one seed.

    Args:
        task: its search.
        result: of it.
        group: see RunRecord.
        tags: of all runs of the comparison.
    """
    settings, end = task.content["settings"], now()
    start = end - int(1000 * sum(result["seconds"].values()))
    points = [
        Point(
            step["candidate_epochs"],
            {**step["metrics"], "seconds": step["seconds"]},
            start + int(1000 * step["seconds"]),
        )
        for step in result["steps"]
    ]
    return RunRecord(
        task.label,
        group,
        {"role": "run", "part": task.file},
        {**tags, **{name: str(settings[name]) for name in ("searcher", "seed")}},
        settings,
        points,
        {"candidates.json": result["candidates"]} if result["candidates"] else {},
        start=start,
        end=end,
    )


def with_final(record: RunRecord, run: Run, metric: str) -> RunRecord:
    """A run with what its best loss came to after convergence."""
    if run.best is None:
        return record
    final = Point(SINGLE, _converged_metrics(metric, run.best.validation, run.best.test))
    return replace(record, points=[*record.points, final], tags={**record.tags, "best_loss": run.best.name})


def median_points(number: int, searcher: str, report: Report) -> list[Point]:
    """The quartiles over the seeds of a searcher, and what its best losses came to after convergence.

    Args:
        number: of the searcher in the statistics.
        searcher: its name.
        report: what came of the comparison.
    """
    outcome, curves = report.outcome, report.statistics.by_epochs
    names = [f"best_valid_{outcome.metric}{part}" for part in ("_worse_quartile", "", "_better_quartile")]
    columns = zip(curves.grid, curves.quartiles[:, number].T, strict=True)
    points = [Point(int(epochs), dict(zip(names, map(float, column), strict=True))) for epochs, column in columns]
    best = [run.best for run in outcome.of(searcher) if run.best is not None]
    validation, test = [fmean(one.validation) for one in best], [fmean(one.test) for one in best]
    ranks = {
        "rank_valid": float(report.statistics.final.ranks[number]),
        "rank_test": float(report.statistics.converged.ranks[number]),
    }
    return [*points, Point(SINGLE, {**_converged_metrics(outcome.metric, validation, test), **ranks})]


def _converged_metrics(metric: str, validation: Sequence[float], test: Sequence[float]) -> dict[str, float]:
    """Means over seeds, by the names that single studies use."""
    parts = {"valid": validation, "test": test}
    return {f"final_{part}_{metric}": fmean(values) for part, values in parts.items() if values}
