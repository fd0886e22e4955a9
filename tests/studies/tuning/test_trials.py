"""Trials as Optuna keeps them: deterministic, resumable, and safe from what other processes left."""

import multiprocessing
import os
import signal

import optuna
import pytest
from optuna.trial import TrialState

from core.common.errors import UserError
from studies.common.processes import this_process
from studies.tuning.storage import open_storage
from studies.tuning.trials import Trials
from studies.tuning.tunables import Tunable
from tests.studies.tuning.small import varied

TUNABLES = (Tunable("x", 0.0, 1.0), Tunable("n", 1, 100, log=True, whole=True))
PRESENT = {"x": 0.9, "n": 10}


def trials(folder, identity=None, prune=0.1, seed=3, metric="auc", **changes):
    settings = varied(*TUNABLES, metric=metric, seed=seed, prune=prune)
    return Trials(
        open_storage(None, folder / "optuna-journal.log"), "here", "study", identity or {"a": 1}, settings, **changes
    )


def value(params, seed):
    return -((params["x"] - 0.3) ** 2) - abs(params["n"] - 20) / 1000 + seed / 10_000


def go(made, n, seeds=range(6)):
    made.begin(PRESENT)
    while made.n_begun < n:
        _, params = made.ask()
        pruned = any(made.report(seed, value(params, seed)) for seed in seeds)
        made.tell(pruned)
    return [(tried.number, dict(tried.params), dict(tried.per_seed), tried.pruned) for tried in made.finished]


def test_the_present_settings_come_first_and_good_ones_are_found(tmp_path):
    tried = go(trials(tmp_path), 30)
    assert tried[0][1] == PRESENT
    assert max(sum(per_seed.values()) / len(per_seed) for _, _, per_seed, pruned in tried if not pruned) > -0.02
    assert any(pruned for *_, pruned in tried)
    assert all(len(per_seed) < 6 for _, _, per_seed, pruned in tried if pruned)


def test_the_same_seed_tries_the_same_in_one_go_or_in_many(tmp_path):
    for name in ("whole", "parts", "other"):
        (tmp_path / name).mkdir()
    whole = go(trials(tmp_path / "whole"), 14)
    for n in (1, 2, 7, 14):
        parts = go(trials(tmp_path / "parts"), n)
    assert parts == whole
    assert go(trials(tmp_path / "other", seed=4), 14) != whole


@pytest.mark.parametrize("reported", [0, 2])
def test_a_trial_that_a_killed_process_left_is_tried_anew_with_the_same_values(tmp_path, reported):
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole = go(trials(tmp_path / "whole"), 8)

    def die():
        made = trials(tmp_path / "cut")
        go(made, 4)
        _, params = made.ask()
        for seed in range(reported):
            made.report(seed, value(params, seed))
        os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(target=die)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert go(trials(tmp_path / "cut"), 8) == whole


def test_a_trial_of_a_living_process_is_left_to_it(tmp_path):
    made = trials(tmp_path)
    made.begin(PRESENT)
    made.ask()
    made.study.set_user_attr("note", "another process looks")
    other = trials(tmp_path)
    other.study.trials[0].user_attrs["process"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("studies.tuning.trials.this_process", lambda: this_process() + "0")
        patch.setattr("studies.tuning.trials.has_died", lambda name: False)
        other.begin(PRESENT)
    assert other.n_begun == 1
    assert other.study.trials[0].state is TrialState.RUNNING


def test_a_trial_without_a_name_is_waited_for_and_then_given_up(tmp_path, monkeypatch):
    waited = []

    def wait(seconds):
        waited.append(seconds)
        monkeypatch.setattr("studies.tuning.trials._UNNAMED", 0.0)  # as if that time had passed

    monkeypatch.setattr("studies.tuning.trials._UNNAMED", 10_000.0)
    monkeypatch.setattr("studies.tuning.trials.time.sleep", wait)
    made = trials(tmp_path)
    made.begin(PRESENT)
    made.study.ask()  # as a process does that dies right afterwards
    made.begin(PRESENT)
    assert len(waited) == 1
    assert 0 < waited[0] <= 10_000
    assert made.study.trials[0].state is TrialState.FAIL
    assert made.ask() == (0, PRESENT)


def test_trials_of_another_tuning_are_refused_and_it_is_said_in_what(tmp_path):
    trials(tmp_path, {"loss": "MaxR", "seeds": 8})
    trials(tmp_path, {"loss": "MaxR", "seeds": 8})
    with pytest.raises(UserError, match=r"was made with seeds 8, this one has 9; give the same settings"):
        trials(tmp_path, {"loss": "MaxR", "seeds": 9})


def test_nothing_is_pruned_where_that_is_not_wanted(tmp_path):
    assert not any(pruned for *_, pruned in go(trials(tmp_path, prune=0.0), 12))


def test_lower_can_be_better(tmp_path):
    made = trials(tmp_path, metric="rmse")
    assert made.study.direction is optuna.study.StudyDirection.MINIMIZE


def test_importances_tell_what_matters_once_there_are_enough_trials(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.studies.tuning.test_trials.value", lambda params, seed: -((params["x"] - 0.3) ** 2))
    made = trials(tmp_path, prune=0.0)
    go(made, 5)
    assert made.importances() == {}
    go(made, 40)
    importances = made.importances()
    assert set(importances) == {"x", "n"}
    assert importances["x"] > 2 * importances["n"]


def work(folder, n):
    go(trials(folder), n)


def test_several_processes_share_a_journal(tmp_path):
    trials(tmp_path).begin(PRESENT)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(tmp_path, 12)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    finished = trials(tmp_path).finished
    assert 12 <= len(finished) <= 14  # two may begin the last one together
    assert sum(dict(tried.params) == PRESENT for tried in finished) == 1


def test_equal_trials_say_nothing_about_what_matters(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.studies.tuning.test_trials.value", lambda params, seed: 0.5)
    made = trials(tmp_path, prune=0.0)
    go(made, 12)
    assert all(0 <= share <= 1 for share in made.importances().values())


def test_a_storage_that_goes_away_is_told_in_a_line(tmp_path, monkeypatch):
    made = trials(tmp_path)
    made.begin(PRESENT)
    made.ask()

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"^--storage here: cannot use it: .*No space left on device; what is finished"):
        made.report(0, 0.5)


def test_trials_of_other_code_count_only_where_that_is_accepted(tmp_path, monkeypatch, caplog):
    tried = go(trials(tmp_path), 2)
    go(trials(tmp_path), 2)
    monkeypatch.setattr("studies.tuning.trials.code", lambda: "other")
    with pytest.raises(UserError, match="were made by other code than today's; --accept-other-code goes on with them"):
        trials(tmp_path)
    assert caplog.text == ""
    assert go(trials(tmp_path, accept_other_code=True), 2) == tried
    assert "trials in here that other code made count, too" in caplog.text
