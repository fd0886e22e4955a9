"""A comparison in MLflow, laid out for its own pages.

Each run of a searcher is a run there, with candidate-epochs as the step of its metrics. At the end the
runs of a searcher are put under one that has the median over seeds, so that a handful of lines can be
overlaid, and a run called `comparison` holds the report. What was written is found again by its tags:
a comparison that goes on adds what is missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from studies.comparison.outcome import Run
from studies.execution.runner import Callback as Watcher
from studies.execution.task import Task as Part
from studies.tracking.group import GroupTracker, key_of
from studies.tracking.view import save_view
from studies.tracking.writes import BATCH, LONGEST_TEXT, SINGLE, columns_of, now, params_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from studies.comparison.report import Report  # loads pictures and statistics

_ABOUT = (
    "Rows are medians over seeds; unfold them for the seeds. Charts overlay them. Report: artifacts of `comparison`."
)


class ContestTracker(GroupTracker, Watcher):
    """Writes a comparison to MLflow, see GroupTracker.

    Args:
        client: of the tracking server.
        experiment_id: where the runs go.
        folder: of the comparison, by which its runs are found again.
        settings: of the comparison, by name.
        warn: told what could not be written.
    """

    view = "searchers"

    def __init__(
        self,
        client: MlflowClient,
        experiment_id: str,
        folder: Path,
        settings: Mapping[str, Any],
        warn: Callable[[str], None],
    ) -> None:
        tags = {name: str(settings[name]) for name in ("dataset", "recommender", "task", "clamp", "environment")}
        tags |= {"folder": str(folder.absolute()), "mlflow.source.name": "studies.compare"}
        super().__init__(client, experiment_id, "comparison", key_of(folder), tags, "comparison", settings, warn)
        self._runs: dict[str, str] = {}  # file of a part -> its run
        self._missed: list[tuple[Part, Mapping[str, Any]]] = []  # that could not be written when they were there

    def on_stage(self, text: str, parts: Sequence[Part], done: int) -> None:
        """See Watcher."""

    def on_progress(self, part: Part, share: float) -> None:
        """See Watcher."""

    def on_part(self, part: Part, found: Mapping[str, Any]) -> None:
        """See Watcher; every run of a searcher is written, unless it is there already."""
        if part.kind == "run" and not self._attempt(part.label, lambda: self._write_run(part, found)):
            self._missed.append((part, found))

    def _write_run(self, part: Part, found: Mapping[str, Any]) -> None:
        settings = part.content["settings"]
        for known in self._find("run", part=part.file):
            if known.info.status == "FINISHED":
                self._runs[part.file] = known.info.run_id
                return
            self._client.delete_run(known.info.run_id)  # a killed comparison wrote half of it
        end = now()
        start = end - int(1000 * sum(found["seconds"].values()))
        tags = {"part": part.file} | {name: str(settings[name]) for name in ("searcher", "seed")}
        run_id = self._create("run", part.label, tags, start)
        metrics = [
            (name, value, start + int(1000 * step["seconds"]), step["candidate_epochs"])
            for step in found["steps"]
            for name, value in {**step["metrics"], "seconds": step["seconds"]}.items()
        ]
        self._write(run_id, metrics, settings)
        if found["candidates"]:
            self._client.log_table(run_id, columns_of(found["candidates"]), "candidates.json")
        self._client.set_terminated(run_id, "FINISHED", end)
        self._runs[part.file] = run_id

    def on_report(self, report: Report, files: Sequence[Path], parts: Sequence[Part]) -> None:
        """The comparison is done.

        Args:
            report: what came of it.
            files: of the report.
            parts: the runs of the searchers.
        """
        for part, found in self._missed:  # the server may be there again
            self._attempt(part.label, partial(self._write_run, part, found))
        self._attempt("the report", lambda: self._write_report(report, files))
        by_run = {(part.content["settings"]["searcher"], part.content["settings"]["seed"]): part for part in parts}
        for run in report.outcome.runs:
            part = by_run[run.searcher, run.seed]
            if part.file in self._runs:
                self._attempt(part.label, partial(self._write_final, run, self._runs[part.file], report))
        for i, searcher in reversed(list(enumerate(report.outcome.searchers))):  # the newest run comes first there
            files_of = [by_run[run.searcher, run.seed].file for run in report.outcome.of(searcher)]
            children = [self._runs[file] for file in files_of if file in self._runs]
            self._attempt(f"the median of {searcher}", partial(self._write_searcher, i, searcher, children, report))

    def _write_report(self, report: Report, files: Sequence[Path]) -> None:
        for file in files:
            self._client.log_artifact(self.run_id, str(file))
        self._client.set_tag(self.run_id, "mlflow.note.content", "\n\n".join(report.told)[:LONGEST_TEXT])
        self._client.set_experiment_tag(self._experiment_id, "mlflow.note.content", _ABOUT)
        metric = report.outcome.metric
        columns = (f"best_valid_{metric}", f"final_test_{metric}", "rank_valid", "rank_test")
        save_view(self._client, self._experiment_id, self.view, "Searchers side by side", columns)

    def _write_final(self, run: Run, run_id: str, report: Report) -> None:
        """What a run's best loss came to after convergence."""
        if run.best is None or "best_loss" in self._client.get_run(run_id).data.tags:
            return
        values = _converged_metrics(report.outcome.metric, run.best.validation, run.best.test)
        self._write(run_id, [(name, value, now(), SINGLE) for name, value in values.items()])
        self._client.set_tag(run_id, "best_loss", run.best.name[:LONGEST_TEXT])

    def _write_searcher(self, number: int, searcher: str, children: Sequence[str], report: Report) -> None:
        """The median over seeds as a run of its own, above those of the seeds; one from before makes way."""
        outcome, curves = report.outcome, report.statistics.by_epochs
        for known in self._find("searcher", searcher=searcher):
            self._client.delete_run(known.info.run_id)
        runs = outcome.of(searcher)
        name = f"{searcher}, {len(runs)} seeds" if len(runs) > 1 else f"{searcher}, one seed"
        run_id = self._create("searcher", name, {"searcher": searcher})
        made = now()
        names = [f"best_valid_{outcome.metric}{part}" for part in ("_worse_quartile", "", "_better_quartile")]
        metrics = [
            (metric, float(value), made, int(epochs))
            for epochs, column in zip(curves.grid, curves.quartiles[:, number].T, strict=True)
            for metric, value in zip(names, column, strict=True)
        ]
        best = [run.best for run in runs if run.best is not None]
        pooled = _converged_metrics(
            outcome.metric, [fmean(one.validation) for one in best], [fmean(one.test) for one in best]
        )
        ranks = {
            "rank_valid": float(report.statistics.final.ranks[number]),
            "rank_test": float(report.statistics.converged.ranks[number]),
        }
        single = [(name, value, made, SINGLE) for name, value in (pooled | ranks).items()]
        self._write(run_id, [*metrics, *single])
        for child in children:
            self._client.set_tag(child, "mlflow.parentRunId", run_id)
        self._client.set_terminated(run_id, "FINISHED")

    def _write(
        self, run_id: str, metrics: Sequence[tuple[str, float, int, int]] = (), params: Mapping[str, Any] | None = None
    ) -> None:
        """Metrics as (name, value, milliseconds since 1970, step); those that are not finite are left out."""
        from mlflow.entities import Metric

        entities = [Metric(*metric) for metric in metrics if math.isfinite(metric[1])]
        self._client.log_batch(run_id, params=params_of(params or {}))
        for i in range(0, len(entities), BATCH):
            self._client.log_batch(run_id, metrics=entities[i : i + BATCH])


def _converged_metrics(metric: str, validation: Sequence[float], test: Sequence[float]) -> dict[str, float]:
    """Means over seeds, by the names that single studies use."""
    parts = {"valid": validation, "test": test}
    return {f"final_{part}_{metric}": fmean(values) for part, values in parts.items() if values}
