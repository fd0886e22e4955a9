"""The moments at which a process can be killed, by number and not by a clock.

They are the changes on disk: a file that is opened for writing, renamed or removed. Between two of them nothing happens
that a later process could see, so these are all the moments there are, on any machine.
"""

import os
import signal

RENAMED_OR_REMOVED = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"}


class Moments:
    """Counts changes on disk, and ends this process before one of them."""

    def __init__(self, kill_at, report):
        self.seen, self.kill_at, self.report, self.pid = 0, kill_at, report, os.getpid()

    def __call__(self, event, arguments):
        if not self.is_change(event, arguments) or os.getpid() != self.pid:
            return
        if self.seen == self.kill_at:
            os.kill(self.pid, signal.SIGKILL)
        self.seen += 1
        os.pwrite(self.report, str(self.seen).encode(), 0)

    @staticmethod
    def is_change(event, arguments):
        if event != "open":
            return event in RENAMED_OR_REMOVED
        path, _, flags = arguments
        return isinstance(path, str) and bool(flags & (os.O_WRONLY | os.O_RDWR)) and not path.startswith("/dev/")
