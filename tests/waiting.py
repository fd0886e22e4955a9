"""Waiting for other processes, which may be slow: for what they do and never for a time."""

import time

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
