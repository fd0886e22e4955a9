"""What a reproduction on rankings measures with: trains, and takes the time of training, on every data set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path

from core.common.errors import counted
from recommenders.data import DataFiles
from recommenders.data.implicit import load_implicit, summarise
from recommenders.data.implicit.options import ImplicitOptions
from recommenders.data.implicit.published import PUBLISHED
from recommenders.data.implicit.samplers import Uniform
from studies.evaluation.ranking.tasks import RankingTasks
from studies.execution.experiment import Experiment
from studies.execution.runner import TaskCallback
from studies.execution.task import Result, Task
from studies.reproduction.mml.paper import OTHER
from studies.reproduction.mml.recipe import LEARNING_RATE, Setup
from studies.reproduction.mml.settings import RankingReproduceSettings, folders


class RankingBench:
    """What a reproduction measures with.

    Args:
        settings: of the reproduction.
        data: the folder, see `folders`.
        work: computes tasks.
        callbacks: told what happens.

    Raises:
        UserError: there are no such data.
    """

    def __init__(
        self,
        settings: RankingReproduceSettings,
        data: Path | None,
        work: Experiment,
        callbacks: Sequence[TaskCallback] = (),
    ) -> None:
        self.settings, found = settings, folders(settings.dataset, data)
        options = ImplicitOptions(validation_share=0.0)
        loaded = {name: load_implicit(name, path, options=options) for name, path in found.items()}
        self._digests = {name: dataset.digest() for name, dataset in loaded.items()}
        self.lines = [line for dataset in loaded.values() for line in summarise(dataset).lines()]
        """What a person is told of the data."""
        for n, dataset in product(settings.negatives, loaded.values()):
            self.lines += [f"  warning: {doubt}" for doubt in Uniform(n).doubts(dataset.n_items)]
        self.datasets: Mapping[str, str] = {
            name: name + OTHER if PUBLISHED[name].doubts(dataset) else name for name, dataset in loaded.items()
        }
        """Name -> what it is called in results: another one where it is not the published split."""
        files: dict[str | None, DataFiles] = {self._digests[name]: DataFiles(data=path) for name, path in found.items()}
        self._runner = cache(lambda alone: work.runner(files, settings.device, callbacks, alone))

    def trained(self, setups: Iterable[Setup]) -> Iterator[tuple[Setup, int, Result]]:
        """Train with every seed.

        Args:
            setups: what is trained; those that come to the same are trained once.

        Returns:
            The setup, the number of the seed, and what was found.
        """
        known = list(product(setups, range(self.settings.seeds)))
        tasks = [self._tasks(setup).training(setup.label, setup.loss, LEARNING_RATE, {}, seed) for setup, seed in known]
        n = len({task.digest for task in tasks})
        epochs = counted(self.settings.max_epochs, "epoch")
        text = f"{counted(n, 'training')} of at most {epochs}, each evaluated on the test part"
        for (setup, seed), found in zip(known, self._runner(False).stage(text, tasks), strict=True):
            yield setup, seed, found

    def times(self, setups: Iterable[Sequence[Setup]]) -> Iterator[tuple[Sequence[Setup], Result]]:
        """Take the time of epochs, one task after the other.

        Args:
            setups: each group is alike but for the loss; its losses take turns.

        Returns:
            The group, and what was found.
        """
        groups, epochs = list(setups), self.settings.timed_epochs
        tasks: list[Task] = []
        for group in groups:
            first = group[0]
            label = f"times on {first.dataset}, {first.negatives} negatives"
            losses = [one.loss for one in group]
            tasks.append(self._tasks(first).times(label, losses, LEARNING_RATE, epochs))
        text = f"Times of {counted(epochs, 'epoch')} of each loss, which take turns, after one that does not count"
        yield from zip(groups, self._runner(True).stage(text, tasks), strict=True)

    def _tasks(self, setup: Setup) -> RankingTasks:
        settings = self.settings
        evaluation = setup.evaluation(settings.max_epochs, settings.device, settings.backend)
        return RankingTasks(evaluation, self._digests[setup.dataset])
