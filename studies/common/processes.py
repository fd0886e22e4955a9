"""Telling whether the process that left a note still runs."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def this_process() -> str:
    """A name for this process that no other one gets: host, process namespace, number, time of its start."""
    return f"{_here()} {os.getpid()} {_start(os.getpid())}"


def has_died(name: str) -> bool:
    """Whether the process of this name ended; False where that cannot be told, as for another machine's."""
    here, _, rest = name.rpartition(" ")[0].rpartition(" ")
    start = name.rpartition(" ")[2]
    return here == _here() and rest.isdigit() and _start(int(rest)) != start


def _here() -> str:
    try:
        namespace = os.readlink("/proc/self/ns/pid")  # containers may share a host name
    except OSError:
        namespace = "-"
    return f"{socket.gethostname()} {namespace}"


def _start(pid: int) -> str:
    """When a process started, in clock ticks since the machine did; a dash if there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return fields[19]
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "-"
    except OSError:
        pass
    return "0"


def usable_cores() -> int:
    """CPU cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1
