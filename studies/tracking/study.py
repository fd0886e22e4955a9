"""A study in MLflow: one run, and its losses of Phase III as child runs. Laid out for MLflow's own pages.

Metrics have candidate-epochs as their step, so that its compare view overlays searchers by what they spent. All is
made of what the study keeps itself, its history and its result, so a server that goes away loses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from core.phases.tally import Tally
from core.search.effectiveness import TrainingCurve
from core.search.search import Step
from studies.storage.output import MODEL, RESULT
from studies.study.history import History, StudyCallback
from studies.study.history_file import HistoryFile, StepRecord
from studies.tracking.record import RUNNING, SINGLE, Artifact, Point, RunRecord
from studies.tracking.tracker import Tracker, status_after
from studies.tracking.uploader import Uploader

_FLUSH_EVERY = 2.0  # seconds between writes
_RETRY_AFTER = 30.0  # seconds, where a write failed
_TAGS = ("searcher", "seed", "problem", "dataset", "recommender", "task", "clamp", "environment")
#: Tables among the artifacts of a run.
_CANDIDATES, _FRONT = "candidates.json", "front.json"
#: By which registered models of ours are told from others.
_MADE, _ABOUT = {"made_by": "loss-search"}, "Recommenders trained by losses that were found"


class StudyTracker(Tracker, StudyCallback):
    """Writes a study to MLflow while it runs, see Tracker.

    Args:
        uploader: sends the runs.
        history: of the study, told of everything before this is.
        file: of the history, removed when MLflow has everything.
        settings: of the study, by name.
        metric: the name of what scores are made of.
        goes_on: whether the study was begun before: a server that cannot be reached costs a warning then.

    Raises:
        UserError: the server cannot be reached.
    """

    view = "studies"

    def __init__(
        self,
        uploader: Uploader,
        history: History,
        file: HistoryFile,
        settings: Mapping[str, Any],
        metric: str,
        goes_on: bool = False,
    ) -> None:
        self._history, self._file, self._next = history, file, 0.0
        self._points: list[Point] = []
        self._artifacts: dict[str, Artifact] = {}
        self._model: str | None = None
        self._has_result = False
        tags = {name: str(settings[name]) for name in _TAGS if name in settings} | {"budget": _budget(settings)}
        words = [tags[one] for one in ("searcher", "problem", "dataset", "recommender") if one in tags]
        name = f"{' '.join(words)} seed {tags['seed']}"
        origin = {"mlflow.source.name": "studies.run"}
        root = RunRecord(name, ("journal", file.id), {"child": "none"}, tags | origin, settings, status=RUNNING)
        super().__init__(uploader, root, goes_on)
        if not goes_on:
            columns = (f"best_valid_{metric}", f"final_test_{metric}", "gain_over_best_baseline", "trained", "sampled")
            self._save_view("Studies side by side", columns)

    def on_step(self, step: Step, tally: Tally, candidate_epochs: int) -> None:
        """See StudyCallback."""
        self._send_if_due()

    def on_epoch(self, curves: Sequence[TrainingCurve]) -> None:
        """See StudyCallback; sends what could not be sent before."""
        self._send_if_due()

    def on_result(self, result: dict[str, Any]) -> None:
        """See StudyCallback: what was found, and every loss of Phase III as a child run."""
        self._has_result, tags, metrics = True, self._root.tags, {"seconds": result["seconds"]}
        points = [*self._steps(), Point(result["search"]["candidate_epochs"], metrics)]
        best, comparison = result["best"], result["comparison"]
        if best is not None:
            note = f"`{best['formula']}`\n\n{comparison['verdict']}"
            tags = {**tags, "mlflow.note.content": note, "best_loss": best["formula"]}
            points.append(Point(SINGLE, _final_metrics(best) | {"gain_over_best_baseline": comparison["gain"]}))
        self._artifacts[RESULT] = result
        if result["front"]:
            keys = ("complexity", "formula", "epsilon")
            self._artifacts[_FRONT] = [{key: row[key] for key in keys} | _final_metrics(row) for row in result["front"]]
        self._send_root("the result", tags=tags, points=points, children=self._losses(result))

    def _losses(self, result: Mapping[str, Any]) -> list[RunRecord]:
        """Every loss of Phase III as a run."""
        kinds = [("found", loss) for loss in result["finalists"]]
        kinds += [("baseline", loss) for loss in result["baselines"].values()]
        names = ("name", "formula", "complexity", "epsilon")
        records = []
        for number, (kind, loss) in enumerate(kinds):
            params = {name: loss[name] for name in names if loss[name] is not None}
            params |= {"scale": loss["scale"]} if loss.get("scale", 1.0) != 1 else {}
            key, tags = {"child": str(number)}, {**self._root.tags, "kind": kind}
            points = [Point(SINGLE, _final_metrics(loss))]
            records.append(RunRecord(f"{kind}: {loss['name']}", self._root.group, key, tags, params, points))
        return records

    def on_files(self, files: Mapping[str, Path], model: str | None) -> None:
        """Files of the study to keep with its run; they are sent when the block ends.

        Args:
            files: by name.
            model: what the trained recommender in MODEL is called in the registry; None if there is none.
        """
        self._artifacts |= files
        self._model = model

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send the rest and close the run, see Tracker; the history goes when MLflow has everything."""
        if self._history.candidates:
            self._artifacts = {_CANDIDATES: self._history.candidates, **self._artifacts}
        points = self._root.points if self._has_result else self._steps()
        sent = self._send_root("the last metrics and files", points=points, artifacts=self._artifacts)
        if sent and self._model is not None:
            sent = self._uploader.attempt("the model", partial(self._register, self._model))
        ended = self._send_root("the end of the run", status=status_after(kind))
        if sent and ended and self._has_result:
            self._file.remove()
        elif not sent:
            self._uploader.warn(
                f"MLflow: what it lacks waits in {self._file.path}, the same command with --resume sends it"
            )

    def _send_if_due(self) -> None:
        waits = not self._is_sent or len(self._points) < len(self._history.records)
        if waits and time.monotonic() >= self._next:
            sent = self._send_root("metrics", points=self._steps())
            self._next = time.monotonic() + (_FLUSH_EVERY if sent else _RETRY_AFTER)

    def _steps(self) -> list[Point]:
        self._points += [_point(record) for record in self._history.records[len(self._points) :]]
        return self._points

    def _register(self, name: str) -> None:
        """A version of the registered model, one for each run."""
        from mlflow.exceptions import MlflowException

        client = self._uploader.connected()[0]
        try:
            client.create_registered_model(name, _MADE, _ABOUT)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            there = client.get_registered_model(name)
            if there.description != _ABOUT and not _MADE.items() <= there.tags.items():
                self._uploader.warn(f"MLflow: the model {name} is somebody else's; this one is kept with its run alone")
                return
        if not client.search_model_versions(f"run_id = '{self.run_id}'", max_results=1):
            tags = {key: self._root.tags[key] for key in ("searcher", "seed", "dataset", "recommender")}
            client.create_model_version(name, f"runs:/{self.run_id}/{MODEL}", self.run_id, tags)


def _point(step: StepRecord) -> Point:
    values = {**step.metrics, "seconds": step.seconds, **step.front}
    return Point(step.candidate_epochs, values, step.time)


def _final_metrics(loss: Mapping[str, Any]) -> dict[str, float | None]:
    parts = {"valid": loss["validation"], "test": loss["test"]}
    return {f"final_{part}_{name}": value for part, values in parts.items() for name, value in values.items()}


def _budget(settings: Mapping[str, Any]) -> str:
    minutes = settings["minutes"]
    return f"{settings['trainings']} trainings" + (f" or {minutes:g} minutes" if minutes is not None else "")
