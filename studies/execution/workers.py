"""Processes that compute parts. The results do not depend on how many there are, nor on who finishes first."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from core.common.errors import UserError
from studies.execution.part import Part
from studies.execution.workplace import Report, Workplace

_log = logging.getLogger(__name__)
_MOST_TRIES = 2

#: Computes a part: plain numbers, strings, lists and dicts. A function of a module, which other processes find by name.
Do = Callable[[Part, Workplace, Report], dict[str, Any]]


@dataclass
class _Worker:
    """A process, and the part that it is at."""

    process: multiprocessing.process.BaseProcess
    connection: Connection
    part: Part | None = None
    """None while it waits for one."""
    tries: int = 0
    is_wanted: bool = True
    """Whether somebody still waits for the part."""


class Workers:
    """As many processes as a workplace has jobs; each computes one part after the other.

    Args:
        place: how many, and what they need.
        do: what they do.
    """

    def __init__(self, place: Workplace, do: Do) -> None:
        self._place, self._do = place, do
        self._workers: list[_Worker] = []

    def __enter__(self) -> Workers:
        """Processes start when there is something to do."""
        return self

    def __exit__(self, *error: object) -> None:
        """None of them lives on."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
        self._workers.clear()

    def compute(
        self, parts: Sequence[Part], on_progress: Callable[[Part, float], None]
    ) -> Generator[tuple[Part, dict[str, Any]]]:
        """Compute parts. Whoever stops asking leaves parts that were begun to be finished for nobody.

        Args:
            parts: begun in this order.
            on_progress: told how far a part is, from 0 to 1.

        Yields:
            Parts as they are finished, with what was found.

        Raises:
            UserError: one that a part raised; or a part whose process died again and again.
            RuntimeError: a defect in a part.
        """
        waiting, missing = deque((part, 1) for part in parts), len(parts)
        try:
            while missing:
                self._hand_out(waiting)
                for worker in self._ready():
                    message, part = _receive(worker), worker.part
                    if message is None:
                        self._workers.remove(worker)
                        if worker.is_wanted:
                            assert part is not None, "a wanted part is there"
                            waiting.appendleft((part, _after_death(worker, part)))
                        continue
                    if message[0] != "progress":
                        worker.part = None
                    if worker.is_wanted and part is not None:
                        if message[0] == "progress":
                            on_progress(part, message[1])
                            continue
                        missing -= 1
                        yield part, _found(part, *message)
        finally:
            for worker in self._workers:
                worker.is_wanted = False

    def _hand_out(self, waiting: deque[tuple[Part, int]]) -> None:
        """Give everybody something to do, as far as there is anything."""
        while waiting:
            worker = next((one for one in self._workers if one.part is None), None)
            if worker is None and len(self._workers) < self._place.jobs:
                worker = _start(self._place, self._do)
                self._workers.append(worker)
            if worker is None:
                return
            worker.part, worker.tries = waiting.popleft()
            worker.is_wanted = True
            with suppress(BrokenPipeError):  # it died; that is noticed when it is listened to
                worker.connection.send(worker.part)

    def _ready(self) -> list[_Worker]:
        """The workers at work that have something to say, or died."""
        busy = {worker.connection: worker for worker in self._workers if worker.part is not None}
        heard = wait(list(busy))
        return [worker for connection, worker in busy.items() if connection in heard]


def _start(place: Workplace, do: Do) -> _Worker:
    # Spawned, not forked: torch's threads and MLflow's connections do not survive a fork.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(place, do, theirs), daemon=True)
    # Ctrl-C reaches all processes of a terminal. The first one ends the others, which inherit that it is blocked.
    # The resource tracker, which the first spawn would begin, lets it through again (Python 3.11, `ensure_running`).
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()
    return _Worker(process, ours)


def _receive(worker: _Worker) -> tuple[str, Any] | None:
    """What a worker says; None if it died."""
    try:
        message: tuple[str, Any] = worker.connection.recv()
    except (EOFError, OSError):
        return None
    return message


def _after_death(worker: _Worker, part: Part) -> int:
    """The number of the next try."""
    worker.process.join()
    code = worker.process.exitcode or 0
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    if worker.tries >= _MOST_TRIES:
        raise UserError(
            f"{part.label}: its process {how}, {worker.tries} times; if memory ran out, fewer --jobs help. "
            "What is finished is kept: the same command goes on from there"
        )
    _log.warning("%s: its process %s; once more", part.label, how)
    return worker.tries + 1


def _found(part: Part, kind: str, content: Any) -> dict[str, Any]:
    if kind == "found":
        found: dict[str, Any] = content
        return found
    if kind == "refused":
        raise UserError(f"{part.label}: {content}")
    raise RuntimeError(f"{part.label}:\n{content}")


def _work(place: Workplace, do: Do, connection: Connection) -> None:
    """In a process of its own: compute what comes, and say what was found."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(BrokenPipeError, EOFError):  # the process that waits for this is gone
        while True:
            part: Part = connection.recv()
            connection.send(_answer(part, place, do, connection))


def _answer(part: Part, place: Workplace, do: Do, connection: Connection) -> tuple[str, Any]:
    try:
        return "found", do(part, place, lambda share: connection.send(("progress", share)))
    except BrokenPipeError:
        raise
    except UserError as error:
        return "refused", str(error)
    except Exception:  # told where a person sees it
        return "failed", traceback.format_exc()


def _end_with_parent() -> None:
    """Nobody waits for what a worker finds whose parent was killed, and another one may be at its part already."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
