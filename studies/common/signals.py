"""Signals that end a command: by an exception, so that runs are closed and temporary files removed.

Not while machine code is made or loaded, though: an exception in the midst of the compiler leaves its locks held, and
the process would wait for them without end. The signal is looked at again soon.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGALRM, SIGHUP, SIGINT, SIGTERM
from types import FrameType

_COMPILERS = ("numba", "llvmlite")
_SOON = 0.05  # seconds


def end_by_exceptions() -> None:
    """Have Ctrl-C, SIGTERM and SIGHUP end this process; those that it was started to ignore stay ignored."""
    for number in (SIGINT, SIGTERM, SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and scripts have it
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    if _is_compiling(frame):
        signal.signal(SIGALRM, lambda _, later: _end(number, later))
        signal.setitimer(signal.ITIMER_REAL, _SOON)
    elif number == SIGINT:
        raise KeyboardInterrupt
    else:
        sys.exit(128 + number)


def _end_behind(error: BaseException, before: BaseException | None) -> BaseException | None:
    """The end of this process that another error hides.

    Args:
        error: that was caught.
        before: what was handled already when the work began that raised it (`sys.exception()`).
    """
    behind: BaseException | None = error
    while behind is not None and behind is not before:
        if isinstance(behind, KeyboardInterrupt | SystemExit):
            return behind
        behind = behind.__cause__ or behind.__context__
    return None


@contextmanager
def ends_uncovered() -> Iterator[None]:
    """Raise the end of this process in place of an error that hides it: libraries tidy up after it, and may fail."""
    before = sys.exception()
    try:
        yield
    except Exception as error:
        end = _end_behind(error, before)
        if end is None:
            raise
        raise end from None


def _is_compiling(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] in _COMPILERS:
            return True
        frame = frame.f_back
    return False
