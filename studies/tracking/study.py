"""Runs in MLflow: one run for each study, its losses of Phase III as child runs. Laid out for MLflow's own pages.

Metrics have candidate-epochs as their step, so that its compare view overlays searchers by what they spent.
Everything is written to a journal first and sent from there, so that a server that goes away, or a study that is
killed, loses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from core.common.restoring import read
from core.search.effectiveness import Progress
from core.search.search import Step
from studies.storage.output import plain
from studies.study.funnel import Tally
from studies.study.observer import Observer
from studies.study.recording import candidate_row, front_metrics, step_metrics
from studies.tracking.journal import Journal
from studies.tracking.sender import Sender
from studies.tracking.writes import now, status_after, was_written

if TYPE_CHECKING:
    from mlflow import MlflowClient

_FLUSH_EVERY = 2.0  # seconds between writes
_RETRY_AFTER = 30.0  # seconds, where a write failed

#: Told a problem in a sentence.
Warn = Callable[[str], None]


class MlflowTracker(Observer):
    """Writes a study to one MLflow run. A server that goes away later costs a warning, not the study.

    Args:
        connect: gives a client of the tracking server, and the id of the experiment.
        journal: of the study; what is in it already is not written again.
        settings: of the study, by name.
        metric: the name of what scores are made of.
        to_metric: score -> value of the metric.
        warn: told when something could not be written.

    Raises:
        Exception: whatever a server raises that cannot be reached, unless the study goes on and was told of before.
    """

    def __init__(
        self,
        connect: Callable[[], tuple[MlflowClient, str]],
        journal: Journal,
        settings: Mapping[str, Any],
        metric: str,
        to_metric: Callable[[float], float],
        warn: Warn,
    ) -> None:
        self._journal, goes_on = journal, bool(journal.entries)
        self._metric, self._to_metric, self._warn = metric, to_metric, warn
        self._began, self._next_flush = time.monotonic(), 0.0
        name = "{searcher} {dataset} {recommender} seed {seed}".format(**settings)
        tags = {name: str(settings[name]) for name in _TAGS} | {"budget": _budget(settings)}
        view = (f"best_valid_{metric}", f"final_test_{metric}", "gain_over_best_baseline", "trained", "sampled")
        journal.begin(time=now(), name=name, tags=tags, params=dict(settings), view=view)
        self._n_steps = sum(entry["kind"] == "step" for entry in journal.entries)
        self._front: dict[str, float] = {}
        self._has_result = any(entry["kind"] == "result" for entry in journal.entries)
        self._sender = Sender(connect, journal, warn)
        if goes_on:
            self._attempt("that the study goes on", self._sender.take_up)
        else:
            self._sender.send()

    @property
    def run_id(self) -> str:
        """The run in MLflow."""
        return self._sender.run_id

    @property
    def address(self) -> str | None:
        """See Sender."""
        return self._sender.address

    def __enter__(self) -> MlflowTracker:
        """The run is open until the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the run: FINISHED, FAILED, or KILLED where a person or the system ended it."""
        sent = self._attempt("the last metrics and files", self._sender.send)
        ended = self._attempt("the end of the run", lambda: self._sender.end(status_after(kind)))
        if sent and ended and self._has_result:
            self._journal.remove()
        elif self._journal.waiting:
            n = len(self._journal.waiting)
            self._warn(f"MLflow: {n} entries wait in {self._journal.path}, the same command with --resume sends them")

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See Observer; steps that were written before a kill are there already."""
        known, self._front = self._front, front_metrics(tally, self._metric, self._to_metric)
        if step.number < self._n_steps:
            return
        self._n_steps = step.number + 1
        values = step_metrics(step, tally, self._metric, self._to_metric)
        values["seconds"] = time.monotonic() - self._began
        values |= {name: value for name, value in self._front.items() if known.get(name) != value}
        trained = [candidate_row(t, self._metric, self._to_metric) for t in step.trials if t.trained]
        content = plain({"metrics": values, "candidates": trained})
        self._journal.add("step", time=now(), candidate_epochs=candidate_epochs, **content)
        self._send_if_due()

    def _send_if_due(self) -> None:
        if self._journal.waiting and time.monotonic() >= self._next_flush:
            written = self._attempt("metrics", self._sender.send)
            self._next_flush = time.monotonic() + (_FLUSH_EVERY if written else _RETRY_AFTER)

    def on_phase(self, text: str) -> None:
        """See Observer."""

    def on_epoch(self, progress: Sequence[Progress]) -> None:
        """See Observer; sends what could not be sent before."""
        self._send_if_due()

    def on_result(self, result: dict[str, Any]) -> None:
        """See Observer: what was found, and every loss of Phase III as a child run."""
        if not self._has_result:
            self._journal.add("result", time=now(), result=result)
            self._has_result = True
        self._attempt("the result", self._sender.send)

    def on_files(self, folder: Path, names: Sequence[str], model: str | None) -> None:
        """Files of the study to keep with its run; they are sent when the block ends.

        Args:
            folder: of the study.
            names: of the files.
            model: what the trained recommender in the folder MODEL is called in the registry; None if there is none.
        """
        if not any(entry["kind"] == "files" for entry in self._journal.entries):
            self._journal.add("files", time=now(), folder=str(folder.absolute()), names=list(names), model=model)

    def state_dict(self) -> dict[str, Any]:
        """See Observer."""
        return {"seconds": time.monotonic() - self._began, "front": dict(self._front)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Observer."""
        self._began -= float(state.get("seconds", 0.0))
        self._front = read(dict[str, float], state.get("front", {}))

    def _attempt(self, what: str, write: Callable[[], object]) -> bool:
        return was_written(what, write, self._warn)


_TAGS = ("searcher", "seed", "dataset", "recommender", "task", "clamp", "environment")


def _budget(settings: Mapping[str, Any]) -> str:
    minutes = settings["minutes"]
    return f"{settings['trainings']} trainings" + (f" or {minutes:g} minutes" if minutes is not None else "")
