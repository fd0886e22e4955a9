"""Waiting for other processes, which may be slow: for what they do and never for a time."""

import threading
import time
from contextlib import contextmanager

#: Seconds after which something must be wrong, on whatever machine.
NEVER = 600


def eventually(condition):
    """Whether something becomes true."""
    end = time.monotonic() + NEVER
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


@contextmanager
def bounded(process):
    """Whoever reads what this process says is not left waiting for ever by one that hangs."""
    guard = threading.Timer(NEVER, process.kill)
    guard.start()
    try:
        yield process
    finally:
        guard.cancel()
