"""The runs of one command in MLflow: its own, open until the command ends, those around it, and a view of them.

MLflow's table of runs by itself shows none of the metrics. MLflow 3.17 keeps saved views in tags of the experiment, a
JSON with a compressed state; a version that does not know them shows its usual columns.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from studies.tracking.record import FINISHED, RunRecord, allowed, now
from studies.tracking.server import how_to_compare, reaching
from studies.tracking.uploader import Uploader

if TYPE_CHECKING:
    from mlflow import MlflowClient

_VIEW = "mlflow.sharedViewState."


class Tracker:
    """Writes a command's runs. A server that goes away costs a warning, not the command.

    Args:
        uploader: sends them.
        root: the command's own run; one that is there from before is taken up again.
        warn_only: whether a server that cannot be reached at first costs a warning, too.

    Raises:
        UserError: the server cannot be reached.
    """

    #: The saved view that shows the runs side by side, see `save_view`.
    view: str

    def __init__(self, uploader: Uploader, root: RunRecord, warn_only: bool = False) -> None:
        self._uploader, self._root = uploader, root
        self._missed: dict[tuple[tuple[str, str], ...], tuple[RunRecord, bool]] = {}
        self._run_id: str | None = None
        self._is_sent = True
        if warn_only:
            self._send_root("that the study goes on")
        else:
            with reaching(uploader.tracking_uri):
                self._run_id = uploader.upload(root)

    @property
    def run_id(self) -> str:
        """The command's own run."""
        self._run_id = self._run_id or self._uploader.upload(self._root)
        return self._run_id

    @property
    def where(self) -> str | None:
        """Where the runs are side by side, or what to type to see them; None as long as no server was reached."""
        if self._uploader.connection is None:
            return None
        address = view_address(self._uploader.connection[1], self.view)
        return how_to_compare(self._uploader.tracking_uri, address)

    def _send(self, record: RunRecord, *, below: bool = False) -> bool:
        """Send another run now or, where that fails, when the command ends; `below` its own one or beside it."""

        def upload() -> None:
            self._uploader.upload(record, self.run_id if below else None)

        if self._uploader.attempt(record.name, upload):
            self._missed.pop(record.identity, None)
            return True
        self._missed[record.identity] = record, below
        return False

    def _send_root(self, what: str, **changes: Any) -> bool:
        """Send what has changed in the command's own run."""
        self._root = replace(self._root, **changes)
        self._is_sent = self._uploader.attempt(what, lambda: self._uploader.upload(self._root))
        return self._is_sent

    def _save_view(self, name: str, metrics: Sequence[str], params: Sequence[str] = ()) -> None:
        """See `save_view`."""

        def save() -> None:
            save_view(*self._uploader.connected(), self.view, name, metrics, params)

        self._uploader.attempt(f"the view {name!r}", save)

    def _catch_up(self) -> None:
        for record, below in list(self._missed.values()):
            if not self._send(record, below=below):
                return

    def __enter__(self) -> Self:
        """The command's own run is open until the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it: FINISHED, FAILED, or KILLED where a person or the system ended it."""
        if self._send_root(f"the end of {self._root.name}", status=status_after(kind)):
            self._catch_up()


def status_after(kind: type[BaseException] | None) -> str:
    """How a run ended that this error left, if any."""
    return FINISHED if kind is None else "FAILED" if issubclass(kind, Exception) else "KILLED"


def key_of(folder: Path) -> str:
    """A key for what is made in this folder, the same each time."""
    return hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:16]


def save_view(
    client: MlflowClient, experiment_id: str, key: str, name: str, metrics: Sequence[str], params: Sequence[str] = ()
) -> None:
    """Make or replace a view with these metrics and params as columns.

    Args:
        client: of the tracking server.
        experiment_id: whose runs are shown.
        key: of the view, letters and digits; it is part of the address.
        name: as the list of views shows it.
        metrics: columns, in order.
        params: more of them.
    """
    state = {
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "selectedColumns": [
            *(f"metrics.`{allowed(metric)}`" for metric in metrics),
            *(f"params.`{param}`" for param in params),
        ],
        "runsHiddenMode": "FIRST_10_RUNS",
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    made = now()
    view = {"name": name, "createdAt": made, "updatedAt": made, "state": f"deflate;{packed}"}
    client.set_experiment_tag(experiment_id, _VIEW + key, json.dumps(view))


def view_address(experiment_id: str, key: str) -> str:
    """Where MLflow's pages show the view, from their root on."""
    return f"/#/experiments/{experiment_id}/runs?viewStateShareKey={key}"
