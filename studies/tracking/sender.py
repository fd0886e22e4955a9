"""From the entries of a journal to runs in MLflow.

Whatever is sent twice changes nothing: runs are found by their tags, metrics keep the time at which they were
measured, and artifacts are overwritten.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studies.common.processes import this_process
from studies.storage.output import MODEL, RESULT
from studies.tracking.journal import Entry, Journal
from studies.tracking.view import save_view, view_address
from studies.tracking.writes import BATCH, LONGEST_NAME, LONGEST_TEXT, SINGLE, columns_of, params_of, take_up

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: The saved view of the studies, see `studies.tracking.view`.
_VIEW = "studies"
#: Tags by which a study finds its runs again.
_JOURNAL, _CHILD = "journal", "child"


#: By which registered models of ours are told from others.
_MADE, _ABOUT = {"made_by": "loss-search"}, "Recommenders trained by losses that were found"


class Sender:
    """Sends what waits in a journal.

    Args:
        connect: gives a client of the tracking server, and the id of the experiment.
        journal: begins with what the run is called, its tags and params, and the columns of a view.
        warn: told in a sentence what is not sent, and why.
    """

    def __init__(
        self,
        connect: Callable[[], tuple[MlflowClient, str]],
        journal: Journal,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._connect, self._journal, self._warn = connect, journal, warn
        self._connection: tuple[MlflowClient, str] | None = None
        self._run_id: str | None = None

    def _connected(self) -> tuple[MlflowClient, str]:
        self._connection = self._connection or self._connect()
        return self._connection

    @property
    def _client(self) -> MlflowClient:
        return self._connected()[0]

    @property
    def _experiment_id(self) -> str:
        return self._connected()[1]

    @property
    def address(self) -> str | None:
        """Of the studies side by side, from the root of MLflow's pages on; None as long as no server was reached."""
        return None if self._connection is None else view_address(self._connection[1], _VIEW)

    @property
    def run_id(self) -> str:
        """The run of the study, found or made."""
        if self._run_id is None:
            begin = self._journal.entries[0]
            self._run_id = self._run("", begin["name"], {**begin["tags"], **_origin()}, begin["time"])
        return self._run_id

    def take_up(self) -> None:
        """The run of a study that goes on is running again, in this process."""
        take_up(self._client, self.run_id)
        self.send()

    def send(self) -> None:
        """Everything that waits, in order.

        Raises:
            Exception: whatever a server, a database or the network may raise; what was sent by then waits no more.
        """
        kinds = [(kind, list(entries)) for kind, entries in groupby(self._journal.waiting, lambda entry: entry["kind"])]
        for kind, entries in kinds:
            for some in _parts(entries) if kind == "step" else [[entry] for entry in entries]:
                self._send(kind, some)
                self._journal.sent(len(some))

    def _send(self, kind: str, entries: Sequence[Entry]) -> None:
        if kind == "begin":
            self._client.log_batch(self.run_id, params=params_of(entries[0]["params"]))
            save_view(self._client, self._experiment_id, _VIEW, "Studies side by side", entries[0]["view"])
        elif kind == "step":
            self._metrics(self.run_id, [metric for entry in entries for metric in _metrics(entry)])
        elif kind == "result":
            self._result(entries[0])
        elif kind == "files":
            self._files(entries[0])

    def _run(self, child: str, name: str, tags: Mapping[str, str], time: int) -> str:
        """A run of the study found by its tags, or made."""
        own = {_JOURNAL: self._journal.id, _CHILD: child or "none"}
        query = " and ".join(f"tags.{tag} = '{value}'" for tag, value in own.items())
        for known in self._client.search_runs([self._experiment_id], query, max_results=1):
            return str(known.info.run_id)
        made = self._client.create_run(self._experiment_id, time, {**tags, **own}, name[:LONGEST_NAME])
        return str(made.info.run_id)

    def _metrics(self, run_id: str, metrics: Sequence[Any]) -> None:
        for i in range(0, len(metrics), BATCH):
            self._client.log_batch(run_id, metrics=metrics[i : i + BATCH])

    def _result(self, entry: Entry) -> None:
        """What was found, and every loss of Phase III as a child run."""
        result, time, values = entry["result"], entry["time"], {"seconds": entry["result"]["seconds"]}
        best, comparison = result["best"], result["comparison"]
        self._metrics(self.run_id, _entities(values, result["search"]["candidate_epochs"], time))
        if best is not None:
            final = _final_metrics(best) | {"gain_over_best_baseline": comparison["gain"]}
            self._metrics(self.run_id, _entities(final, SINGLE, time))
            told = f"`{best['formula']}`\n\n{comparison['verdict']}"
            self._client.set_tag(self.run_id, "mlflow.note.content", told[:LONGEST_TEXT])
            self._client.set_tag(self.run_id, "best_loss", best["formula"][:LONGEST_TEXT])
        losses = [("found", loss) for loss in result["finalists"]]
        losses += [("baseline", loss) for loss in result["baselines"].values()]
        for number, (kind, loss) in enumerate(losses):
            self._child(str(number), kind, loss, time)
        self._client.log_dict(self.run_id, dict(result), RESULT)

    def _files(self, entry: Entry) -> None:
        """What lies in the study's folder; what has been removed from there since is left out."""
        folder = Path(entry["folder"])
        for name in entry["names"]:
            if (folder / name).is_file():
                self._client.log_artifact(self.run_id, str(folder / name))
        if entry["model"] is not None and (folder / MODEL).is_dir():
            self._client.log_artifacts(self.run_id, str(folder / MODEL), MODEL)
            self._register(entry["model"])

    def _register(self, name: str) -> None:
        """A version of the registered model, one for each run."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(name, _MADE, _ABOUT)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            there = self._client.get_registered_model(name)
            if there.description != _ABOUT and not _MADE.items() <= there.tags.items():
                self._warn(f"MLflow: the model {name} is somebody else's; this one is kept with its run alone")
                return
        if not self._client.search_model_versions(f"run_id = '{self.run_id}'", max_results=1):
            tags = {
                key: self._journal.entries[0]["tags"][key] for key in ("searcher", "seed", "dataset", "recommender")
            }
            self._client.create_model_version(name, f"runs:/{self.run_id}/{MODEL}", self.run_id, tags)

    def _child(self, number: str, kind: str, loss: Mapping[str, Any], time: int) -> None:
        tags = {**self._journal.entries[0]["tags"], **_origin(), "mlflow.parentRunId": self.run_id, "kind": kind}
        run_id = self._run(number, f"{kind}: {loss['name']}", tags, time)
        described = {key: loss[key] for key in ("name", "formula", "complexity", "epsilon")}
        described |= {} if loss.get("scale", 1.0) == 1 else {"scale": loss["scale"]}
        params = {key: value for key, value in described.items() if value is not None}
        self._client.log_batch(run_id, _entities(_final_metrics(loss), SINGLE, time), params_of(params))
        self._client.set_terminated(run_id)

    def end(self, status: str) -> None:
        """The table of the candidates so far, that of the front if the study is done, and how the run ended."""
        entries = self._journal.entries
        rows = [row for entry in entries if entry["kind"] == "step" for row in entry["candidates"]]
        front = [_front_row(row) for entry in entries if entry["kind"] == "result" for row in entry["result"]["front"]]
        tables = {name: some for name, some in ((_CANDIDATES, rows), (_FRONT, front)) if some}
        for name, some in tables.items():
            table = columns_of(some)
            content = {"columns": list(table), "data": [list(row) for row in zip(*table.values(), strict=True)]}
            self._client.log_dict(self.run_id, content, name)
        if tables:
            told = [{"path": name, "type": "table"} for name in tables]
            self._client.set_tag(self.run_id, "mlflow.loggedArtifacts", json.dumps(told))
        self._client.set_terminated(self.run_id, status)


def _front_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the Pareto front, its metrics as columns."""
    return {key: row[key] for key in ("complexity", "formula", "epsilon")} | _final_metrics(row)


