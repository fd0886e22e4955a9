"""Sends runs to MLflow, as often as one likes: a server holds each of them once, and every value once.

A run is found again by its tags. Of one that is there only what is missing is sent, so what a kill or a server that
went away left unfinished is completed by the next upload.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.common.errors import first_line
from studies.common.processes import ends_uncovered, this_process
from studies.tracking.record import FINISHED, RUNNING, SINGLE, Artifact, Point, RunRecord
from studies.tracking.server import NO_TRACKING, connect

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

_METRICS, _PARAMS = 900, 100  # of one request; MLflow takes 1,000 metrics and 100 params
_LONGEST_TEXT = 5_000  # characters; MLflow takes 6,000
_LONGEST_NAME = 250  # characters of a run's name
_PAGE = 1_000  # runs of one answer


@dataclass
class _Known:
    """What the server has of a run."""

    id: str
    status: str
    tags: dict[str, str]
    params: set[str] = field(default_factory=set)
    complete: set[str] = field(default_factory=set)
    """Metrics that are there to their end."""
    values: Counter[tuple[object, ...]] = field(default_factory=Counter)
    """How many values there are by `_place`; those that were met are taken out."""
    n_points: int = 0
    """How many points of the record are there."""
    artifacts: set[str] = field(default_factory=set)
    """Those that this process has sent."""

    def lacks(self, name: str, step: int, value: float) -> bool:
        """Whether one more value has to be sent."""
        place = _place(name, step, value)
        if name in self.complete or self.values[place]:
            self.values[place] -= 1
            return False
        return True


def _place(name: str, step: int, value: float) -> tuple[object, ...]:
    """What tells a value from others: one that stands alone may be replaced, a curve is only continued."""
    return (name, value) if step == SINGLE else (name, step)


class Uploader:
    """Sends records to one experiment.

    Args:
        tracking_uri: MLflow's database or server.
        experiment: where the runs go.
        warn: told in a sentence what could not be sent, and `then`.
        then: what comes of that, if there is something to say.
        connection: a client of the server and the id of the experiment; None: made when it is first needed.
    """

    def __init__(
        self,
        tracking_uri: str,
        experiment: str,
        warn: Callable[[str], None],
        then: str = "",
        connection: tuple[MlflowClient, str] | None = None,
    ) -> None:
        self.tracking_uri, self._experiment, self.warn, self._then = tracking_uri, experiment, warn, then
        self.connection = connection
        self._groups: dict[tuple[str, str], list[Run]] = {}
        self._known: dict[tuple[tuple[str, str], ...], _Known] = {}

    def connected(self) -> tuple[MlflowClient, str]:
        """A client of the server and the id of the experiment.

        Raises:
            UserError: see `connect`.
        """
        self.connection = self.connection or connect(self.tracking_uri, self._experiment)
        return self.connection

    @property
    def _client(self) -> MlflowClient:
        return self.connected()[0]

    def attempt(self, what: str, write: Callable[[], object]) -> bool:
        """Whether something could be written; a command does not end because its tracker did.

        Args:
            what: for the warning.
            write: does it.
        """
        try:
            with ends_uncovered():
                write()
        except Exception as error:  # whatever a server, a database or the network may raise
            self.warn(f"MLflow: could not write {what}: {first_line(error)[:200]}{self._then}")
            return False
        return True

    def upload(self, record: RunRecord, parent: str | None = None) -> str:
        """Send what the server lacks of a run and those below it.

        Args:
            record: the run.
            parent: the id of the run above it.

        Returns:
            The id of the run.

        Raises:
            Exception: whatever a server, a database or the network may raise; uploading again completes the run.
        """
        try:
            known = self._known.pop(record.identity, None) or self._found(record) or self._made(record, parent)
            self._write(known, record, parent)
        except BaseException:
            self._groups.clear()  # what came through is not known: the server is asked anew
            raise
        self._known[record.identity] = known
        return known.id

    def replace(self, records: Sequence[RunRecord], key: Mapping[str, str]) -> None:
        """Send runs anew, then delete those that were there.

        Args:
            records: of one group.
            key: the tags of the runs within the group that make way.

        Raises:
            Exception: see `upload`.
        """
        before = [run for run in self._in_group(records[0].group) if _has(run, key)]
        for record in records:
            self._write(self._made(record, None), record, None)
        for run in before:
            self._client.delete_run(run.info.run_id)
        self._groups.clear()

    def _in_group(self, group: tuple[str, str]) -> list[Run]:
        client, experiment_id = self.connected()
        found: list[Run] = []
        token = None
        while True:
            query = f"tags.`{group[0]}` = '{group[1]}'"
            page = client.search_runs([experiment_id], query, max_results=_PAGE, page_token=token)
            found += page
            token = page.token
            if not token:
                return found

    def _found(self, record: RunRecord) -> _Known | None:
        if record.group not in self._groups:
            self._groups[record.group] = self._in_group(record.group)
        there = [run for run in self._groups[record.group] if _has(run, record.key)]
        if not there:
            return None
        info, data = there[0].info, there[0].data
        known = _Known(info.run_id, info.status, dict(data.tags), set(data.params))
        if info.status == record.status == FINISHED:
            known.complete = set(data.metrics)
            return known
        for name in data.metrics:
            history = self._client.get_metric_history(info.run_id, name)
            known.values.update(_place(name, one.step, one.value) for one in history)
        return known

    def _made(self, record: RunRecord, parent: str | None) -> _Known:
        client, experiment_id = self.connected()
        own = {"mlflow.source.type": "LOCAL", "process": this_process()}
        tags = _texts({**record.tags, **dict(record.identity), **_above(parent), **own})
        run = client.create_run(experiment_id, record.start, tags, record.name[:_LONGEST_NAME])
        self._groups.setdefault(record.group, []).append(run)
        return _Known(run.info.run_id, RUNNING, tags)

    def _write(self, known: _Known, record: RunRecord, parent: str | None) -> None:
        from mlflow.entities import Param

        client, tags = self._client, {**record.tags, **dict(record.identity), **_above(parent)}
        if record.status == RUNNING:
            tags["process"] = this_process()
            if known.status != RUNNING:
                client.update_run(known.id, status=RUNNING)
                known.status = RUNNING
        for name, text in _texts(tags).items():
            if known.tags.get(name) != text:
                client.set_tag(known.id, name, text)
                known.tags[name] = text
        lacking = {name: value for name, value in record.params.items() if name not in known.params}
        for params in _cut([Param(name, text) for name, text in _texts(lacking).items()], _PARAMS):
            client.log_batch(known.id, params=params)
        known.params |= set(lacking)
        for metrics in _cut(_lacking(known, record.points), _METRICS):
            client.log_batch(known.id, metrics=metrics)
        known.n_points = len(record.points)
        if known.status != FINISHED:
            self._send_artifacts(known, record.artifacts)
        for child in record.children:
            self.upload(child, known.id)
        if record.status != known.status:
            client.set_terminated(known.id, record.status, record.end)
            known.status = record.status

    def _send_artifacts(self, known: _Known, artifacts: Mapping[str, Artifact]) -> None:
        lacking = {name: artifact for name, artifact in artifacts.items() if name not in known.artifacts}
        for name, artifact in lacking.items():
            if not isinstance(artifact, Path):
                content = artifact if isinstance(artifact, Mapping) else _table(artifact)
                self._client.log_dict(known.id, dict(content), name)
            elif artifact.is_dir():
                self._client.log_artifacts(known.id, str(artifact), name)
            else:
                self._client.log_artifact(known.id, str(artifact))
            known.artifacts.add(name)
        tables = [name for name, artifact in lacking.items() if not isinstance(artifact, Path | Mapping)]
        if tables:
            shown = json.dumps([{"path": name, "type": "table"} for name in tables])
            self._client.set_tag(known.id, "mlflow.loggedArtifacts", shown)


def open_uploader(tracking_uri: str, experiment: str, warn: Callable[[str], None]) -> Uploader | None:
    """An uploader for a command that writes the same again when it is typed again; None where nothing is tracked.

    Raises:
        UserError: the server cannot be reached.
    """
    if tracking_uri == NO_TRACKING:
        return None
    uploader = Uploader(tracking_uri, experiment, warn, "; the same command tries again")
    uploader.connected()
    return uploader


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value)[:_LONGEST_TEXT] for name, value in values.items()}


def _has(run: Run, key: Mapping[str, str]) -> bool:
    return _texts(key).items() <= run.data.tags.items()


def _above(parent: str | None) -> dict[str, str]:
    return {} if parent is None else {"mlflow.parentRunId": parent}


def _cut(items: Sequence[Any], length: int) -> Iterator[Sequence[Any]]:
    return (items[i : i + length] for i in range(0, len(items), length))


def _lacking(known: _Known, points: Sequence[Point]) -> list[Metric]:
    """The metrics that are still to be sent."""
    from mlflow.entities import Metric

    return [
        Metric(name, float(value), point.time, point.step)
        for point in points[known.n_points :]
        for name, value in point.values.items()
        if value is not None and math.isfinite(value) and known.lacks(name, point.step, value)
    ]


def _table(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows as MLflow's pages show them."""
    return {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}
