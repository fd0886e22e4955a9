"""What a reproduction measures with: computes tasks and trains losses on every data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any, TypeVar

from recommenders.data import DataFiles
from recommenders.data.summary import summarise
from studies.evaluation.evaluation import Evaluation
from studies.evaluation.outcome import Outcome
from studies.evaluation.settings import EvaluateSettings
from studies.execution.experiment import Experiment
from studies.execution.runner import TaskCallback
from studies.execution.task import Task, TaskFactory, data_file_digest
from studies.reproduction.settings import ReproduceSettings
from studies.study.parts import compose
from studies.study.study import Study

T = TypeVar("T")
#: Options that a reproduction and an evaluation share, and those beside them by its protocol.
_SHARED = ("seeds", "preset", "max_epochs", "stop_after", "device")
_OF_PROTOCOL = {"paper": ("learning_rate",), "symmetric": ("trials", "tuning_seeds")}


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
        self.settings, self.files = settings, data
        digests = {name: data_file_digest(files) for name, files in data.items()}
        self._factories = {name: TaskFactory(digest) for name, digest in digests.items()}
        models = settings.models
        tried = [Study(settings.study(dataset=name, recommender=one), data[name]) for name in data for one in models]
        measured_on = (study.losses.task.dataset for study in tried[:: len(models)])
        self.lines = [line for dataset in measured_on for line in summarise(dataset).lines()]
        """What a person is told of the data."""
        files = {digests[name]: files for name, files in data.items()}
        self._runner = cache(lambda alone: work.runner(files, settings.device, callbacks, alone))

    def computed(
        self, text: str, plan: Callable[[str, TaskFactory], Iterable[tuple[T, Task]]], alone: bool = False
    ) -> Iterator[tuple[T, Mapping[str, Any]]]:
        """Compute tasks of every data set, a stage each.

        Args:
            text: what a stage does, in a sentence with `{n}` for the number of tasks and `{dataset}`.
            plan: data set and what makes its tasks -> the tasks, each with what the caller knows it by.
            alone: one task after the other, however many processes there may be: where time is what is measured.

        Returns:
            What the caller knows each task by, and what was found.
        """
        for dataset, factory in self._factories.items():
            known, tasks = zip(*plan(dataset, factory), strict=True)
            found = self._runner(alone).stage(text.format(n=len(tasks), dataset=dataset), tasks)
            yield from zip(known, found, strict=True)

    def evaluate_losses(
        self, protocol: str, losses: Sequence[str], baselines: Sequence[str], **given: Any
    ) -> Iterator[tuple[str, str, Outcome]]:
        """Train losses as `python -m studies.evaluate` does, on every data set with every model.

        Args:
            protocol: paper or symmetric.
            losses: by name or formula.
            baselines: the same, for those that the others are tested against.
            given: more options of the evaluation.

        Returns:
            The model, the data set, and what came of it.
        """
        own = {name: getattr(self.settings, name) for name in (*_SHARED, *_OF_PROTOCOL[protocol])}
        own |= {"protocol": protocol, "loss": tuple(losses), "baseline": tuple(baselines), **given}
        for (dataset, factory), model in product(self._factories.items(), self.settings.models):
            settings = compose(EvaluateSettings, {"dataset": dataset, "recommender": model, **own})
            study = Study(settings.study, self.files[dataset])
            yield model, dataset, Evaluation(settings, study.losses.task, factory, self._runner(False)).run()
