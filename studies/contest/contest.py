"""A comparison from beginning to end, without a terminal or a tracker."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from recommenders.data import DataFiles
from studies.contest.outcome import Outcome
from studies.contest.plan import Plan
from studies.contest.settings import CompareSettings
from studies.keeping.resuming import set_aside
from studies.parts.part import Part, PartsFolder, code
from studies.parts.work import do
from studies.parts.workers import Workers
from studies.parts.workplace import Workplace
from studies.recording import described_data
from studies.study import Study

_log = logging.getLogger(__name__)


class Watcher(ABC):
    """Told what happens in a comparison. Must not change anything in it."""

    @abstractmethod
    def on_stage(self, text: str, parts: Sequence[Part], done: int) -> None:
        """A stage begins, of which `done` parts are there from before."""

    @abstractmethod
    def on_progress(self, part: Part, share: float) -> None:
        """A part has come this far, from 0 to 1."""

    @abstractmethod
    def on_part(self, part: Part, found: Mapping[str, Any]) -> None:
        """A part is there, new or from before."""


class Contest:
    """Settings made into a plan. Everything that can be wrong with the settings is found here.

    Args:
        settings: of the comparison.
        place: processes, and the raw file of the data set where it needs one.
        folder: where the parts are kept.
        anew: set aside what is there.

    Raises:
        UserError: anything that the comparison could not run with.
    """

    def __init__(self, settings: CompareSettings, place: Workplace, folder: Path, anew: bool = False) -> None:
        self._place, files = place, DataFiles.of(place.data)
        self.settings = settings = settings.on(files)
        self.plan = Plan(settings, files)
        self._study = Study(settings.study(settings.names[0], 0), files)
        self.dataset = self._study.task.dataset
        """What is trained on, with the first seed."""
        if anew:
            set_aside(folder)
        self._folder = PartsFolder(folder)
        self._found: dict[str, dict[str, Any]] = {}
        self._warned = False

    def run(self, watchers: Sequence[Watcher], command: str) -> Outcome:
        """Do what is missing; the whole outcome.

        Args:
            watchers: told what happens.
            command: see Outcome.
        """
        plan = self.plan
        runs = f"{len(self.settings.names)} searchers, {self.settings.seeds} seeds"
        with Workers(self._place, do) as workers:

            def stage(text: str, parts: Sequence[Part]) -> None:
                self._stage(text, parts, watchers, workers)

            stage(f"Noise floor, and phases I and II: {runs}", [plan.noise, *plan.runs])
            stage("Phase III: the smoothing term of every loss", plan.first_finals(self._found))
            stage("Phase III: more training seeds", plan.later_finals(self._found))
        self._place.forget_all()
        return plan.outcome(self._found, described_data(self.dataset), command)

    def _stage(self, text: str, parts: Sequence[Part], watchers: Sequence[Watcher], workers: Workers) -> None:
        there = {part.file: found for part in parts if (found := self._folder.read(part)) is not None}
        self._compare_code(there.values())
        for watcher in watchers:
            watcher.on_stage(text, parts, len(there))
        for part in parts:
            if part.file in there:
                self._take(part, there[part.file], watchers)

        def progressed(part: Part, share: float) -> None:
            for watcher in watchers:
                watcher.on_progress(part, share)

        missing = [part for part in parts if part.file not in there]
        for part, found in workers.compute(missing, progressed):
            self._take(part, self._folder.write(part, found), watchers)
            self._place.forget(part)

    def _compare_code(self, parts: Iterable[Mapping[str, Any]]) -> None:
        if not self._warned and any(part.get("code") != code() for part in parts):
            self._warned = True
            _log.warning(
                "warning: some parts in %s were made by other sources than today's, which may find something else; "
                "remove the folder to do them again",
                self._folder.path,
            )

    def _take(self, part: Part, found: dict[str, Any], watchers: Sequence[Watcher]) -> None:
        self._found[part.file] = found
        for watcher in watchers:
            watcher.on_part(part, found)

    def withdraw(self) -> None:
        """Remove the folder if nothing came of it."""
        self._folder.withdraw()
