"""A real MLflow server that is killed in the middle of a study and comes back, or is another one."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.mlflow_runs import told
from tests.studies.small import small_arguments
from tests.waiting import eventually

pytestmark = [pytest.mark.services, pytest.mark.nightly]  # tests/studies/comparison has one that is made up

ROOT = Path(__file__).parents[2]


@pytest.fixture
def port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def server(database, port):
    words = ["--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(database.parent / "files")]
    words += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-m", "mlflow", "server", *words], start_new_session=True, **quiet)
    try:
        assert eventually(lambda: process.poll() is not None or answers(port))
        assert process.poll() is None
        yield process
    finally:
        kill(process)


def answers(port):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=60).close()
    except OSError:
        return False
    return True


def kill(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def study(tmp_path, uri, *words):
    command = [
        sys.executable,
        "-m",
        "tests.faults.gated",
        *small_arguments(max_epochs=40),
        "--tracking-uri",
        uri,
        *words,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, **pipes)


def ended(process):
    _, errors = process.communicate()
    assert "Traceback" not in errors
    return process.returncode, errors


def test_a_server_that_dies_is_told_everything_later(tmp_path, database, port):
    uri = f"http://127.0.0.1:{port}"
    shutil.copy(database, tmp_path / "whole.db")
    with server(database, port) as serving:
        process = study(tmp_path, uri, "--out", "out")
        for line in process.stderr:
            if line.startswith("Phase II,"):
                break
        kill(serving)
        (tmp_path / "gate").touch()
        code, errors = ended(process)
    assert code == 0, errors
    assert "warning: MLflow: could not write" in errors
    assert "waits in out/history.jsonl, the same command with --resume sends it" in errors
    assert told(f"sqlite:///{database}")[0] == "KILLED", "put right by the next process that looks"

    code, errors = ended(study(tmp_path, uri, "--out", "out", "--resume"))
    assert code == 0, "the study is finished, whether a server is there or not"
    assert "MLflow: could not write that the study goes on" in errors
    assert (tmp_path / "out" / "history.jsonl").exists()

    with server(database, port):
        code, errors = ended(study(tmp_path, uri, "--out", "out", "--resume"))
    assert (code, errors) == (0, "")
    assert not [
        path.name
        for path in (tmp_path / "out").iterdir()
        if path.name.endswith(".jsonl") or path.name.startswith("checkpoint")
    ]
    ended(study(tmp_path, f"sqlite:///{tmp_path}/whole.db", "--out", "whole"))
    expected = told(f"sqlite:///{tmp_path}/whole.db")
    assert expected[0] == "FINISHED"
    assert told(f"sqlite:///{database}") == expected
    kept = {path.name for path in (tmp_path / "files").rglob("*") if path.is_file()}
    assert {"candidates.json", "front.json", "result.json", "history.json", "loss.py", "report.html"} <= kept
