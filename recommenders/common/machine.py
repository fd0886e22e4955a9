"""The device that recommenders are trained on, and its resources."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch

from core.common.errors import UserError
from recommenders.common.memory import free_memory

#: The name for: every back end that can train the recommender.
AUTO = "auto"
_GIB = 2**30


def usable_memory(device: torch.device) -> float:
    """Return the default memory for parameters in GiB: half of what is free."""
    return free_memory(device) / 2 / _GIB


def check_device(device: torch.device) -> None:
    """Check that a CUDA device exists.

    Raises:
        UserError: torch finds no CUDA device, or none with this number.
    """
    n = torch.cuda.device_count() if device.type == "cuda" and torch.cuda.is_available() else 0
    if device.type != "cuda" or (device.index or 0) < n:
        return
    if n == 0:
        raise UserError(f"--device {device}: torch finds no CUDA device here; use --device auto or cpu")
    there = "cuda:0 alone" if n == 1 else f"cuda:0 to cuda:{n - 1}"
    raise UserError(f"--device {device}: torch finds {there} here")


def pick_device(name: str) -> torch.device:
    """Return the device that a name stands for; auto is cuda where there is one.

    Raises:
        UserError: an unknown name, or a CUDA device that is not here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:(0|[1-9][0-9]?))?", name):
        raise UserError(f"--device: expected auto, cpu, cuda or cuda:N for one of several GPUs, got {name!r}")
    check_device(device := torch.device(name))
    return device


@dataclass(frozen=True)
class Machine:
    """A device and its resources.

    Raises:
        UserError: a device that does not exist, or a number out of range.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32
    """float32, or float64 for tests."""
    backend: str = AUTO
    """The back end: AUTO, a key of `recommenders.backends.registry.BACKENDS`, or package.module:Class. It is checked
    when a recommender is to be trained."""
    threads: int = 1
    """CPU cores for compiled code; results do not depend on it."""
    memory: float | None = None
    """GiB for the parameters of recommenders in training; None: half of what is free."""

    def __post_init__(self) -> None:
        """Check the settings."""
        check_device(self.device)
        if self.threads < 1:
            raise UserError(f"threads: expected at least 1, got {self.threads}")
        if self.memory is not None and not 0 < self.memory < float("inf"):
            raise UserError(f"memory: expected a number of GiB above 0, got {self.memory}")

    def room_for(self, n_bytes: int) -> int:
        """Return how many objects of this size fit into the memory, at least one."""
        memory = usable_memory(self.device) if self.memory is None else self.memory
        return max(1, int(memory * _GIB / n_bytes))
