"""A tuning in MLflow: one run for it, and every trial as a child run.

Everything can be made anew from Optuna's storage and is found by its tags, so what a server missed is written when the
tuning ends, or by the same command later.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from studies.common.processes import has_died
from studies.tracking.group import GroupTracker
from studies.tracking.view import save_view
from studies.tracking.writes import LONGEST_TEXT, SINGLE, now, params_of
from studies.tuning.result import TuneResult
from studies.tuning.trials import Tried
from studies.tuning.tuning import TuneWatcher

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: The role of a trial's run until it is whole.
_HALF = "half-written trial"


class TuneTracker(GroupTracker, TuneWatcher):
    """Writes a tuning to MLflow, see GroupTracker.

    Args:
        client: of the tracking server.
        experiment_id: where the runs go.
        study: by which its runs are found again, see Trials.id.
        settings: of the tuning, by name.
        metric: name of the metric.
        warn: told what could not be written.
    """

    view = "tuning"

    def __init__(
        self,
        client: MlflowClient,
        experiment_id: str,
        study: str,
        settings: Mapping[str, Any],
        metric: str,
        warn: Callable[[str], None],
    ) -> None:
        self._metric, tuned = metric, str(settings["loss"] or settings["searcher"])[:LONGEST_TEXT]
        tags = {name: str(settings[name]) for name in ("dataset", "recommender", "task")}
        tags |= {"tuned": tuned, "mlflow.source.name": "studies.tune"}
        super().__init__(client, experiment_id, "tuning", study, tags, f"tuning {tuned}", settings, warn)
        self._missed: dict[int, Tried] = {}
        self._written = self._find_written()
        self._save_view([str(text).partition("=")[0] for text in settings["vary"]])

    def _find_written(self) -> set[str | None]:
        """Numbers of the trials that are there; what a killed process left of another one goes."""
        for half in self._find(_HALF):
            if has_died(half.data.tags.get("process", "")):
                self._client.delete_run(half.info.run_id)
        return {run.data.tags.get("trial") for run in self._find("trial")}

    def _save_view(self, names: Sequence[str]) -> None:
        columns = (f"valid_{self._metric}", "n_seeds", f"best_valid_{self._metric}", "gain_confirmed")
        save_view(self._client, self._experiment_id, self.view, "Trials side by side", columns, names)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, see GroupTracker; trials that could not be written are tried once more."""
        self._catch_up()
        super().__exit__(kind, error, trace)

    def on_phase(self, text: str) -> None:
        """See TuneWatcher."""

    def on_begin(self, number: int, params: Mapping[str, float], n_seeds: int) -> None:
        """See TuneWatcher."""

    def on_progress(self, place: int, share: float) -> None:
        """See TuneWatcher."""

    def on_trial(self, tried: Tried, best: Tried) -> None:
        """See TuneWatcher; a trial that is there already is not written again."""
        if str(tried.number) not in self._written:
            self._missed[tried.number] = tried
            self._attempt(f"trial {tried.number}", partial(self._write_trial, tried))
        self._attempt("the best value", partial(self._write_best, tried, best))

    def _write_trial(self, tried: Tried) -> None:
        from mlflow.entities import Metric

        tags = {"trial": str(tried.number), "mlflow.parentRunId": self.run_id, "pruned": str(tried.pruned).lower()}
        run = self._create(_HALF, f"trial {tried.number}", tags)
        made = now()
        name = f"valid_{self._metric}"
        metrics = [Metric(f"{name}_per_seed", value, made, seed) for seed, value in tried.per_seed.items()]
        metrics += [
            Metric(name, tried.value, made, SINGLE),
            Metric("n_seeds", float(len(tried.per_seed)), made, SINGLE),
        ]
        self._client.log_batch(run, metrics=metrics, params=params_of(tried.params))
        self._client.set_tag(run, "role", "trial")
        self._client.set_terminated(run)
        self._missed.pop(tried.number)

    def _write_best(self, tried: Tried, best: Tried) -> None:
        """The curve of the best so far; written again at each start, which changes nothing but times."""
        if math.isfinite(best.value) and str(tried.number) not in self._written:
            self._client.log_metric(self.run_id, f"best_valid_{self._metric}", best.value, step=tried.number)

    def _catch_up(self) -> None:
        """Trials that could not be written when they were finished."""
        for number, tried in list(self._missed.items()):
            if not self._attempt(f"trial {number}", partial(self._write_trial, tried)):
                return

    def on_result(self, result: TuneResult) -> None:
        """See TuneWatcher."""

    def on_report(self, result: TuneResult, files: Sequence[Path]) -> None:
        """The tuning is done, and these are its files."""
        self._catch_up()
        self._attempt("the report", lambda: self._write_report(result, files))

    def _write_report(self, result: TuneResult, files: Sequence[Path]) -> None:
        for file in files:
            self._client.log_artifact(self.run_id, str(file))
        chosen = ", ".join(f"{name} {value:.4g}" for name, value in result.chosen.params.items())
        self._client.set_tag(self.run_id, "mlflow.note.content", f"{chosen}\n\n{result.verdict}"[:LONGEST_TEXT])
        for name, value in (("gain_confirmed", result.gain), ("p_value", result.p_value)):
            if value is not None:
                self._client.log_metric(self.run_id, name, value, step=SINGLE)
