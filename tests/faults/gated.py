"""A study that waits, once it has said that Phase II begins, until the file `gate` is there.

    python -m tests.faults.gated OPTIONS

So what a test does to it in the meantime is done in time on any machine.
"""

import sys
from pathlib import Path

from studies.common.command import run_app
from studies.run import app
from tests.waiting import eventually

GATE = Path("gate").absolute()


class Gated:
    """Standard error, and a gate in it."""

    def __init__(self, stream):
        self.stream = stream

    def write(self, text):
        written = self.stream.write(text)
        self.stream.flush()
        if "Phase II," in text:
            assert eventually(GATE.exists)
        return written

    def __getattr__(self, name):
        return getattr(self.stream, name)


if __name__ == "__main__":
    sys.stderr = Gated(sys.stderr)
    run_app(app, sys.argv[1:])
