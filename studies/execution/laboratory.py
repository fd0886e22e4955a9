"""Computes the parts of something stage by stage: what is kept is read, what is missing is computed and kept."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from studies.execution.part import Part, PartsFolder, code
from studies.execution.workers import Workers
from studies.execution.workplace import Workplace

_log = logging.getLogger(__name__)


class Watcher(ABC):
    """Told what happens in a laboratory. Must not change anything in it."""

    @abstractmethod
    def on_stage(self, text: str, parts: Sequence[Part], done: int) -> None:
        """A stage begins, of which `done` parts are there from before."""

    @abstractmethod
    def on_progress(self, part: Part, share: float) -> None:
        """A part has come this far, from 0 to 1."""

    @abstractmethod
    def on_part(self, part: Part, found: Mapping[str, Any]) -> None:
        """A part is there, new or from before."""


class Laboratory:
    """Where parts are computed and kept.

    Args:
        place: where they are computed.
        folder: where they are kept.
        workers: compute them.
        watchers: told what happens.
    """

    def __init__(self, place: Workplace, folder: PartsFolder, workers: Workers, watchers: Sequence[Watcher]) -> None:
        self._place, self._folder, self._workers, self._watchers = place, folder, workers, watchers
        self._warned = False

    def stage(self, text: str, parts: Sequence[Part]) -> list[dict[str, Any]]:
        """Compute what is missing.

        Args:
            text: what this stage does, in a sentence for a person.
            parts: in the order in which they are begun; equal ones are computed once.

        Returns:
            What was found, in the order of the parts.

        Raises:
            UserError: see Workers.compute; the disk is full.
        """
        distinct = {part.file: part for part in parts}
        found = {file: there for file, part in distinct.items() if (there := self._folder.read(part)) is not None}
        self._compare_code(found.values())
        for watcher in self._watchers:
            watcher.on_stage(text, list(distinct.values()), len(found))
        for file, there in found.items():
            self._tell(distinct[file], there)
        missing = [part for file, part in distinct.items() if file not in found]
        for part, content in self._workers.compute(missing, self._progressed):
            found[part.file] = self._folder.write(part, content)
            self._tell(part, found[part.file])
            self._place.forget(part)
        return [found[part.file] for part in parts]

    def _progressed(self, part: Part, share: float) -> None:
        for watcher in self._watchers:
            watcher.on_progress(part, share)

    def _tell(self, part: Part, found: Mapping[str, Any]) -> None:
        for watcher in self._watchers:
            watcher.on_part(part, found)

    def _compare_code(self, parts: Iterable[Mapping[str, Any]]) -> None:
        if not self._warned and any(part.get("code") != code() for part in parts):
            self._warned = True
            _log.warning(
                "warning: some parts in %s were made by other sources than today's, which may find something else; "
                "remove the folder to do them again",
                self._folder.path,
            )
