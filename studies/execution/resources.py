"""What a worker may use of its machine, and where it finds data and unfinished work. Neither changes any result."""

from __future__ import annotations

import hashlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from core.common.errors import UserError
from recommenders.common.machine import pick_device, usable_memory
from recommenders.data import DataFiles
from studies.common.processes import usable_cores
from studies.execution.task import CHECKPOINTS, Task, label_of
from studies.storage.checkpoints import Checkpoints, OnCheckpoint, no_checkpoints

_log = logging.getLogger(__name__)

#: Told how far a group of tasks is, from 0 to 1.
Report = Callable[[float], None]


@dataclass(frozen=True)
class Resources:
    """What workers may use. It is asked for where a command runs, and resolved where the work is done."""

    threads: int = 1
    """CPU cores of each worker."""
    memory: float | None = None
    """GiB for the parameters of recommenders in training, of all workers of a machine; None: half of what is free."""
    device: str = "auto"
    """Where to train: auto, cpu, cuda, or one of several GPUs, such as cuda:1."""

    @property
    def usual_workers(self) -> int:
        """How many workers suit this machine: one for each GPU that is trained on, or one for each CPU core."""
        device = pick_device(self.device)
        return usable_cores() if device.type != "cuda" else _n_gpus(device)

    def here(self, worker: int, workers: int) -> Resources:
        """Resolve device and memory on the machine of a worker.

        Args:
            worker: its number among those of the machine, from 0.
            workers: how many these are.

        Returns:
            The device by its number where there are several, and this worker's share of the memory.
        """
        device = pick_device(self.device)
        n_gpus = _n_gpus(device)
        if n_gpus > 1:
            device = torch.device("cuda", worker % n_gpus)
        if self.memory is not None:
            return replace(self, device=str(device), memory=self.memory / workers)
        sharing = -(-workers // n_gpus)
        return replace(self, device=str(device), memory=usable_memory(device) / sharing)


def _n_gpus(device: torch.device) -> int:
    """GPUs that a device stands for: all, unless it is one of them; 1 for a CPU."""
    return torch.cuda.device_count() if device.type == "cuda" and device.index is None else 1


@dataclass(frozen=True)
class Checkpointer:
    """What is saved of tasks that are not finished."""

    stored: Mapping[str, Any] | None = None
    """The state to go on from; None to begin at the beginning."""
    on_checkpoint: OnCheckpoint = no_checkpoints
    """Told wherever the tasks could go on from."""


class Storage(ABC):
    """Where workers find data and keep unfinished work. It is sent to them, and has to be usable where they are."""

    @abstractmethod
    def data(self, digest: str | None) -> DataFiles:
        """Find the files of a data set, as paths on this machine.

        Args:
            digest: of the files, as in a task's content; None for data sets that need none.
        """

    @abstractmethod
    def checkpointer(self, tasks: Sequence[Task]) -> Checkpointer:
        """Find what is kept of a group of tasks that was begun, and where to keep more."""

    @abstractmethod
    def forget(self, tasks: Sequence[Task]) -> None:
        """Remove what is kept of a group: its results are in the cache."""

    @abstractmethod
    def forget_all(self) -> None:
        """Remove what is kept of all groups: everything is finished."""


@dataclass(frozen=True)
class LocalStorage(Storage):
    """Files on this machine."""

    files: Mapping[str | None, DataFiles] = field(default_factory=dict)
    """Digest -> the files of a data set that needs some."""
    keep: Path | None = None
    """Folder for the checkpoints of unfinished tasks; None: none are made."""
    every: float = 30.0
    """Seconds between checkpoints of a group."""

    def data(self, digest: str | None) -> DataFiles:
        """See Storage."""
        return DataFiles() if digest is None else self.files[digest]

    def checkpointer(self, tasks: Sequence[Task]) -> Checkpointer:
        """See Storage; a checkpoint that cannot be used costs a warning and the way up to it."""
        checkpoints = self._checkpoints(tasks)
        if checkpoints is None:
            return Checkpointer()
        try:
            return Checkpointer(checkpoints.load(), checkpoints.save_if_due)
        except UserError as error:
            _log.warning("warning: %s begins anew: %s", label_of(tasks), error)
            return Checkpointer(None, checkpoints.save_if_due)

    def forget(self, tasks: Sequence[Task]) -> None:
        """See Storage."""
        checkpoints = self._checkpoints(tasks)
        if checkpoints is not None:
            checkpoints.clear()

    def forget_all(self) -> None:
        """See Storage."""
        if self.keep is not None:
            for folder in self.keep.glob(f"*{CHECKPOINTS}"):
                Checkpoints(folder, {}).clear()

    def _checkpoints(self, tasks: Sequence[Task]) -> Checkpoints | None:
        """Of these tasks together, in this order."""
        if self.keep is None:
            return None
        name = tasks[0].file
        if len(tasks) > 1:
            all_files = "\n".join(task.file for task in tasks)
            name = f"together-{len(tasks)}-{hashlib.sha256(all_files.encode()).hexdigest()[:12]}.json"
        return Checkpoints(self.keep / f"{name}{CHECKPOINTS}", {"part": name}, self.every)
