"""Runs in MLflow: one run for each study, its losses of Phase III as child runs. Laid out for MLflow's own pages.

Metrics have candidate-epochs as their step, so that its compare view overlays searchers by what they spent.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from core.effectiveness import Progress
from core.errors import first_line
from core.search import Step
from core.trial import Trial
from studies.funnel import Tally
from studies.observer import Observer
from studies.processes import this_process
from studies.recording import candidate_row, step_metrics
from studies.tracking_view import save_view, view_address
from studies.tracking_writes import BATCH, LONGEST_TEXT, SINGLE, columns_of, params_of, status_after

if TYPE_CHECKING:
    from mlflow import MlflowClient

_FLUSH_EVERY = 2.0  # seconds between writes
_RETRY_AFTER = 30.0  # seconds, where a write failed

#: The saved view of the studies, see `studies.tracking_view`.
_VIEW = "studies"

#: Told a problem in a sentence.
Warn = Callable[[str], None]


class MlflowTracker(Observer):
    """Writes a study to one MLflow run. A server that goes away later costs a warning, not the study.

    Args:
        client: of the tracking server.
        experiment_id: where the run goes.
        settings: of the study, by name.
        metric: the name of what scores are made of.
        to_metric: score -> value of the metric.
        warn: told when something could not be written.
    """

    def __init__(
        self,
        client: MlflowClient,
        experiment_id: str,
        settings: Mapping[str, Any],
        metric: str,
        to_metric: Callable[[float], float],
        warn: Warn,
    ) -> None:
        self._client, self._experiment_id = client, experiment_id
        self._metric, self._to_metric, self._warn = metric, to_metric, warn
        self._began = time.monotonic()
        self._pending: list[Any] = []
        self._next_flush = 0.0
        self._trained: list[Trial] = []
        name = "{searcher} {dataset} {recommender} seed {seed}".format(**settings)
        self._tags = {name: str(settings[name]) for name in _TAGS} | {"budget": _budget(settings)}
        self.run_id = client.create_run(experiment_id, run_name=name, tags=self._tags | _origin()).info.run_id
        self._batch(self.run_id, params=settings)
        columns = (f"best_valid_{metric}", f"final_test_{metric}", "gain_over_best_baseline", "trained", "sampled")
        save_view(client, experiment_id, _VIEW, "Studies side by side", columns)

    @property
    def address(self) -> str:
        """Of the studies side by side, from the root of MLflow's pages on."""
        return view_address(self._experiment_id, _VIEW)

    def __enter__(self) -> MlflowTracker:
        """The run is open until the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the run: FINISHED, FAILED, or KILLED where a person or the system ended it."""
        self._attempt("the last metrics", self._flush)
        if self._trained:
            self._attempt("the table of candidates", self._write_candidates)
        self._attempt("the end of the run", lambda: self._client.set_terminated(self.run_id, status_after(kind)))

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See Observer."""
        values = step_metrics(step, tally, self._metric, self._to_metric)
        values["seconds"] = time.monotonic() - self._began
        self._trained += [trial for trial in step.trials if trial.trained]
        self._pending += _metrics(values, candidate_epochs)
        now = time.monotonic()
        if now >= self._next_flush:
            written = self._attempt("metrics", self._flush)
            self._next_flush = now + (_FLUSH_EVERY if written else _RETRY_AFTER)

    def on_phase(self, text: str) -> None:
        """See Observer."""

    def on_epoch(self, progress: Sequence[Progress]) -> None:
        """See Observer."""

    def on_result(self, result: dict[str, Any]) -> None:
        """See Observer: what was found, and every loss of Phase III as a child run."""
        self._attempt("the result", lambda: self._write_result(result))

    def _write_result(self, result: dict[str, Any]) -> None:
        best, comparison = result["best"], result["comparison"]
        self._pending += _metrics({"seconds": result["seconds"]}, result["search"]["candidate_epochs"])
        if best is not None:
            values = _final_metrics(best) | {"gain_over_best_baseline": comparison["gain"]}
            self._pending += _metrics(values, SINGLE)
            told = f"`{best['formula']}`\n\n{comparison['verdict']}"
            self._client.set_tag(self.run_id, "mlflow.note.content", told[:LONGEST_TEXT])
            self._client.set_tag(self.run_id, "best_loss", best["formula"][:LONGEST_TEXT])
        self._flush()
        for loss in result["finalists"]:
            self._write_child(loss, "found")
        for loss in result["baselines"].values():
            self._write_child(loss, "baseline")
        self._client.log_dict(self.run_id, result, "result.json")

    def _write_child(self, loss: Mapping[str, Any], kind: str) -> None:
        tags = self._tags | _origin() | {"mlflow.parentRunId": self.run_id, "kind": kind}
        name = f"{kind}: {loss['name']}"[:250]
        child = self._client.create_run(self._experiment_id, run_name=name, tags=tags).info.run_id
        described = {key: loss[key] for key in ("name", "formula", "complexity", "epsilon")}
        params = {key: value for key, value in described.items() if value is not None}
        self._batch(child, _metrics(_final_metrics(loss), SINGLE), params)
        self._client.set_terminated(child)

    def _write_candidates(self) -> None:
        rows = [candidate_row(trial, self._metric, self._to_metric) for trial in self._trained]
        self._client.log_table(self.run_id, columns_of(rows), "candidates.json")

    def _flush(self) -> None:
        """Write what is waiting; what was written waits no more."""
        while self._pending:
            self._batch(self.run_id, self._pending[:BATCH])
            del self._pending[:BATCH]

    def _batch(self, run_id: str, metrics: Sequence[Any] = (), params: Mapping[str, object] | None = None) -> None:
        self._client.log_batch(run_id, metrics=metrics, params=params_of(params or {}))

    def _attempt(self, what: str, write: Callable[[], object]) -> bool:
        """Whether it could be written; a study does not end because its tracker did."""
        try:
            write()
        except Exception as error:  # whatever a server, a database or the network may raise
            self._warn(f"MLflow: could not write {what}: {first_line(error)[:200]}")
            return False
        return True


_TAGS = ("searcher", "seed", "dataset", "recommender", "task", "clamp", "environment")


def _budget(settings: Mapping[str, Any]) -> str:
    minutes = settings["minutes"]
    return f"{settings['trainings']} trainings" + (f" or {minutes:g} minutes" if minutes is not None else "")


def _origin() -> dict[str, str]:
    """Who runs, so that a run left open by a killed process can be found."""
    return {"process": this_process(), "mlflow.source.name": "studies.run", "mlflow.source.type": "LOCAL"}


def _final_metrics(loss: Mapping[str, Any]) -> dict[str, float | None]:
    parts = {"valid": loss["validation"], "test": loss["test"]}
    return {f"final_{part}_{name}": value for part, values in parts.items() for name, value in values.items()}


def _metrics(values: Mapping[str, float | None], step: int) -> list[Any]:
    """MLflow's metrics, without those that are not finite: its pages cannot draw them."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    finite = {name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)}
    return [Metric(name, value, now, step) for name, value in finite.items()]
