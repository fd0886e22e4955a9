"""Phase III of a study by an executor: processes of this machine, or a cluster."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from typing import Any

from core.common.restoring import read
from core.phases.contender import Contender, ConvergenceTraining, TrainingResult, Variant
from core.phases.finals import Trains, trained_here
from core.search.effectiveness import TrainingCurve
from studies.execution.convergence import training_of
from studies.execution.executor import Work
from studies.execution.registry import SpreadPlaces, make_executor
from studies.execution.resources import LocalStorage, Resources
from studies.execution.runner import CachedRunner, ResultCache, TaskCallback
from studies.execution.task import Task, TaskFactory, data_file_digest
from studies.execution.work import compute
from studies.storage.output import OutputFolder
from studies.study.settings import PlaceSettings
from studies.study.study import Study

#: The folder of what was trained, within that of the study.
PARTS = "parts"


class Shares(TaskCallback):
    """Tells how far trainings are that are tasks.

    Args:
        tell: told how many are done, parts of one included, and of how many.
    """

    def __init__(self, tell: Callable[[float, int], None]) -> None:
        self._tell, self._shares, self._total = tell, dict[str, float](), 0

    def on_stage(self, text: str, tasks: Sequence[Task], done: int) -> None:
        """See TaskCallback."""
        self._shares, self._total = {}, len(tasks)

    def on_progress(self, task: Task, share: float) -> None:
        """See TaskCallback."""
        self._shares[task.file] = share
        self._tell(sum(self._shares.values()), self._total)

    def on_part(self, task: Task, result: Mapping[str, Any]) -> None:
        """See TaskCallback."""
        self.on_progress(task, 1.0)


class SpreadTraining(ConvergenceTraining):
    """Trainings that are tasks, which keep what they come to; one of which something is kept is trained here.

    Args:
        runner: computes tasks, and keeps what they come to.
        tasks: one for each training that is a task.
        here: the training that is done here, after the tasks; None where there is none.
        place: its number among all.
    """

    def __init__(
        self, runner: CachedRunner, tasks: Sequence[Task], here: ConvergenceTraining | None = None, place: int = 0
    ) -> None:
        self._runner, self._tasks, self._here, self._place = runner, tasks, here, place
        self.fitted: list[TrainingResult] = []
        self.kept: Any = None

    def __iter__(self) -> Iterator[Sequence[TrainingCurve]]:
        """The epochs of what is trained here; tasks tell of their progress elsewhere."""
        fitted = [read_result(one) for one in self._runner.stage("", self._tasks)] if self._tasks else []
        if self._here is not None:
            yield from self._here
            fitted.insert(self._place, *self._here.fitted)
            self.kept = self._here.kept
        self.fitted = fitted

    def state_dict(self) -> dict[str, Any]:
        """See ConvergenceTraining: of what is trained here. Tasks that are finished are kept, and so is their state."""
        return {} if self._here is None else self._here.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See ConvergenceTraining."""
        if self._here is not None:
            self._here.load_state_dict(state)


def read_result(stored: Mapping[str, Any]) -> TrainingResult:
    """Return what a task came to, in which numbers that are not finite are None.

    Args:
        stored: of the task.
    """
    names = [one.name for one in fields(TrainingResult) if one.name in stored]
    return read(TrainingResult, {name: _numbers(stored[name]) for name in names})


def _numbers(stored: Any) -> Any:
    if isinstance(stored, Mapping):
        return {name: _numbers(value) for name, value in stored.items()}
    if isinstance(stored, list):
        return [_numbers(value) for value in stored]
    return math.nan if stored is None else stored


@contextmanager
def spread(
    study: Study,
    places: PlaceSettings,
    over: SpreadPlaces,
    folder: OutputFolder,
    tell: Callable[[float, int], None],
) -> Iterator[Trains | None]:
    """Have an executor at hand within the block.

    Args:
        study: whose Phase III it is.
        places: where its data are, and how the machine is used.
        over: which executor; the block is given None where it names none.
        folder: of the study, which no other process works in.
        tell: see Shares.

    Raises:
        UserError: there is no such executor, or what it needs is not there.
    """
    if over.executor is None:
        yield None
        return
    digest, settings = data_file_digest(places.files), study.settings
    cache, factory = ResultCache(folder.path / PARTS), TaskFactory(digest)
    try:
        storage = LocalStorage({digest: places.files}, cache.path, places.checkpoint_every)
        work = Work(compute, Resources(memory=places.memory, device=settings.training.device), storage, over.jobs)
        with make_executor(over.executor, work) as executor:
            runner = CachedRunner(executor, cache, storage, (Shares(tell),))
            yield partial(_trains, study, factory, runner)
    finally:
        cache.withdraw()


def _trains(
    study: Study,
    factory: TaskFactory,
    runner: CachedRunner,
    entries: Sequence[tuple[Contender[Any], Variant]],
    number: int,
    keep: int | None,
) -> SpreadTraining:
    """See `core.phases.finals.Trains`."""
    settings, problem = study.settings, study.problem
    others = [entry for i, entry in enumerate(entries) if i != keep]
    tasks = [factory.final(settings, training_of(*entry, problem), number) for entry in others]
    here = None if keep is None else trained_here(problem, settings.seed, [entries[keep]], number, 0)
    return SpreadTraining(runner, tasks, here, keep or 0)
