"""What a reproduction measures with: makes tasks for every data set, and computes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from recommenders.data import DataFiles, Dataset
from studies.execution.experiment import Experiment
from studies.execution.factory import TaskFactory, data_file_digest
from studies.execution.runner import CachedRunner, TaskCallback
from studies.reproduction.settings import ReproduceSettings
from studies.study.settings import StudySettings
from studies.study.study import Study


class Bench:
    """What a reproduction measures with.

    Args:
        settings: of the reproduction.
        data: the files of every data set, by its name.
        work: computes tasks.
        callbacks: told what happens.

    Raises:
        UserError: settings or files that no study could run with.
    """

    def __init__(
        self,
        settings: ReproduceSettings,
        data: Mapping[str, DataFiles],
        work: Experiment,
        callbacks: Sequence[TaskCallback] = (),
    ) -> None:
        self.settings, self._data = settings, data
        digests = {name: data_file_digest(files) for name, files in data.items()}
        self._factories = {name: TaskFactory(digest) for name, digest in digests.items()}
        tried = [Study(self.study(name, recommender=one), data[name]) for name in data for one in settings.models]
        self.data: tuple[Dataset, ...] = tuple(study.losses.task.dataset for study in tried[:: len(settings.models)])
        """What is measured on, in the order of `datasets`."""
        files = {digests[name]: files for name, files in data.items()}
        self._runner = cache(lambda alone: work.runner(files, settings.device, callbacks, alone))

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

    def factory(self, dataset: str) -> TaskFactory:
        """Makes tasks that depend on this data set."""
        return self._factories[dataset]

    def runner(self, alone: bool = False) -> CachedRunner:
        """Computes tasks.

        Args:
            alone: one task after the other, however many processes there may be: where time is what is measured.
        """
        return self._runner(alone)
