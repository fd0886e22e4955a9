"""Recognise out-of-memory errors."""

from __future__ import annotations

import torch

#: Parts of torch's messages for a CPU that ran out of memory: there is no exception class for that.
_CPU_RAN_OUT = ("can't allocate memory", "not enough memory")


def ran_out(error: BaseException) -> bool:
    """Return whether an error means that a GPU or CPU ran out of memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _CPU_RAN_OUT)
