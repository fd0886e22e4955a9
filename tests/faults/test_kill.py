"""Studies that are killed at random moments, again and again, end bit for bit as if they had been left alone."""

import json
import random
import shutil

import pytest

from searchers import SEARCHERS
from tests.faults.mlflow_runs import told
from tests.studies.small import small_arguments

KILLS = 20
SETTINGS = {"trainings": 12, "candidates_per_step": 2, "max_epochs": 8, "check": "after"}


def result(folder):
    return json.dumps({**json.loads((folder / "out" / "result.json").read_text()), "seconds": None})


def fresh(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    return folder


def kill_and_resume(nursery, folder, words, rng, longest, kills):
    """Run a command until it ends, killed at random moments, at most so many times; how often it was."""
    done = 0
    while True:
        after = rng.uniform(0, longest) if done < kills else None
        code = nursery(folder, [*words, "--resume", "--checkpoint-every", "0"], after)["code"]
        assert code in (0, -9), (folder / "log.txt").read_text()
        if code == 0:
            return done
        done += 1


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_killed_at_twenty_random_moments(searcher, nursery, tmp_path):
    words = ["run", *small_arguments(**SETTINGS, searcher=searcher), "--tracking-uri", "none", "--out", "out"]
    whole = fresh(tmp_path, "whole")
    left_alone = nursery(whole, words)
    assert left_alone["code"] == 0, (whole / "log.txt").read_text()
    rng, kills, studies = random.Random(searcher), 0, 0
    while kills < KILLS:
        studies += 1
        killed = fresh(tmp_path, f"killed{studies}")
        kills += kill_and_resume(nursery, killed, words, rng, 0.6 * left_alone["seconds"], KILLS - kills)
        assert result(killed) == result(whole)
        assert [path.name for path in (killed / "out").iterdir()] == ["result.json"]


def test_mlflow_has_one_whole_run_of_a_study_that_was_killed(nursery, tmp_path, migrated):
    words = ["run", *small_arguments(**SETTINGS), "--out", "out"]
    whole, killed = fresh(tmp_path, "whole"), fresh(tmp_path, "killed")
    for folder in (whole, killed):
        shutil.copy(migrated, folder / "mlflow.db")
    left_alone = nursery(whole, words)
    assert left_alone["code"] == 0, (whole / "log.txt").read_text()
    kills = kill_and_resume(nursery, killed, words, random.Random(3), left_alone["seconds"], 8)
    assert kills >= 3
    expected = told(f"sqlite:///{whole}/mlflow.db")
    assert expected[0] == "FINISHED"
    assert told(f"sqlite:///{killed}/mlflow.db") == expected
    assert result(killed) == result(whole)
