"""A tuning in MLflow: one run for it, and every trial as a child run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from studies.tracking.record import RUNNING, SINGLE, Point, RunRecord
from studies.tracking.tracker import Tracker
from studies.tracking.uploader import Uploader
from studies.tuning.result import TuneResult
from studies.tuning.trials import Tried
from studies.tuning.tuning import TuneCallback


class TuneTracker(Tracker, TuneCallback):
    """Writes a tuning to MLflow, see Tracker.

    Args:
        uploader: sends the runs.
        study: by which its runs are found again, see Trials.id.
        settings: of the tuning, by name.
        metric: name of the metric.
    """

    view = "tuning"

    def __init__(self, uploader: Uploader, study: str, settings: Mapping[str, Any], metric: str) -> None:
        self._metric, tuned = metric, str(settings["loss"] or settings["searcher"])
        self._tags = {name: str(settings[name]) for name in ("dataset", "recommender", "task")}
        self._tags |= {"tuned": tuned, "mlflow.source.name": "studies.tune"}
        self._group = "tuning", study
        key = {"role": "tuning"}
        root = RunRecord(f"tuning {tuned}", self._group, key, self._tags, settings, status=RUNNING)
        super().__init__(uploader, root)
        columns = (f"valid_{metric}", "n_seeds", f"best_valid_{metric}", "gain_confirmed")
        self._save_view("Trials side by side", columns, [str(text).partition("=")[0] for text in settings["vary"]])

    def on_trial(self, tried: Tried, best: Tried) -> None:
        """See TuneCallback; a trial that is there already is not written again."""
        name = f"valid_{self._metric}"
        points = [Point(seed, {f"{name}_per_seed": value}) for seed, value in tried.per_seed.items()]
        points.append(Point(SINGLE, {name: tried.value, "n_seeds": float(len(tried.per_seed))}))
        key, tags = {"role": "trial", "trial": str(tried.number)}, {**self._tags, "pruned": str(tried.pruned).lower()}
        record = RunRecord(f"trial {tried.number}", self._group, key, tags, dict(tried.params), points)
        self._send(record, below=True)
        best_so_far = Point(tried.number, {f"best_{name}": best.value})
        self._send_root("the best value", points=[*self._root.points, best_so_far])

    def on_report(self, result: TuneResult, files: Sequence[Path]) -> None:
        """The tuning is done, and these are its files."""
        self._catch_up()
        chosen = ", ".join(f"{name} {value:.4g}" for name, value in result.chosen.params.items())
        confirmed = Point(SINGLE, {"gain_confirmed": result.gain, "p_value": result.p_value})
        self._send_root(
            "the report",
            tags={**self._tags, "mlflow.note.content": f"{chosen}\n\n{result.verdict}"},
            points=[*self._root.points, confirmed],
            artifacts={file.name: file for file in files},
        )
