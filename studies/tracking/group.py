"""The runs that a command writes to MLflow: one for itself, and others around it that are found again by its tag."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from studies.common.processes import this_process
from studies.tracking.view import view_address
from studies.tracking.writes import LONGEST_NAME, params_of, status_after, take_up, was_written

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_PAGE = 1_000  # runs an answer of the server


class GroupTracker:
    """Writes a command's runs, which share the tag `{kind}`. A server that goes away costs a warning, not the command.

    A command that is typed again takes its own run up again. That run is open until the block of the tracker ends.

    Args:
        client: of the tracking server.
        experiment_id: where the runs go.
        kind: what the command makes: the tag that its runs share, and the role of its own run among them.
        key: of this one among its kind, the value of that tag.
        tags: of all its runs, besides.
        name: of the command's own run.
        params: of that run.
        warn: told in a sentence what could not be written.
    """

    #: The saved view that shows the runs side by side, see `studies.tracking.view`.
    view: str

    def __init__(
        self,
        client: MlflowClient,
        experiment_id: str,
        kind: str,
        key: str,
        tags: Mapping[str, str],
        name: str,
        params: Mapping[str, Any],
        warn: Callable[[str], None],
    ) -> None:
        self._client, self._experiment_id, self._kind, self._warn = client, experiment_id, kind, warn
        self._tags = {**tags, kind: key, "mlflow.source.type": "LOCAL"}
        self.run_id = self._begin(name, params)

    @property
    def address(self) -> str:
        """Of the runs side by side, from the root of MLflow's pages on."""
        return view_address(self._experiment_id, self.view)

    def _begin(self, name: str, params: Mapping[str, Any]) -> str:
        """The command's own run, made or taken up again."""
        for known in self._find(self._kind):
            take_up(self._client, known.info.run_id)
            return str(known.info.run_id)
        made = self._create(self._kind, name, {})
        self._client.log_batch(made, params=params_of(params))
        return made

    def _create(self, role: str, name: str, tags: Mapping[str, str], start: int | None = None) -> str:
        """A run with the shared tags and its own ones, and its id; `start` is in milliseconds since 1970."""
        every = {**self._tags, "role": role, "process": this_process(), **tags}
        run = self._client.create_run(self._experiment_id, start, every, name[:LONGEST_NAME])
        return str(run.info.run_id)

    def _find(self, role: str, **tags: str) -> list[Run]:
        """All runs of that role, and with these tags."""
        wanted = {self._kind: self._tags[self._kind], "role": role, **tags}
        query = " and ".join(f"tags.`{name}` = '{value}'" for name, value in wanted.items())
        found: list[Run] = []
        token = None
        while True:
            page = self._client.search_runs([self._experiment_id], query, max_results=_PAGE, page_token=token)
            found += page
            token = page.token
            if not token:
                return found

    def _attempt(self, what: str, write: Callable[[], object]) -> bool:
        return was_written(what, write, self._warn, "; the same command tries again")

    def __enter__(self) -> Self:
        """The command's own run is open until the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it: FINISHED, FAILED, or KILLED where a person or the system ended it."""
        end = status_after(kind)
        self._attempt(f"the end of the {self._kind}", lambda: self._client.set_terminated(self.run_id, end))


def key_of(folder: Path) -> str:
    """A key for what is made in this folder, the same each time."""
    return hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:16]
