"""What recommenders are trained on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core.common.errors import UserError
from recommenders.common.memory import free_memory

#: The name that stands for whichever back ends can train the recommender.
AUTO = "auto"
_GIB = 2**30


def usable_memory(device: torch.device) -> float:
    """GiB that parameters may take unless a number is given: half of what is free."""
    return free_memory(device) / 2 / _GIB


def check_device(device: torch.device) -> None:
    """Refuse a CUDA device that is not here.

    Raises:
        UserError: torch finds none, or fewer.
    """
    n = torch.cuda.device_count() if device.type == "cuda" and torch.cuda.is_available() else 0
    if device.type != "cuda" or (device.index or 0) < n:
        return
    if n == 0:
        raise UserError(f"--device {device}: torch finds no CUDA device here; use --device auto or cpu")
    there = "cuda:0 alone" if n == 1 else f"cuda:0 to cuda:{n - 1}"
    raise UserError(f"--device {device}: torch finds {there} here")


@dataclass(frozen=True)
class Machine:
    """A device and how it is used.

    Raises:
        UserError: a device that is not here, or a number out of range.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32
    """float32, or float64 for checks."""
    backend: str = AUTO
    """What trains: AUTO, a name of `recommenders.backends.registry.BACKENDS`, or package.module:Class; looked up there
    for a recommender."""
    threads: int = 1
    """CPU cores for machine code; results do not depend on it."""
    memory: float | None = None
    """GiB that the parameters of recommenders in training may take; None: half of what is free."""

    def __post_init__(self) -> None:
        """Check the settings."""
        check_device(self.device)
        if self.threads < 1:
            raise UserError(f"threads: expected at least 1, got {self.threads}")
        if self.memory is not None and not 0 < self.memory < float("inf"):
            raise UserError(f"memory: expected a number of GiB above 0, got {self.memory}")

    def room_for(self, n_bytes: int) -> int:
        """How many things of this size the memory takes; at least one."""
        memory = usable_memory(self.device) if self.memory is None else self.memory
        return max(1, int(memory * _GIB / n_bytes))
