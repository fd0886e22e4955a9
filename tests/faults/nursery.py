"""A process that has everything loaded and runs commands in children of its own, which may be killed.

    python -m tests.faults.nursery

Reads a JSON object a line: `words` of a command line (the first one: run, compare or tune), `kill_after` seconds (null:
never) and the folder to work in, `cwd`. Answers with the exit code, negative for a signal, and the seconds that it
took. Loading takes seconds and would be most of the time otherwise.
"""

import contextlib
import json
import os
import signal
import sys
import tempfile
import threading
import time

import studies.compare
import studies.run
import studies.tune
from studies.command import run_app
from tests.studies.small import small_arguments

APPS = {"run": studies.run.app, "compare": studies.compare.app, "tune": studies.tune.app}


ROOT = os.getcwd()


def child(order):
    os.chdir(order["cwd"])
    log = os.open("log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ["PYTHONPATH"] = ROOT  # for workers
    name, *words = order["words"]
    run_app(APPS[name], words)


def obey(order):
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        try:
            child(order)
        except SystemExit as left:
            code = left.code
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code or 0)
    if order["kill_after"] is not None:
        time.sleep(order["kill_after"])
        os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return {"code": code, "seconds": time.monotonic() - began}


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
