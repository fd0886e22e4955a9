"""The two outputs of a process: one that cannot be written costs what was to be seen, and nothing else."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import Any, TextIO, cast


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
