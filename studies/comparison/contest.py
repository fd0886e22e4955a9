"""A comparison from beginning to end, without a terminal or a tracker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recommenders.data import DataFiles
from studies.comparison.outcome import Outcome
from studies.comparison.plan import Plan
from studies.comparison.settings import CompareSettings
from studies.execution.laboratory import Laboratory, Watcher
from studies.execution.part import Part, PartsFolder
from studies.execution.work import do
from studies.execution.workers import Workers
from studies.execution.workplace import Workplace
from studies.study.recording import described_data
from studies.study.study import Study


class Contest:
    """Settings made into a plan. Everything that can be wrong with the settings is found here.

    Args:
        settings: of the comparison.
        place: processes, and the raw file of the data set where it needs one.
        folder: where the parts are kept.

    Raises:
        UserError: anything that the comparison could not run with.
    """

    def __init__(self, settings: CompareSettings, place: Workplace, folder: Path) -> None:
        self._place, files = place, DataFiles.of(place.data)
        self.settings = settings = settings.on(files)
        self.plan = Plan(settings, files)
        self._study = Study(settings.study(settings.names[0], 0), files)
        self.dataset = self._study.task.dataset
        """What is trained on, with the first seed."""
        self._folder = PartsFolder(folder)

    def run(self, watchers: Sequence[Watcher], command: str) -> Outcome:
        """Do what is missing; the whole outcome.

        Args:
            watchers: told what happens.
            command: see Outcome.
        """
        plan = self.plan
        runs = f"{len(self.settings.names)} searchers, {self.settings.seeds} seeds"
        found: dict[str, dict[str, Any]] = {}
        with Workers(self._place, do) as workers:
            laboratory = Laboratory(self._place, self._folder, workers, watchers)

            def stage(text: str, parts: Sequence[Part]) -> None:
                contents = laboratory.stage(text, parts)
                found.update((part.file, content) for part, content in zip(parts, contents, strict=True))

            stage(f"Noise floor, and phases I and II: {runs}", [plan.noise, *plan.runs])
            stage("Phase III: the smoothing term of every loss", plan.first_finals(found))
            stage("Phase III: more training seeds", plan.later_finals(found))
        self._place.forget_all()
        return plan.outcome(found, described_data(self.dataset), command)

    def withdraw(self) -> None:
        """Remove the folder if nothing came of it."""
        self._folder.withdraw()
