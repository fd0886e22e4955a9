"""What a reproduction of what slides report measures with: trains what a problem knows by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.common.errors import counted
from recommenders.data import DataFiles
from studies.execution.convergence import Convergence, settings_of
from studies.execution.experiment import Experiment
from studies.execution.factory import TaskFactory, data_file_digest
from studies.execution.runner import TaskCallback
from studies.execution.task import Result
from studies.reproduction.slides.settings import SlidesReproduceSettings
from studies.study.settings import StudySettings
from studies.study.settings_search import SearchSettings
from studies.study.study import Study


class ProblemBench:
    """What a reproduction measures with.

    Args:
        settings: of the reproduction.
        files: of the data set.
        work: computes tasks.
        callbacks: told what happens.

    Raises:
        UserError: settings or files that no study could run with.
    """

    def __init__(
        self,
        settings: SlidesReproduceSettings,
        files: DataFiles,
        work: Experiment,
        callbacks: Sequence[TaskCallback] = (),
    ) -> None:
        self.settings = settings
        self._study = StudySettings(search=SearchSettings(problem=settings.problem))
        self._problem = Study(self._study, files).problem
        self.lines = self._problem.lines()
        """What a person is told of the data."""
        self.dataset = str(self._problem.described()["name"])
        """The name of the data set."""
        digest = data_file_digest(files)
        self._factory, self._runner = TaskFactory(digest), work.runner({digest: files}, "cpu", callbacks)

    def trained(self, names: Sequence[str]) -> Iterator[tuple[str, int, Result]]:
        """Train with every seed.

        Args:
            names: what the problem knows.

        Returns:
            The name, the number of the seed, and what was found.

        Raises:
            UserError: the problem does not know it.
        """
        problem, seeds = self._problem, range(self.settings.seeds)
        trainings = [settings_of(problem.known(name), problem)[0] for name in dict.fromkeys(names)]
        convergence = Convergence(self._factory, self._runner, self._study, problem.metric, 1)
        text = f"{counted(len(trainings), 'treatment')}, {counted(len(seeds), 'training')} of each"
        for training, runs in zip(trainings, convergence.train(text, trainings, seeds), strict=True):
            for seed, found in zip(seeds, runs, strict=True):
                yield training.name, seed, found
