"""Disks that are really full: small ones, mounted for the test."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.mlflow_runs import told
from tests.studies.small import small_arguments

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[2]
OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]


def can_mount(tmp_path):
    if shutil.which("unshare") is None:
        return False
    mount = f"mount -t tmpfs -o size=100k tmpfs {tmp_path}"
    return subprocess.run([*OWN_MOUNTS, "sh", "-c", mount], capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    """Runs a shell script with a disk of some KiB at `disk`; `$study` is the command of a small study."""
    if not can_mount(tmp_path):
        pytest.skip("no mounts of one's own here")
    (tmp_path / "disk").mkdir()

    def run(kib, script, *words):
        study = " ".join([sys.executable, "-m", "tests.faults.gated", *small_arguments(max_epochs=60), *words])
        mount = f"mount -t tmpfs -o size={kib}k tmpfs disk"
        text = f"set -u\n{mount} || exit 99\nstudy='{study}'\n{script}"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [*OWN_MOUNTS, "sh", "-c", text], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return run


#: Runs a study whose disk is full from a certain line on that it says.
FILLED = """
($study >>told.txt; echo "first exit $?" >&2) 2>&1 | while read -r line; do
    echo "$line" >&2
    case $line in "%s"*) cat /dev/zero > disk/filler 2>/dev/null; touch gate ;; esac
done
"""


@pytest.mark.nightly
def test_a_full_output_disk_costs_neither_the_report_nor_the_way_so_far(small_disk, tmp_path):
    done = small_disk(
        8000,
        FILLED % "Phase II,"
        + """
        ls disk/out/checkpoints >&2
        rm disk/filler
        $study --resume >>told.txt; echo "second exit $?" >&2
        ls -A disk/out >&2
        cp disk/out/result.json resumed.json
        ${study% --out disk*} --out whole --tracking-uri none >>told.txt
        """,
        *("--out", "disk/out", "--tracking-uri", "none", "--checkpoint-every", "0"),
    )
    first, second = done.stderr.split("first exit ")
    assert "warning: no checkpoint" in first
    last = first.strip().splitlines()[-1]
    assert last == "error: disk/out/result.json: cannot write it: No space left on device"
    assert second.startswith("2\ncheckpoint-"), "those from before are there still"
    left = second.split("second exit ")[1].split()
    assert left[0] == "0"
    assert "result.json" in left
    assert not [name for name in left if "checkpoint" in name or "unfinished" in name]
    assert "Traceback" not in done.stderr
    assert (tmp_path / "told.txt").read_text().count("Best found loss:") == 3, "the report is printed all the same"
    resumed, whole = (json.loads((tmp_path / name).read_text()) for name in ("resumed.json", "whole/result.json"))
    assert {**resumed, "seconds": 0} == {**whole, "seconds": 0}


@pytest.mark.nightly
def test_a_full_tracking_disk_costs_a_warning_and_what_was_missed_is_sent_later(small_disk, tmp_path, migrated):
    shutil.copy(migrated, tmp_path / "whole.db")
    done = small_disk(
        4000,
        f"""
        cp {migrated} disk/mlflow.db
        {FILLED % "Phase II,"}
        ls out >&2
        rm disk/filler
        $study --resume >>told.txt; echo "second exit $?" >&2
        ls out >&2
        cp disk/mlflow.db later.db
        ${{study% --out out *}} --out whole --tracking-uri sqlite:///whole.db >>told.txt
        """,
        *("--out", "out", "--tracking-uri", "sqlite:///disk/mlflow.db"),
    )
    first, second = done.stderr.split("first exit ")
    assert "MLflow: could not write the result: (sqlite3.OperationalError) database or disk is full" in first
    assert "what it lacks waits in out/history.jsonl, the same command with --resume sends it" in first
    before, after = (listed.split() for listed in second.split("second exit "))
    assert before[0] == after[0] == "0"
    assert {"result.json", "history.jsonl"} <= set(before)
    assert "result.json" in after
    assert "history.jsonl" not in after
    assert "Traceback" not in done.stderr
    later = told(f"sqlite:///{tmp_path}/later.db")
    assert later[0] == "FINISHED"
    assert later == told(f"sqlite:///{tmp_path}/whole.db")
