"""The interface of executors: who computes tasks, and where. Results do not depend on it. One has no processes."""

from __future__ import annotations

import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch

from core.common.errors import UserError
from studies.execution.resources import Report, Resources, Storage
from studies.execution.task import Result, Task, grouped, label_of

#: Computes a group of tasks, see `grouped`: a function of a module, which other processes find by its name.
Compute = Callable[[Sequence[Task], Resources, Storage, Report], list[Result]]
#: Told how far a task is, from 0 to 1.
OnProgress = Callable[[Task, float], None]


@dataclass(frozen=True)
class Work:
    """How tasks are computed: plain data and the name of a function, to be sent to another process."""

    compute: Compute
    resources: Resources
    storage: Storage
    jobs: int | None = None
    """Workers at a time, if a person said how many."""

    @property
    def workers(self) -> int:
        """Workers at a time on this machine: as many as were asked for, or as suit it."""
        return self.resources.usual_workers if self.jobs is None else self.jobs

    def begin(self, worker: int = 0) -> Callable[[Sequence[Task], Report], list[Result]]:
        """Begin to work, in the process that does so.

        Args:
            worker: its number among the workers of this machine, from 0; it decides which GPU is used.

        Returns:
            A function of a group of tasks and of what is told how far it is; it gives their results in order.
        """
        resources = self.resources.here(worker, self.workers)
        device = torch.device(resources.device)
        if device.index is not None:
            torch.cuda.set_device(device)
        return lambda tasks, report: self.compute(tasks, resources, self.storage, report)


class Executor(ABC):
    """Computes tasks, from plain data to plain data. A context: nothing of it lives on when it is closed.

    A class is made with the work and, as keyword arguments with types and defaults, settings of its own:
    `--executor NAME:setting=value`. What it has to keep is `studies.testing.executors.ExecutorContract`.

    Args:
        work: how tasks are computed.
    """

    @abstractmethod
    def __init__(self, work: Work) -> None: ...

    @abstractmethod
    def run(self, tasks: Sequence[Task], on_progress: OnProgress) -> Generator[tuple[Task, Result]]:
        """Compute tasks, those of a group (`grouped`) together.

        If the caller stops iterating, what was begun may run to its end, and its results are dropped. A group whose
        process died is begun again.

        Args:
            tasks: all different; begun about in this order.
            on_progress: told how far tasks are, as well as that can be known.

        Yields:
            Each task once, as soon as it is finished, with its result.

        Raises:
            UserError: what a task refuses, or that its process died again and again; begins with the task's label.
            RuntimeError: a defect in a task, with its label and traceback.
        """

    @abstractmethod
    def close(self) -> None:
        """End all work at once; returns when nothing of it lives on."""

    def __enter__(self) -> Self:
        """Workers start when there is something to do."""
        return self

    def __exit__(self, *error: object) -> None:
        """See `close`."""
        self.close()


def answer(
    compute: Callable[[Sequence[Task], Report], list[Result]], tasks: Sequence[Task], report: Report
) -> tuple[str, Any]:
    """Compute a group where nobody sees an exception: what came of it as plain data, for `results_of`.

    Args:
        compute: see `Work.begin`.
        tasks: a group.
        report: told how far it is.
    """
    try:
        return "found", compute(tasks, report)
    except BrokenPipeError:  # nobody listens any more
        raise
    except UserError as error:
        return "refused", str(error)
    except Exception:  # told where a person sees it
        return "failed", traceback.format_exc()


def results_of(tasks: Sequence[Task], answered: tuple[str, Any]) -> Iterator[tuple[Task, Result]]:
    """Open an answer, where a person sees what is raised.

    Args:
        tasks: the group that was computed.
        answered: what `answer` gave.

    Raises:
        UserError: what the tasks refused.
        RuntimeError: a defect in them.
    """
    kind, content = answered
    if kind == "refused":
        raise UserError(f"{label_of(tasks)}: {content}")
    if kind == "failed":
        raise RuntimeError(f"{label_of(tasks)}:\n{content}")
    yield from zip(tasks, content, strict=True)


class InlineExecutor(Executor):
    """Computes one group after the other in this process, where a debugger can stop.

    Args:
        work: how tasks are computed; it has one worker here.
    """

    def __init__(self, work: Work) -> None:
        self._work = replace(work, jobs=1)

    def run(self, tasks: Sequence[Task], on_progress: OnProgress) -> Generator[tuple[Task, Result]]:
        """See Executor; a defect is raised as it is, with the label as a note."""
        compute = self._work.begin()
        for group in grouped(tasks):

            def report(share: float, group: Sequence[Task] = group) -> None:
                for task in group:
                    on_progress(task, share)

            threads = torch.get_num_threads()
            try:
                results = compute(group, report)
            except UserError as error:
                raise UserError(f"{label_of(group)}: {error}") from None
            except Exception as error:
                error.add_note(f"while computing {label_of(group)}")
                raise
            finally:
                torch.set_num_threads(threads)
            yield from zip(group, results, strict=True)

    def close(self) -> None:
        """See Executor; there is nothing to end."""
