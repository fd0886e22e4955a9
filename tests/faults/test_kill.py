"""Studies that are killed at random moments, again and again, end bit for bit as if they had been left alone."""

import json
import random
import shutil

import pytest

from searchers import SEARCHERS
from tests.faults.mlflow_runs import artifacts, told
from tests.studies.small import as_words, small_arguments

KILLS = 20
SETTINGS = {"trainings": 12, "candidates_per_step": 2, "max_epochs": 8, "check": "after"}


COMPARISON = {"dataset": "synthetic", "searchers": "gp,random", "seeds": 2, "trainings": 8, "candidates_per_step": 2}
COMPARISON |= {"noise_seeds": 2, "max_epochs": 8, "repeats": 2, "check": "after"}
TUNING = {"dataset": "synthetic", "loss": "log(y_hat/(y))^2", "trials": 5, "seeds": 5, "confirm": 2, "max_epochs": 10}


def result(folder):
    """Without times."""
    content = json.loads((folder / "out" / "result.json").read_text())
    for run in content.get("runs", []):
        del run["seconds"]
        for point in run["points"]:
            del point["seconds"]
    return json.dumps({**content, "seconds": None})


def files(folder):
    """What else the study left, without times: the page tells some."""
    timed = ("result.json", "report.html")
    found = {path.name: path.read_bytes() for path in (folder / "out").iterdir() if path.name not in timed}
    history = json.loads(found.pop("history.json"))
    for step in history["steps"]:
        del step["seconds"]
    return found, history


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
        assert files(killed) == files(whole)


def test_mlflow_has_one_whole_run_of_a_study_that_was_killed(nursery, tmp_path, migrated):
    words = ["run", *small_arguments(**SETTINGS), "--out", "out"]
    whole, killed = fresh(tmp_path, "whole"), fresh(tmp_path, "killed")
    for folder in (whole, killed):
        shutil.copy(migrated, folder / "mlflow.db")
    left_alone = nursery(whole, words)
    assert left_alone["code"] == 0, (whole / "log.txt").read_text()
    kills = kill_and_resume(nursery, killed, words, random.Random(3), 0.6 * left_alone["seconds"], 8)
    assert kills >= 3
    databases = [f"sqlite:///{folder}/mlflow.db" for folder in (whole, killed)]
    assert told(databases[0])[0] == "FINISHED"
    assert told(databases[1]) == told(databases[0])
    assert artifacts(databases[1]) == artifacts(databases[0])
    assert {"candidates.json", "history.json", "loss.py", "result.json"} <= set(artifacts(databases[0]))
    assert result(killed) == result(whole)


@pytest.mark.parametrize(
    ("name", "settings", "kills"),
    [
        ("compare", COMPARISON, 3),
        ("tune", TUNING, 3),
        pytest.param("compare", COMPARISON, KILLS, marks=pytest.mark.slow),
        pytest.param("tune", TUNING, KILLS, marks=pytest.mark.slow),
    ],
)
def test_comparisons_and_tunings_go_on_after_kills(name, settings, kills, nursery, tmp_path):
    words = [name, *as_words(settings), "--tracking-uri", "none", "--out", "out", "--jobs", "2"]
    whole = fresh(tmp_path, "whole")
    left_alone = nursery(whole, words)
    assert left_alone["code"] == 0, (whole / "log.txt").read_text()
    rng, left, studies = random.Random(name), kills, 0
    while left:
        studies += 1
        killed = fresh(tmp_path, f"killed{studies}")
        left -= kill_and_resume(nursery, killed, words, rng, 0.8 * left_alone["seconds"], left)
        assert result(killed) == result(whole)
        assert [path for path in (killed / "out").rglob("*checkpoint*") if path.is_file()] == []
