"""Processes of this machine that compute tasks."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from core.common.errors import UserError
from studies.execution.executor import Executor, OnProgress, Work, answer, results_of
from studies.execution.task import Result, Task, grouped, label_of

_log = logging.getLogger(__name__)

#: A group of tasks that one process computes together.
Group = tuple[Task, ...]


@dataclass
class _Worker:
    """A process, and the group that it is at."""

    number: int
    process: multiprocessing.process.BaseProcess
    connection: Connection
    group: Group | None = None
    """None while it waits for one."""
    tries: int = 0
    is_wanted: bool = True
    """Whether somebody still waits for the group."""


class ProcessExecutor(Executor):
    """As many processes as there are jobs; each computes one group after the other.

    Args:
        work: how tasks are computed.
        tries: how often a group is begun whose process dies.
    """

    def __init__(self, work: Work, tries: int = 2) -> None:
        if tries < 1:
            raise UserError(f"tries: expected at least 1, got {tries}")
        self._work, self._tries = work, tries
        self._workers: list[_Worker] = []

    def close(self) -> None:
        """See Executor."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()
        self._workers.clear()

    def run(self, tasks: Sequence[Task], on_progress: OnProgress) -> Generator[tuple[Task, Result]]:
        """See Executor."""
        waiting = deque((group, 1) for group in grouped(tasks))
        missing = len(waiting)
        try:
            while missing:
                self._hand_out(waiting)
                for worker in self._ready():
                    message, group = received(worker.connection), worker.group
                    if message is None:
                        self._workers.remove(worker)
                        if worker.is_wanted:
                            assert group is not None, "a wanted group is there"
                            waiting.appendleft((group, self._after_death(worker, group)))
                        continue
                    if message[0] != "progress":
                        worker.group = None
                    if worker.is_wanted and group is not None:
                        if message[0] == "progress":
                            for task in group:
                                on_progress(task, message[1])
                            continue
                        missing -= 1
                        yield from results_of(group, message)
        finally:
            for worker in self._workers:
                worker.is_wanted = False

    def _hand_out(self, waiting: deque[tuple[Group, int]]) -> None:
        """Give everybody something to do, as far as there is anything."""
        while waiting:
            worker = next((one for one in self._workers if one.group is None), None)
            if worker is None and len(self._workers) < self._work.workers:
                taken = {one.number for one in self._workers}
                worker = _start(self._work, next(i for i in range(len(taken) + 1) if i not in taken))
                self._workers.append(worker)
            if worker is None:
                return
            worker.group, worker.tries = waiting.popleft()
            worker.is_wanted = True
            with suppress(BrokenPipeError):  # it died; that is noticed when it is listened to
                worker.connection.send(worker.group)

    def _ready(self) -> list[_Worker]:
        """The workers at work that have something to say, or died."""
        busy = {worker.connection: worker for worker in self._workers if worker.group is not None}
        heard = wait(list(busy))
        return [worker for connection, worker in busy.items() if connection in heard]

    def _after_death(self, worker: _Worker, group: Group) -> int:
        """The number of the next try."""
        worker.process.join()
        code = worker.process.exitcode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if worker.tries >= self._tries:
            raise UserError(
                f"{label_of(group)}: its process {how}, {worker.tries} times; if memory ran out, fewer --jobs help. "
                "What is finished is kept: the same command goes on from there"
            )
        _log.warning("%s: its process %s; once more", label_of(group), how)
        return worker.tries + 1


def _start(work: Work, number: int) -> _Worker:
    process, connection = spawned(_work, work, number)
    return _Worker(number, process, connection)


def spawned(target: Callable[..., None], *arguments: Any) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    """Begin a process that does not hear Ctrl-C.

    Args:
        target: a function of a module, called there with these arguments and its end of a connection.
        arguments: are pickled.

    Returns:
        The process and this end of the connection.
    """
    # Spawned, not forked: torch's threads and MLflow's connections do not survive a fork.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(*arguments, theirs), daemon=True)
    # Ctrl-C reaches all processes of a terminal. The first one ends the others, which inherit that it is blocked.
    # The resource tracker, which the first spawn would begin, lets it through again (Python 3.11, `ensure_running`).
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()
    return process, ours


def received(connection: Connection, seconds: float | None = None) -> Any:
    """What a process says; None if it died, or said nothing for so many seconds."""
    try:
        return connection.recv() if connection.poll(seconds) else None
    except (EOFError, OSError):
        return None


def _work(work: Work, number: int, connection: Connection) -> None:
    """In a process of its own: compute what comes, and say what was found."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    begin = cache(work.begin)
    with suppress(BrokenPipeError, EOFError):  # the process that waits for this is gone
        while True:
            group: Group = connection.recv()
            answered = answer(lambda *of: begin(number)(*of), group, lambda share: connection.send(("progress", share)))
            connection.send(answered)


def end_with_parent() -> None:
    """Nobody waits for what a worker finds whose parent was killed, and another one may be at its tasks already."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
