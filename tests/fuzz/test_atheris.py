"""Every target holds for some thousands of inputs that atheris finds; `make fuzz` tries more."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

pytestmark = pytest.mark.nightly

#: A file takes milliseconds.
RUNS = {"formula": 4_000, "program": 4_000, "checkpoint": 2_000, "table": 300, "options": 300}


def run(*arguments):
    command = [sys.executable, "-m", "tests.fuzz.atheris_targets", *arguments]
    return subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_holds(target, tmp_path):
    pytest.importorskip("atheris")
    runs = RUNS.get(target, 1_000)
    done = run(target, f"-runs={runs}", "-seed=1", f"-artifact_prefix={tmp_path}/")
    assert done.returncode == 0, done.stderr[-3_000:]
    ran = re.search(r"Done (\d+) runs", done.stderr)
    assert int(ran[1]) >= runs, "the library tries its dictionary beside"
