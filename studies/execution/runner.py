"""Computes tasks stage by stage: what is kept is read, what is missing is computed and kept."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any

from studies.execution.cache import ResultCache
from studies.execution.executor import Executor
from studies.execution.resources import Storage
from studies.execution.task import Result, Task, grouped

_log = logging.getLogger(__name__)


class TaskCallback:
    """Told what happens to tasks; does nothing about what it does not name. Must not change anything."""

    def on_stage(self, text: str, tasks: Sequence[Task], done: int) -> None:
        """A stage begins, of which the results of `done` tasks are there from before."""

    def on_progress(self, task: Task, share: float) -> None:
        """A task has come this far, from 0 to 1."""

    def on_part(self, task: Task, result: Mapping[str, Any]) -> None:
        """The result of a task is there, new or from before."""


class CachedRunner:
    """Computes tasks whose results are kept.

    Args:
        executor: computes what is missing.
        cache: where results are kept.
        storage: where the state of unfinished tasks is kept.
        callbacks: told what happens.
    """

    def __init__(
        self, executor: Executor, cache: ResultCache, storage: Storage, callbacks: Sequence[TaskCallback] = ()
    ) -> None:
        self._executor, self._cache, self._storage, self._callbacks = executor, cache, storage, callbacks
        self._has_warned = False

    def stage(self, text: str, tasks: Sequence[Task]) -> list[Result]:
        """Compute what is missing of some tasks.

        Args:
            text: what this stage does, in a sentence for a person.
            tasks: in the order in which they are begun; equal ones are computed once.

        Returns:
            The results in the order of the tasks.

        Raises:
            UserError: see Executor.run; the disk is full.
        """
        found = {task.file: result for task, result in self.results(text, tasks)}
        return [found[task.file] for task in tasks]

    def results(self, text: str, tasks: Sequence[Task]) -> Generator[tuple[Task, Result]]:
        """Compute what is missing, as `stage` does; a caller that stops iterating spares the rest.

        Yields:
            Each distinct task with its result as soon as it is there, those that are kept first.
        """
        distinct = {task.file: task for task in tasks}
        found = {file: there for file, task in distinct.items() if (there := self._cache.read(task)) is not None}
        self._warn_of_other_code(list(distinct.values()))
        for callback in self._callbacks:
            callback.on_stage(text, list(distinct.values()), len(found))
        for file, there in found.items():
            yield self._tell(distinct[file], there)
        missing = [task for file, task in distinct.items() if file not in found]
        groups = {task.file: group for group in grouped(missing) for task in group}
        unwritten = set(groups)
        with closing(self._executor.run(missing, self._progressed)) as computed:
            for task, result in computed:
                there = self._cache.write(task, result)
                unwritten.discard(task.file)
                if unwritten.isdisjoint(one.file for one in groups[task.file]):
                    self._storage.forget(groups[task.file])
                yield self._tell(task, there)

    def _progressed(self, task: Task, share: float) -> None:
        for callback in self._callbacks:
            callback.on_progress(task, share)

    def _tell(self, task: Task, result: Result) -> tuple[Task, Result]:
        for callback in self._callbacks:
            callback.on_part(task, result)
        return task, result

    def _warn_of_other_code(self, tasks: Sequence[Task]) -> None:
        """Say once whether what other code made is used."""
        if self._has_warned or not any(self._cache.has_other(task) for task in tasks):
            return
        self._has_warned = True
        how = (
            "is used where today's has made nothing, as --accept-other-code says"
            if self._cache.accepts_other_code
            else "is not used; --accept-other-code does"
        )
        _log.warning("warning: what other code than today's made in %s %s", self._cache.path, how)
