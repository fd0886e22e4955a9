"""A tuning in MLflow: one run for it, and every trial as a child run.

Everything can be made anew from Optuna's storage and is found by its tags, so what a server missed is written when the
tuning ends, or by the same command later.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from studies.processes import has_died, this_process
from studies.tracking_view import save_view, view_address
from studies.tracking_writes import LONGEST_TEXT, SINGLE, params_of, status_after, take_up, was_written
from studies.tuning.result import TuneResult
from studies.tuning.trials import Tried
from studies.tuning.tuning import TuneWatcher

if TYPE_CHECKING:
    from mlflow import MlflowClient

_VIEW = "tuning"
#: The role of a trial's run until it is whole.
_HALF = "half-written trial"


class TuneTracker(TuneWatcher):
    """Writes a tuning to MLflow. A server that goes away costs a warning, not the tuning.

    Args:
        client: of the tracking server.
        experiment_id: where the runs go.
        study: by which its runs are found again, see Trials.id.
        settings: of the tuning, by name.
        metric: name of the metric.
        warn: told what could not be written.
    """

    def __init__(
        self,
        client: MlflowClient,
        experiment_id: str,
        study: str,
        settings: Mapping[str, Any],
        metric: str,
        warn: Callable[[str], None],
    ) -> None:
        self._client, self._experiment_id, self._metric, self._warn = client, experiment_id, metric, warn
        shared = {name: str(settings[name]) for name in ("dataset", "recommender", "task")}
        self._tags = shared | {
            "tuning": study,
            "tuned": str(settings["loss"] or settings["searcher"])[:LONGEST_TEXT],
            "mlflow.source.name": "studies.tune",
            "mlflow.source.type": "LOCAL",
        }
        self._missed: dict[int, Tried] = {}
        self.run_id = self._begin(settings)
        self._save_view([str(text).partition("=")[0] for text in settings["vary"]])

    @property
    def address(self) -> str:
        """Of the trials side by side, from the root of MLflow's pages on."""
        return view_address(self._experiment_id, _VIEW)

    def _begin(self, settings: Mapping[str, Any]) -> str:
        """The run of the tuning, made or taken up again."""
        self._written = {run.data.tags.get("trial") for run in self._find("trial")}
        for half in self._find(_HALF):
            if has_died(half.data.tags.get("process", "")):
                self._client.delete_run(half.info.run_id)
        for known in self._find("tuning"):
            take_up(self._client, known.info.run_id)
            return str(known.info.run_id)
        tags = self._tags | {"role": "tuning", "process": this_process()}
        run = self._client.create_run(self._experiment_id, run_name=f"tuning {self._tags['tuned']}"[:250], tags=tags)
        self._client.log_batch(run.info.run_id, params=params_of(settings))
        return str(run.info.run_id)

    def _save_view(self, names: Sequence[str]) -> None:
        columns = (f"valid_{self._metric}", "n_seeds", f"best_valid_{self._metric}", "gain_confirmed")
        save_view(self._client, self._experiment_id, _VIEW, "Trials side by side", columns, names)

    def _find(self, role: str) -> list[Any]:
        query = f"tags.tuning = '{self._tags['tuning']}' and tags.role = '{role}' and attributes.status != 'FAILED'"
        found: list[Any] = []
        token = None
        while True:
            page = self._client.search_runs([self._experiment_id], query, max_results=1000, page_token=token)
            found += page
            token = page.token
            if not token:
                return found

    def __enter__(self) -> TuneTracker:
        """The run of the tuning is open until the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it: FINISHED, FAILED, or KILLED where a person or the system ended it."""
        self._catch_up()
        self._attempt("the end of the tuning", lambda: self._client.set_terminated(self.run_id, status_after(kind)))

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

        tags = self._tags | {"role": _HALF, "trial": str(tried.number), "process": this_process()}
        tags |= {"mlflow.parentRunId": self.run_id, "pruned": str(tried.pruned).lower()}
        run = self._client.create_run(self._experiment_id, run_name=f"trial {tried.number}", tags=tags).info.run_id
        now = int(time.time() * 1000)
        name = f"valid_{self._metric}"
        metrics = [Metric(f"{name}_per_seed", value, now, seed) for seed, value in tried.per_seed.items()]
        metrics += [Metric(name, tried.value, now, SINGLE), Metric("n_seeds", float(len(tried.per_seed)), now, SINGLE)]
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

    def _attempt(self, what: str, write: Callable[[], object]) -> bool:
        return was_written(what, write, self._warn, "; the same command tries again")
