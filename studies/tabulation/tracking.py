"""A table of losses in MLflow: a run with the file and its counts, one for each of the best and of the known losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from core.phases.measured import MeasuredRow, MeasuredTable
from core.phases.metric import Metric
from studies.tabulation.report import best_rows
from studies.tabulation.settings import TableLosses, TableSettings
from studies.tabulation.table import Row, mean_converged
from studies.tracking.record import RUNNING, SINGLE, Point, RunRecord
from studies.tracking.tracker import Tracker, key_of
from studies.tracking.uploader import Uploader

_ROLE = {"role": "loss"}


class TableTracker(Tracker):
    """Writes a table to MLflow, see Tracker.

    Args:
        uploader: sends the runs.
        folder: of the table, by which its runs are found again.
        settings: of the table.
    """

    view = "losses"

    def __init__(self, uploader: Uploader, folder: Path, settings: TableSettings) -> None:
        stored = settings.to_dict()
        tags = {name: str(stored[name]) for name in ("dataset", "recommender", "task", "size")}
        tags |= {"folder": str(folder.absolute()), "mlflow.source.name": "studies.table"}
        self._group = ("table", key_of(folder))
        name = f"table of {settings.size} operators"
        super().__init__(uploader, RunRecord(name, self._group, {"role": "table"}, tags, status=RUNNING))
        self._tags, self._settings = tags, settings

    def on_table(self, losses: TableLosses, rows: Sequence[Row], metric: Metric, file: Path) -> None:
        """The table is done, and this is its file."""
        shown = best_rows(self._settings, rows, metric)
        records = [self._loss_record(place, row, metric) for place, row in reversed(shown)]
        self._uploader.attempt("the runs of the losses", partial(self._uploader.replace, records, _ROLE))
        settings = {f"setting.{name}": str(value) for name, value in self._settings.to_dict().items()}
        counts = {"losses": float(len(losses)), "trained": float(len(losses.trained))}
        self._send_root(
            "the table", tags={**self._tags, **settings}, points=[Point(SINGLE, counts)], artifacts={file.name: file}
        )
        self._save_view("Losses side by side", tuple(_metrics(shown[0][1], metric)) if shown else (), ["loss", "place"])

    def _loss_record(self, place: int, row: Row, metric: Metric) -> RunRecord:
        chosen: Mapping[str, Any] = {
            "loss": row.name,
            "place": place,
            "epsilon": row.smoothing,
            "weight_decay": row.decay,
        }
        tags = {**self._tags, "result": self.run_id, "baseline": str(row.number is None).lower()}
        points = [Point(SINGLE, _metrics(row, metric))]
        return RunRecord(row.name[:250], self._group, {**_ROLE, "loss": row.name}, tags, chosen, points)


class CandidateTracker(Tracker):
    """Writes a table of candidates to MLflow, see Tracker.

    Args:
        uploader: sends the runs.
        folder: of the table, by which its run is found again.
        problem: the line of what is measured.
    """

    view = "candidates"

    def __init__(self, uploader: Uploader, folder: Path, problem: str) -> None:
        self._tags = {"problem": problem, "folder": str(folder.absolute()), "mlflow.source.name": "studies.table"}
        self._group = ("table", key_of(folder))
        super().__init__(
            uploader, RunRecord(f"table of {problem}"[:250], self._group, {"role": "table"}, self._tags, status=RUNNING)
        )

    def on_table(self, table: MeasuredTable, best: Sequence[MeasuredRow], file: Path) -> None:
        """The table is done: its file, and a run for each of the best.

        Args:
            table: all of it.
            best: rows, the best one first.
            file: where it is.
        """
        places = reversed(list(enumerate(best, 1)))
        records = [self._candidate_record(table, place, row) for place, row in places]
        role = {"role": "candidate"}
        self._uploader.attempt("the runs of the best", partial(self._uploader.replace, records, role))
        counts = {"candidates": float(len(table.rows)), "seeds": float(table.seeds)}
        self._send_root("the table", points=[Point(SINGLE, counts)], artifacts={file.name: file})
        metrics = (f"valid_{table.metric}", f"test_{table.metric}")
        self._save_view("Candidates side by side", metrics, ["candidate", "place"])

    def _candidate_record(self, table: MeasuredTable, place: int, row: MeasuredRow) -> RunRecord:
        tests = [value for value in row.test if value is not None]
        values = {f"valid_{table.metric}": row.validation[0], f"test_{table.metric}": fmean(tests) if tests else None}
        points = [Point(SINGLE, {name: value for name, value in values.items() if value is not None})]
        chosen: Mapping[str, Any] = {"candidate": row.name, "place": place}
        tags, key = {**self._tags, "result": self.run_id}, {"role": "candidate", "candidate": row.name}
        return RunRecord(row.name[:250], self._group, key, tags, chosen, points)


def _metrics(row: Row, metric: Metric) -> dict[str, float]:
    """Return what MLflow has of a loss, by name: means over seeds."""
    parts = {"valid": "validation", "test": "test"}
    found = {f"{short}_{metric.name}": mean_converged(row, part, metric) for short, part in parts.items()}
    return {f"short_{metric.name}": row.score} | {name: value for name, value in found.items() if value is not None}
