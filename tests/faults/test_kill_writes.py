"""Whatever is written to a folder, and before whichever change on disk it is killed: done again, it ends the same.

Here every moment is tried, with little in the folder; `tests.faults.test_kill` draws some of whole studies.
"""

import os
import shutil
import signal
import sys
import tempfile

import pytest

from studies.execution.runner import ResultCache
from studies.execution.task import CHECKPOINTS, Task
from studies.storage.checkpoints import Checkpoints
from studies.storage.ledger import LEDGER
from studies.storage.locking import own_folder
from tests.faults.moments import Moments


def study(folder, resume):
    """All that a study does in its folder."""
    with own_folder(folder) as out:
        checkpoints = Checkpoints(folder / "checkpoints", {})
        out.claim("checkpoints", "result.json", "model", "sent")
        if not resume:
            checkpoints.set_aside(out)
            out.set_aside("sent")
        number = (checkpoints.load() or {"number": 0})["number"]
        for i in range(number + 1, 4):
            checkpoints.write({"number": i})
        out.growing("sent").write_bytes(b"all lines\n")
        out.write("result.json", b"{}\n")
        out.write_folder("model", model)
        out.remove("old.py")
        checkpoints.clear()


def model(path):
    (path / "code").mkdir(parents=True)
    for name in ("MLmodel", "code/a.py"):
        (path / name).write_text(name)


def comparison(folder, resume):
    """The same of a comparison."""
    with own_folder(folder) as out:
        if not resume:
            out.set_aside("parts")
        parts = ResultCache(folder / "parts")
        for task in (Task("study", name, {}) for name in ("one", "other")):
            checkpoints = Checkpoints(parts.path / f"{task.file}{CHECKPOINTS}", {})
            checkpoints.load()
            checkpoints.write({"number": 1})
            parts.write(task, {"found": 1})
            checkpoints.clear()
        out.write("result.json", b"{}\n")


def files(folder):
    """What is there, but for what was set aside: a study that was killed had less to set aside."""
    inner = [one.relative_to(folder) for one in sorted(folder.rglob("*")) if one.name != LEDGER]
    return {
        str(one): (folder / one).is_file() and (folder / one).read_bytes()
        for one in inner
        if not one.parts[0].endswith(".before")
    }


def killed(do, at):
    """Do something in a child that ends before this change on disk; how many it made."""
    with tempfile.TemporaryFile() as report:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                sys.addaudithook(Moments(at, report.fileno()))
                do()
                code = 0
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert code == (0 if at is None else -signal.SIGKILL)
        return int(os.pread(report.fileno(), 20, 0) or 0)


@pytest.mark.parametrize(
    ("do", "resume", "before"),
    [
        pytest.param(study, True, "nothing", marks=pytest.mark.nightly),
        (study, True, "one that ended"),
        (study, False, "one that was killed"),
        pytest.param(comparison, True, "one that was killed", marks=pytest.mark.nightly),
        (comparison, False, "one that ended"),
    ],
)
def test_killed_at_any_moment_it_ends_the_same_and_calls_nothing_of_its_own_foreign(tmp_path, do, resume, before):
    start = tmp_path / "start"
    start.mkdir()
    if before != "nothing":
        do(start, resume)
        (start / "old.py").write_text("theirs")
    if before == "one that was killed":
        Checkpoints(start / "checkpoints", {}).write({"number": 1})
    whole = shutil.copytree(start, tmp_path / "whole")
    changes = killed(lambda: do(whole, resume), None)
    assert changes > 20
    for at in range(changes):
        folder = shutil.copytree(start, tmp_path / f"killed{at}")
        killed(lambda folder=folder: do(folder, resume), at)
        do(folder, resume)
        assert files(folder) == files(whole), at
        shutil.rmtree(folder)
