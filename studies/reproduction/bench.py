"""Where the parts of a reproduction are computed: a laboratory for each data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from recommenders.data import DataFiles, Dataset
from studies.execution.laboratory import Laboratory, Watcher
from studies.execution.making import PartMaker, data_file_digest
from studies.execution.part import PartsFolder
from studies.execution.work import do
from studies.execution.workers import Workers
from studies.execution.workplace import Workplace
from studies.reproduction.settings import ReproduceSettings
from studies.study.settings import StudySettings
from studies.study.study import Study


class Bench:
    """What a reproduction measures with. A context: processes end with it.

    Args:
        settings: of the reproduction.
        data: the files of every data set, by its name.
        place: processes and memory; its own data do not matter.
        folder: where parts are kept.
        watchers: told what happens.

    Raises:
        UserError: settings or files that no study could run with.
    """

    def __init__(
        self,
        settings: ReproduceSettings,
        data: Mapping[str, DataFiles],
        place: Workplace,
        folder: Path,
        watchers: Sequence[Watcher] = (),
    ) -> None:
        self.settings = settings
        self._data, self._place, self._watchers, self._open = data, place, watchers, ExitStack()
        self._makers = {name: PartMaker(data_file_digest(files)) for name, files in data.items()}
        self._laboratories: dict[tuple[str, bool], Laboratory] = {}
        tried = [Study(self.study(name, recommender=one), data[name]) for name in data for one in settings.models]
        self.data: tuple[Dataset, ...] = tuple(study.task.dataset for study in tried[:: len(settings.models)])
        """What is measured on, in the order of `datasets`."""
        self._folder = PartsFolder(folder)

    def __enter__(self) -> Self:
        """Processes start when there is something to do."""
        return self

    def __exit__(self, *error: object) -> None:
        """None of them lives on."""
        self._laboratories.clear()
        self._open.close()

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets to measure on."""
        return tuple(self._data)

    def study(self, dataset: str, **given: Any) -> StudySettings:
        """The settings of a study on this data set, with what is given in place of the reproduction's or beside."""
        return self.settings.study(dataset=dataset, **given)

    def files(self, dataset: str) -> DataFiles:
        """The files of this data set."""
        return self._data[dataset]

    def maker(self, dataset: str) -> PartMaker:
        """Makes parts that depend on this data set."""
        return self._makers[dataset]

    def laboratory(self, dataset: str, alone: bool = False) -> Laboratory:
        """Computes those parts.

        Args:
            dataset: one of `datasets`.
            alone: one part after the other, however many processes there may be: where time is what is measured.
        """
        if (dataset, alone) not in self._laboratories:
            place = replace(self._place, data=self._data[dataset], jobs=1 if alone else self._place.jobs)
            workers = self._open.enter_context(Workers(place, do))
            self._laboratories[dataset, alone] = Laboratory(place, self._folder, workers, self._watchers)
        return self._laboratories[dataset, alone]

    def forget_all(self) -> None:
        """Everything is finished: checkpoints are not needed any more."""
        self._place.forget_all()

    def withdraw(self) -> None:
        """Remove the folder of the parts if nothing was written."""
        self._folder.withdraw()
