"""Measure free memory, and react when it runs out."""

from __future__ import annotations

import logging
from pathlib import Path

import psutil
import torch

from core.common.memory import ran_out

_log = logging.getLogger(__name__)
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def free_memory(device: torch.device) -> int:
    """Return the bytes that can still be allocated on a device, within the limit of the container, if any."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return min([psutil.virtual_memory().available, *_left_to_container()])


def _left_to_container() -> list[int]:
    left = []
    for limit, used in _CGROUPS:
        try:
            left.append(max(0, int(Path(limit).read_text()) - int(Path(used).read_text())))
        except (OSError, ValueError):  # there is no such file, or it says "max"
            continue
    return left


def half_of(n: int, error: Exception) -> int:
    """Return how many candidates to try next after memory ran out: half as many.

    Args:
        n: how many were tried.
        error: the error that was raised.

    Raises:
        Exception: the error, if it is not an out-of-memory error or n is 1.
    """
    if n < 2 or not ran_out(error):
        raise error
    _log.warning(
        "warning: memory ran out with %d candidates at a time, going on with %d; --memory sets a limit", n, n // 2
    )
    return n // 2
