"""Whether memory ran out."""

from __future__ import annotations

import torch

#: What torch says where a CPU has no more memory; it has no class of its own for that.
_CPU_RAN_OUT = ("can't allocate memory", "not enough memory")


def ran_out(error: BaseException) -> bool:
    """Whether this error says that there is no more memory, on a GPU or a CPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _CPU_RAN_OUT)
