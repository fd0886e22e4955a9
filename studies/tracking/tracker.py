"""The runs of one command in MLflow: its own, open until the command ends, and those around it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from studies.tracking.record import FINISHED, RunRecord
from studies.tracking.server import how_to_compare, reaching
from studies.tracking.uploader import Uploader
from studies.tracking.view import save_view, view_address


class Tracker:
    """Writes a command's runs. A server that goes away costs a warning, not the command.

    Args:
        uploader: sends them.
        root: the command's own run; one that is there from before is taken up again.
        warn_only: whether a server that cannot be reached at first costs a warning, too.

    Raises:
        UserError: the server cannot be reached.
    """

    #: The saved view that shows the runs side by side, see `studies.tracking.view`.
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
