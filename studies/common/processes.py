"""This process: how it ends, its outputs, its warnings, its cores; and whether one that left a note still runs.

Signals end a command by an exception, so that runs are closed and temporary files removed. Not while machine code is
made or loaded, though: an exception in the midst of the compiler leaves its locks held, and the process would wait for
them without end. The signal is looked at again soon.
"""

from __future__ import annotations

import os
import platform
import signal
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from signal import SIGALRM, SIGHUP, SIGINT, SIGTERM
from types import FrameType
from typing import Any, TextIO, cast

#: Exit codes, as shells count signals.
BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 2, 130, 141
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


class Tolerant:
    """An output that may break: its reader may go away, its disk fill up, its terminal be closed.

    What is written after that is dropped. Signs that its encoding lacks are replaced.

    Args:
        stream: to write to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.problem: OSError | None = None
        """What went wrong first."""
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")

    def write(self, text: str) -> int:
        """See TextIOBase."""
        self._attempt(self._stream.write, text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """See TextIOBase."""
        self.write("".join(lines))

    def flush(self) -> None:
        """See TextIOBase."""
        self._attempt(self._stream.flush)

    def end(self) -> int:
        """What a command leaves with that has done its work; an output that could not be written is told."""
        self.flush()
        if self.problem is None:
            return 0
        if isinstance(self.problem, BrokenPipeError):
            return BROKEN_PIPE
        print(f"error: cannot write to the standard output: {self.problem.strerror}", file=sys.stderr)
        return BAD_INPUT

    def _attempt(self, do: Any, *arguments: str) -> None:
        try:
            do(*arguments)
        except OSError as error:
            self.problem = self.problem or error
            self._lead_nowhere()

    def _lead_nowhere(self) -> None:
        """What is still in buffers, and what other code writes to the same number, must not fail again."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        """All else as the stream has it."""
        return getattr(self._stream, name)


def tolerate() -> Tolerant:
    """Make both outputs of this process tolerant, and lead them nowhere where they are closed; gives stdout."""
    for number in (1, 2):
        try:
            os.fstat(number)
        except OSError:  # or the next file that is opened would have this number, and what is printed go there
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
    out, err = (
        Tolerant(stream or os.fdopen(number, "w", encoding="utf-8", closefd=False))
        for number, stream in ((1, sys.stdout), (2, sys.stderr))
    )
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    return out


#: A block without warnings: Optuna warns of experimental features and values outside of their ranges, which are meant.
quiet = partial(warnings.catch_warnings, action="ignore")


def warnings_end_nothing() -> None:
    """Take back what makes errors of warnings: no study ends because a library warns."""
    kept = [each for each in warnings.filters if each[0] != "error"]
    if len(kept) < len(warnings.filters):
        warnings.filters[:] = kept  # type: ignore[index]
        warnings.simplefilter("default", append=True)  # what holds anyway; Python notices the change by it


def warnings_end_no_command() -> None:
    """The same for a whole process, and for those that it starts (PYTHONWARNINGS=error, -W error)."""
    warnings_end_nothing()
    sys.warnoptions[:] = [each for each in sys.warnoptions if not _is_error(each)]
    given = os.environ.get("PYTHONWARNINGS", "")
    if given:
        os.environ["PYTHONWARNINGS"] = ",".join(each for each in given.split(",") if not _is_error(each))


def _is_error(option: str) -> bool:
    action = option.partition(":")[0].strip().lower()  # may be shortened
    return bool(action) and "error".startswith(action)


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


def cpu_name() -> str:
    """The name of the CPU, as its maker calls it where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
