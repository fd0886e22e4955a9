"""What recommenders are trained on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core.common.errors import UserError
from recommenders.common.memory import free_memory

#: What trains: machine code on a CPU where the recommender brings some, else torch; or always torch.
BACKENDS = ("auto", "torch")
_GIB = 2**30


def usable_memory(device: torch.device) -> float:
    """GiB that parameters may take unless a number is given: half of what is free."""
    return free_memory(device) / 2 / _GIB


@dataclass(frozen=True)
class Machine:
    """A device and how it is used.

    Raises:
        UserError: an unknown back end, or a number out of range.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32
    """float32, or float64 for checks."""
    backend: str = "auto"
    """One of BACKENDS."""
    threads: int = 1
    """CPU cores for machine code; results do not depend on it."""
    memory: float | None = None
    """GiB that the parameters of recommenders in training may take; None: half of what is free."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.backend not in BACKENDS:
            raise UserError(f"backend: expected {' or '.join(BACKENDS)}, got {self.backend!r}")
        if self.threads < 1:
            raise UserError(f"threads: expected at least 1, got {self.threads}")
        if self.memory is not None and not 0 < self.memory < float("inf"):
            raise UserError(f"memory: expected a number of GiB above 0, got {self.memory}")

    def room_for(self, n_bytes: int) -> int:
        """How many things of this size the memory takes; at least one."""
        memory = usable_memory(self.device) if self.memory is None else self.memory
        return max(1, int(memory * _GIB / n_bytes))
