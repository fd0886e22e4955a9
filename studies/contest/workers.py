"""Parts spread over processes. The results do not depend on how many there are, nor on who finishes first."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from core.errors import UserError
from studies.contest.parts import Part
from studies.contest.work import Workplace, do

_log = logging.getLogger(__name__)
_MOST_TRIES = 2


@dataclass
class _Worker:
    """A process at work on a part."""

    part: Part
    tries: int
    process: multiprocessing.process.BaseProcess
    connection: Connection


def compute(
    parts: Sequence[Part], place: Workplace, on_progress: Callable[[Part, float], None]
) -> Iterator[tuple[Part, dict[str, Any]]]:
    """Compute parts, in processes of their own.

    Args:
        parts: begun in this order.
        place: how many processes, and what they need.
        on_progress: told how far a part is, from 0 to 1.

    Yields:
        Parts as they are finished, with what was found.

    Raises:
        UserError: one that a part raised; or a part whose process died again and again.
        RuntimeError: a defect in a part.
    """
    waiting = deque((part, 1) for part in parts)
    working: list[_Worker] = []
    try:
        while waiting or working:
            while waiting and len(working) < place.jobs:
                working.append(_start(*waiting.popleft(), place))
            for worker in _ready(working):
                message = _receive(worker)
                if message is None:
                    working.remove(worker)
                    waiting.appendleft((worker.part, _after_death(worker)))
                elif message[0] == "progress":
                    on_progress(worker.part, message[1])
                else:
                    working.remove(worker)
                    worker.process.join()
                    yield worker.part, _found(worker.part, *message)
    finally:
        for worker in working:
            worker.process.terminate()
        for worker in working:
            worker.process.join()


def _start(part: Part, tries: int, place: Workplace) -> _Worker:
    # Spawned, not forked: torch's threads and MLflow's connections do not survive a fork.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(part, place, theirs), name=part.label, daemon=True)
    # Ctrl-C reaches all processes of a terminal. The first one ends the others, which inherit that it is blocked.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()
    return _Worker(part, tries, process, ours)


def _ready(working: Sequence[_Worker]) -> list[_Worker]:
    """The workers that have something to say, or died."""
    heard = wait([worker.connection for worker in working])
    return [worker for worker in working if worker.connection in heard]


def _receive(worker: _Worker) -> tuple[str, Any] | None:
    """What a worker says; None if it died."""
    try:
        message: tuple[str, Any] = worker.connection.recv()
    except (EOFError, OSError):
        return None
    return message


def _after_death(worker: _Worker) -> int:
    """The number of the next try."""
    worker.process.join()
    code = worker.process.exitcode or 0
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    if worker.tries >= _MOST_TRIES:
        raise UserError(
            f"{worker.part.label}: its process {how}, {worker.tries} times; if memory ran out, fewer --jobs help. "
            "What is finished is kept: the same command goes on from there"
        )
    _log.warning("%s: its process %s; once more", worker.part.label, how)
    return worker.tries + 1


def _found(part: Part, kind: str, content: Any) -> dict[str, Any]:
    if kind == "found":
        found: dict[str, Any] = content
        return found
    if kind == "refused":
        raise UserError(f"{part.label}: {content}")
    raise RuntimeError(f"{part.label}:\n{content}")


def _work(part: Part, place: Workplace, connection: Connection) -> None:
    """In a process of its own: compute, and say what was found."""
    with suppress(BrokenPipeError):  # the process that waits for this is gone
        message: tuple[str, Any]
        try:
            message = ("found", do(part, place, lambda share: connection.send(("progress", share))))
        except BrokenPipeError:
            raise
        except UserError as error:
            message = ("refused", str(error))
        except Exception:  # told where a person sees it
            message = ("failed", traceback.format_exc())
        connection.send(message)
