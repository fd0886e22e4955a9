"""Studies that are killed at random moments, again and again, end bit for bit as if they had been left alone.

A moment is a change on disk, see `tests.faults.nursery`: drawn by its number and not by a clock.
"""

import json
import random
import shutil

import pytest

from searchers import SEARCHERS
from studies.storage.ledger import LEDGER
from tests.strategies import NIGHTLY
from tests.studies.small import as_words, small_arguments
from tests.studies.tracking.dump import dump

pytestmark = pytest.mark.services

#: How often each searcher's study is killed, and each comparison and tuning.
KILLS, KILLS_OF_MANY = (20, 20) if NIGHTLY else (2, 2)
SETTINGS = {"trainings": 6, "candidates_per_step": 2, "max_epochs": 4, "check": "after"}


COMPARISON = {"dataset": "synthetic", "searchers": "gp,random", "seeds": 2, "trainings": 4, "candidates_per_step": 2}
COMPARISON |= {"noise_seeds": 2, "max_epochs": 3, "repeats": 2, "check": "after"}
RANKING = {"task": "ranking", "searcher": "gp", "dataset": "synthetic", "trainings": 4, "max_epochs": 2, "every": 1}
RANKING |= {"tuning_settings": 3, "tuning_epochs": 2, "baseline": "SL", "repeats": 2, "finalists": 1, "simpler": 1}
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
    """What else the study left, without times: the page tells some, and the ledger has the digests of both."""
    timed = ("result.json", "report.html", LEDGER)
    found = {path.name: path.read_bytes() for path in (folder / "out").iterdir() if path.name not in timed}
    history = json.loads(found.pop("history.json"))
    for step in history["steps"]:
        del step["seconds"]
    return found, history


def fresh(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    return folder


def kill_and_resume(nursery, folder, words, rng, changes, kills):
    """Run a command until it ends, killed before random changes at most so many times; how often it was."""
    done = 0
    while True:
        at = rng.randrange(changes) if done < kills else None
        code = nursery(folder, [*words, "--resume", "--checkpoint-every", "0"], at)["code"]
        assert code in (0, -9), (folder / "log.txt").read_text()
        if code == 0:
            return done
        done += 1


def left_alone(nursery, folder, words):
    """Run a command to its end; how many changes it made."""
    answer = nursery(folder, [*words, "--checkpoint-every", "0"])
    assert answer["code"] == 0, (folder / "log.txt").read_text()
    return answer["changes"]


def killed_again_and_again(nursery, tmp_path, words, changes, kills):
    """Folders with a study each that ended at last, after so many kills altogether."""
    rng, studies = random.Random(" ".join(words)), 0
    while kills:
        studies += 1
        folder = fresh(tmp_path, f"killed{studies}")
        kills -= kill_and_resume(nursery, folder, words, rng, changes, kills)
        yield folder


#: Searchers differ in their states, which every one's contract takes apart and puts together again.
BY_DAY = "rl"


@pytest.mark.parametrize(
    "what", [pytest.param(one, marks=[] if one == BY_DAY else pytest.mark.nightly) for one in (*SEARCHERS, "ranking")]
)
def test_killed_at_twenty_random_moments(what, nursery, tmp_path):
    settings = as_words(RANKING) if what == "ranking" else small_arguments(**SETTINGS, searcher=what)
    words = ["run", *settings, "--tracking-uri", "none", "--out", "out"]
    whole = fresh(tmp_path, "whole")
    changes = left_alone(nursery, whole, words)
    for killed in killed_again_and_again(nursery, tmp_path, words, changes, KILLS):
        assert result(killed) == result(whole)
        assert files(killed) == files(whole)


@pytest.mark.nightly
def test_mlflow_has_one_whole_run_of_a_study_that_was_killed(nursery, tmp_path, migrated):
    words = ["run", *small_arguments(**SETTINGS), "--out", "out"]
    whole, killed = fresh(tmp_path, "whole"), fresh(tmp_path, "killed")
    for folder in (whole, killed):
        shutil.copy(migrated, folder / "mlflow.db")
    changes = left_alone(nursery, whole, words)
    kills = kill_and_resume(nursery, killed, words, random.Random(3), changes // 9, 8 if NIGHTLY else 2)
    assert kills == (8 if NIGHTLY else 2)
    (run,) = dump(whole / "mlflow.db")["loss-search"]["runs"]
    assert run["status"] == "FINISHED"
    assert {"candidates.json", "history.json", "loss.py", "result.json"} <= set(run["artifacts"])
    (again,) = dump(killed / "mlflow.db")["loss-search"]["runs"]
    assert again == run
    assert result(killed) == result(whole)


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "settings"), [("compare", COMPARISON), ("tune", TUNING)])
def test_comparisons_and_tunings_go_on_after_kills(name, settings, nursery, tmp_path):
    words = [name, *as_words(settings), "--tracking-uri", "none", "--out", "out", "--jobs", "2"]
    whole = fresh(tmp_path, "whole")
    changes = left_alone(nursery, whole, words)
    for killed in killed_again_and_again(nursery, tmp_path, words, changes, KILLS_OF_MANY):
        assert result(killed) == result(whole)
        assert [path for path in (killed / "out").rglob("*checkpoint*") if path.is_file()] == []