#: Tables among the artifacts of a run.
_CANDIDATES, _FRONT = "candidates.json", "front.json"


def _parts(steps: Sequence[Entry]) -> list[list[Entry]]:
    """Steps that go into one request."""
    parts: list[list[Entry]] = []
    size = BATCH
    for step in steps:
        size += len(step["metrics"])
        if size > BATCH:
            parts.append([])
            size = len(step["metrics"])
        parts[-1].append(step)
    return parts


def _origin() -> dict[str, str]:
    """Who runs, so that a run left open by a killed process can be found."""
    return {"process": this_process(), "mlflow.source.name": "studies.run", "mlflow.source.type": "LOCAL"}


def _final_metrics(loss: Mapping[str, Any]) -> dict[str, float | None]:
    parts = {"valid": loss["validation"], "test": loss["test"]}
    return {f"final_{part}_{name}": value for part, values in parts.items() for name, value in values.items()}


def _metrics(step: Entry) -> list[Any]:
    return _entities(step["metrics"], step["candidate_epochs"], step["time"])


def _entities(values: Mapping[str, float | None], step: int, time: int) -> list[Any]:
    """MLflow's metrics, without those that are not finite: its pages cannot draw them."""
    from mlflow.entities import Metric

    finite = {name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)}
    return [Metric(name, value, time, step) for name, value in finite.items()]
