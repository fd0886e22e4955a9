import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def nursery():
    """Runs commands in processes that are loaded already, and kills them: see `tests.faults.nursery`."""
    words = [sys.executable, "-m", "tests.faults.nursery"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, cwd=ROOT, text=True, **pipes) as process:

        def run(cwd, words, kill_at=None):
            order = {"cwd": str(cwd), "words": words, "kill_at": kill_at}
            print(json.dumps(order), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield run
        process.stdin.close()


@pytest.fixture
def database(migrated, tmp_path):
    path = tmp_path / "mlflow.db"
    shutil.copy(migrated, path)
    return path
