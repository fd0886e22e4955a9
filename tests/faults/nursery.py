"""A process that has everything loaded and runs commands in children of its own, which may be killed.

    python -m tests.faults.nursery

Reads a JSON object a line: `words` of a command line (the first one: run, compare or tune), the folder to work in,
`cwd`, and `kill_at`, the number of the change on disk before which the command is killed (null: never), see
`tests.faults.moments`. Answers with the exit code, negative for a signal, and the number of changes. Loading takes
seconds and would be most of the time otherwise.
"""

import contextlib
import json
import os
import sys
import tempfile
import threading

import studies.compare
import studies.run
import studies.tune
from studies.common.command import run_app
from tests.faults.moments import Moments
from tests.studies.small import small_arguments

APPS = {"run": studies.run.app_of, "compare": studies.compare.app_of, "tune": lambda _: studies.tune.app}


ROOT = os.getcwd()


def child(order, report):
    os.chdir(order["cwd"])
    log = os.open("log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ["PYTHONPATH"] = ROOT  # for workers
    name, *words = order["words"]
    sys.addaudithook(Moments(order["kill_at"], report))
    run_app(APPS[name](words), words)


def obey(order):
    with tempfile.TemporaryFile() as report:
        pid = os.fork()
        if pid == 0:
            try:
                child(order, report.fileno())
            except SystemExit as left:
                code = left.code
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code or 0)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return {"code": code, "changes": int(os.pread(report.fileno(), 20, 0) or 0)}


def load():
    """Everything that children would load one after the other, machine code too."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
        words = [*small_arguments(), "--threads", "1", "--tracking-uri", "none", "--out", folder]
        studies.run.app(words, exit_on_error=False, print_error=False)


if __name__ == "__main__":
    load()
    assert threading.active_count() == 1, "a fork would lose threads"
    for line in sys.stdin:
        print(json.dumps(obey(json.loads(line))), flush=True)
