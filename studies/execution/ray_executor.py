"""Tasks on a Ray cluster. Another process is connected to it, which Ray may end: a command outlives its cluster.

Ray ends a process that has lost its cluster. The one that does is begun again here, connects to the cluster when it is
back, and is given what is not finished.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from core.common.errors import UserError
from studies.execution.executor import Executor, OnProgress, Work, results_of
from studies.execution.processes import received, spawned
from studies.execution.ray_cluster import Plan
from studies.execution.ray_connection import LOCAL, hold, silence
from studies.execution.task import Result, Task, grouped

_log = logging.getLogger(__name__)

#: Ray counts in ten-thousandths; a million of anything is more than any node has.
_LEAST, _MOST = 1e-4, 1e6

_PAUSE = 1.0  # seconds between two attempts to connect
_GOODBYE = 30.0  # seconds that leaving a cluster may take
_ATTEMPT = 90.0  # seconds for one attempt: Ray itself tries what is no cluster for a quarter of an hour


class RayExecutor(Executor):
    """Workers on the nodes of a Ray cluster, which have this project installed.

    Args:
        work: how tasks are computed.
        address: of the cluster: `auto` is the one that this machine belongs to, or that RAY_ADDRESS names; `local` is
            one of its own on this machine; HOST:PORT or ray://HOST:PORT any other one.
        tries: how often a group is begun whose worker dies.
        memory: GiB that a task takes, so that no node has more of them than fit; None: memory is not counted.
        gpus: GPUs of a task where GPUs are trained on; several tasks share one if it is less than 1.
        shared: whether nodes have the command's folder by the same path, so that unfinished work is kept there.
        patience: seconds to wait for a cluster that was lost.
    """

    def __init__(
        self,
        work: Work,
        address: str = "auto",
        tries: int = 3,
        memory: float | None = None,
        gpus: float = 1.0,
        shared: bool = False,
        patience: float = 300.0,
    ) -> None:
        if tries < 1:
            raise UserError(f"tries: expected at least 1, got {tries}")
        if memory is not None and not _LEAST <= memory <= _MOST:
            raise UserError(f"memory: expected a number of GiB from {_LEAST:g} to {_MOST:g}, got {memory:g}")
        if not (_LEAST <= gpus <= 1 or (gpus == math.floor(gpus) and 0 < gpus <= _MOST)):
            raise UserError(f"gpus: expected a part of one from {_LEAST:g} on, or a whole number, got {gpus:g}")
        if not patience >= 0:
            raise UserError(f"patience: expected seconds from 0 on, got {patience:g}")
        if work.resources.device.startswith("cuda:"):
            raise UserError(f"--device {work.resources.device}: a cluster chooses among GPUs; use --device cuda")
        self._plan = Plan(work, address, tries, memory, gpus, shared or address == LOCAL)
        self._patience, self._runs = patience, count()
        self._process: tuple[BaseProcess, Connection] | None = None
        self._has_been_connected = False

    def run(self, tasks: Sequence[Task], on_progress: OnProgress) -> Generator[tuple[Task, Result]]:
        """See Executor; nothing is told of the progress of a task."""
        groups, run = dict(enumerate(grouped(tasks))), next(self._runs)
        losses = 0
        try:
            self._ask(run, groups)
            while groups:
                if self._process is None:
                    self._connect()
                    self._ask(run, groups)
                message: tuple[Any, ...] = self._heard() or ("lost", "its connection ended")
                if message[0] == "lost":
                    losses += 1
                    self._lost(losses, message[1])
                elif message[0] == "said":
                    _log.warning("warning: %s", message[1])
                elif message[0] == "refused":
                    raise UserError(message[1])
                elif message[1] == run:
                    losses = 0
                    yield from results_of(groups[message[2]], message[3])
                    del groups[message[2]]
        finally:
            if groups:
                self._ask(run, {})

    def close(self) -> None:
        """See Executor."""
        if self._process is None:
            return
        process, connection = self._process
        self._process = None
        connection.close()
        process.join(_GOODBYE)
        process.kill()
        process.join()

    def _connect(self) -> None:
        """Begin the process that is connected; wait for a cluster that was there before.

        Raises:
            UserError: there is no such cluster.
        """
        until = time.monotonic() + (self._patience if self._has_been_connected else 0.0)
        while True:
            self._process = spawned(hold, self._plan)
            heard = self._heard(_ATTEMPT)
            if heard is None:
                self._process[0].kill()  # it would not notice that nobody listens any more
            kind, told = heard or ("unreachable", silence(self._plan.address))
            if kind == "connected":
                self._has_been_connected = True
                return
            self.close()
            if time.monotonic() >= until:
                kept = "; what is finished is kept: the same command goes on from there"
                raise UserError(f"executor ray: {told}{kept if self._has_been_connected else ''}")
            time.sleep(_PAUSE)

    def _heard(self, seconds: float | None = None) -> Any:
        """What the process says; None if it died, or said nothing for so many seconds."""
        assert self._process is not None, "begun before"
        return received(self._process[1], seconds)

    def _ask(self, run: int, groups: dict[int, tuple[Task, ...]]) -> None:
        """Have groups computed, and nothing else."""
        if self._process is not None:
            with suppress(BrokenPipeError):  # it died; that is noticed when it is listened to
                self._process[1].send((run, groups))

    def _lost(self, losses: int, why: str) -> None:
        self.close()
        if losses > self._plan.tries:
            raise UserError(
                f"executor ray: the cluster was lost {losses} times ({why}), and nothing was finished in between. "
                "What was finished before is kept: the same command goes on from there"
            )
        _log.warning("warning: the Ray cluster was lost (%s); connecting again", why)
