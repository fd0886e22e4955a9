"""Computes tasks stage by stage: what is kept in a folder, a file each, is read, what is missing is computed."""

from __future__ import annotations

import io
import json
import logging
import re
import zipfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from core.common.errors import UserError
from studies.execution.executor import Executor
from studies.execution.resources import Storage
from studies.execution.task import ARRAYS, CHECKPOINTS, NAMES, Result, Task, code, digest_of, grouped
from studies.storage.output import OutputFolder

_NAME = re.compile(r".*-([0-9a-f]{12})-([0-9a-f]{12})\.json")


class ResultCache:
    """Where results are kept.

    Args:
        path: made if it is not there; nobody else's files may be in it, and no other process at work.
        accept_other_code: whether a result that other code made is as good as today's.

    Raises:
        UserError: the folder cannot be made or written, or holds something else.
    """

    def __init__(self, path: Path, accept_other_code: bool = False) -> None:
        self.accepts_other_code = accept_other_code
        self._folder = OutputFolder(path, patterns=(NAMES, f"{NAMES}{CHECKPOINTS}", ARRAYS))
        self._folder.sweep()
        self._others: dict[str, list[Path]] = {}  # digest of a task -> its files by other code, the newest last
        for file in sorted(path.iterdir(), key=lambda one: (one.lstat().st_mtime_ns, one.name)):
            match = _NAME.fullmatch(file.name)
            if match is not None and match[2] != code():
                self._others.setdefault(match[1], []).append(file)

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._folder.path

    def has_other(self, task: Task) -> bool:
        """Whether other code computed this task, and today's did not."""
        return task.digest in self._others and not (self.path / task.file).exists()

    def read(self, task: Task) -> Result | None:
        """Read what was found before.

        Returns:
            What today's code found, or, where that is accepted, other code; None if there is nothing, or nothing whole.
        """
        others = self._others.get(task.digest, []) if self.accepts_other_code else []
        found = (_read(path, task.kind) for path in (self.path / task.file, *reversed(others)))
        return next((stored for stored in found if stored is not None), None)

    def write(self, task: Task, result: Mapping[str, Any]) -> Result:
        """Keep a result.

        Returns:
            The result as it will be read.

        Raises:
            UserError: the disk is full.
        """
        self._folder.write_json(task.file, {"kind": task.kind, "label": task.label, **result})
        stored = _read(self.path / task.file, task.kind)
        if stored is None:
            raise UserError(f"{self.path / task.file}: cannot be read back; is the disk failing?")
        return stored

    def arrays(
        self, name: str, content: Mapping[str, Any], make: Callable[[], Mapping[str, np.ndarray]]
    ) -> Mapping[str, np.ndarray]:
        """Return arrays by name: those that today's code made of the same content before, or new ones, which are kept.

        Args:
            name: what a person calls them.
            content: everything that they depend on but the code: plain data.
            make: makes them.
        """
        file = f"{name}-{digest_of([name, content])}-{code()}.npz"
        try:
            with np.load(io.BytesIO((self.path / file).read_bytes()), allow_pickle=False) as stored:
                return dict(stored)
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            made, packed = make(), io.BytesIO()
            np.savez_compressed(packed, allow_pickle=False, **made)
            self._folder.write(file, packed.getvalue())
            return made

    def withdraw(self) -> None:
        """Remove the folder if nothing was written."""
        self._folder.withdraw()


def _read(path: Path, kind: str) -> Result | None:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stored if isinstance(stored, dict) and stored.get("kind") == kind else None


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
