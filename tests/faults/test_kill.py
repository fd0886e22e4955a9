"""Studies that are killed at random moments, again and again, end bit for bit as if they had been left alone."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from searchers import SEARCHERS
from tests.studies.small import small_arguments

ROOT = Path(__file__).parents[2]
KILLS = 20
SETTINGS = {"trainings": 12, "candidates_per_step": 2, "max_epochs": 8, "check": "after"}


@pytest.fixture(scope="module")
def nursery():
    words = [sys.executable, "-m", "tests.faults.nursery"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, cwd=ROOT, text=True, **pipes) as process:

        def run(cwd, words, kill_after=None):
            order = {"cwd": str(cwd), "words": words, "kill_after": kill_after}
            print(json.dumps(order), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield run
        process.stdin.close()


def result(folder):
    return json.dumps({**json.loads((folder / "out" / "result.json").read_text()), "seconds": None})


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_killed_at_twenty_random_moments(searcher, nursery, tmp_path):
    words = ["run", *small_arguments(**SETTINGS, searcher=searcher), "--tracking-uri", "none", "--out", "out"]
    whole = tmp_path / "whole"
    whole.mkdir()
    done = nursery(whole, words)
    assert done["code"] == 0, (whole / "log.txt").read_text()
    rng, kills, studies = random.Random(searcher), 0, 0
    while kills < KILLS:
        studies += 1
        killed = tmp_path / f"killed{studies}"
        killed.mkdir()
        words_ = [*words, "--checkpoint-every", "0"]
        code = None
        while code != 0:
            after = rng.uniform(0, 0.6 * done["seconds"]) if kills < KILLS else None
            code = nursery(killed, [*words_, "--resume"], after)["code"]
            assert code in (0, -9), (killed / "log.txt").read_text()
            kills += code == -9
        assert result(killed) == result(whole)
        assert [path.name for path in (killed / "out").iterdir()] == ["result.json"]
        print(searcher, studies, kills, done)
