"""A whole comparison: the same whatever the number of processes, interrupted or not, all at once or bit by bit."""

import dataclasses
import math
import multiprocessing
import shutil

import pytest

from core.common.errors import UserError
from core.search.search import StopReason
from studies.comparison.outcome import Run
from tests.studies.comparison.small import Diary, comparison_settings, run_comparison, small_comparison


def timeless(outcome):
    """The outcome without what the clock says."""
    runs = tuple(
        dataclasses.replace(
            run, seconds={}, points=tuple(dataclasses.replace(point, seconds=0.0) for point in run.points)
        )
        for run in outcome.runs
    )
    return dataclasses.replace(outcome, runs=runs)


def test_every_searcher_runs_with_every_seed_and_budget(finished):
    _, _, outcome, _ = finished
    assert [(run.searcher, run.seed) for run in outcome.runs] == [("gp", 0), ("gp", 1), ("random", 0), ("random", 1)]
    for run in outcome.runs:
        assert isinstance(run, Run)
        assert run.stop == StopReason.TRAININGS.value
        assert run.funnel["trained"] == 6
        assert run.points[-1].candidate_epochs == 6 * 3
        bests = [point.best for point in run.points]
        assert bests == sorted(bests)
        assert set(run.seconds) == {"searcher", "training", "other"}
        assert all(seconds >= 0 for seconds in run.seconds.values())
        assert len(run.best.test) == len(run.best.validation) == 2


def test_what_belongs_to_the_whole(finished):
    _, _, outcome, _ = finished
    assert [baseline.name for baseline in outcome.baselines] == ["BCE", "MaxR"]
    assert [baseline.epsilon is None for baseline in outcome.baselines] == [True, False]
    assert len(outcome.noise.search) == len(outcome.noise.converged) == 2
    assert len(set(outcome.noise.search)) == 2
    assert (outcome.metric, outcome.higher_is_better, outcome.command) == ("auc", True, "again")
    assert 0.3 < outcome.start < 0.7
    assert outcome.data["name"] == "synthetic"
    assert outcome.settings["searchers"] == "gp,random"
    numbers = [value for one in outcome.baselines for value in (*one.test, *one.validation)]
    assert all(math.isfinite(value) for value in numbers)


def test_every_stage_is_told_with_its_parts(finished):
    _, _, _, diary = finished
    assert [done for _, done in diary.stages] == [0, 0, 0]
    assert sum(parts for parts, _ in diary.stages) == len(diary.new)
    assert {"noise floor of MaxR", "gp seed 0", "random seed 1"} <= set(diary.new)
    assert max(share for _, share in diary.progress) <= 1


def test_asked_again_it_does_nothing_and_says_the_same(finished, tmp_path):
    _, folder, outcome, _ = finished
    diary = Diary()
    again = run_comparison(folder, [diary])
    assert diary.new == []
    assert again == outcome


def test_interrupted_it_does_only_what_is_missing_in_any_number_of_processes(finished, tmp_path):
    _, _, outcome, whole = finished
    first, second = Diary(interrupt_after=3), Diary()
    with pytest.raises(KeyboardInterrupt):
        run_comparison(tmp_path / "parts", [first], jobs=3)
    assert multiprocessing.active_children() == []
    rest = run_comparison(tmp_path / "parts", [second], jobs=1)
    assert sorted(first.new + second.new) == sorted(whole.new)
    assert timeless(rest) == timeless(outcome)


def more_of(folder, tmp_path, **changes):
    """The outcome of a larger comparison that goes on from a finished one, and the tasks that it computed."""
    shutil.copytree(folder, tmp_path / "parts")
    diary = Diary()
    return run_comparison(tmp_path / "parts", [diary], jobs=1, **changes), diary.new


def of_losses(labels):
    """The labels of trainings to convergence."""
    return [label for label in labels if "training seed" in label]


def test_another_seed_costs_its_runs_and_the_training_of_what_they_find(finished, tmp_path):
    _, folder, outcome, whole = finished
    more, new = more_of(folder, tmp_path, seeds=3)
    assert sorted(set(new) - set(of_losses(new))) == ["gp seed 2", "random seed 2"]
    assert not set(new) & set(whole.new)
    found = {run.best.name for run in more.runs if run.seed == 2}
    assert {label.partition(" smoothed")[0].partition(", training")[0] for label in of_losses(new)} <= {
        name[:40] for name in found
    }
    assert timeless(more).runs[:2] == timeless(outcome).runs[:2]


def test_another_searcher_costs_its_runs_and_the_training_of_what_they_find(finished, tmp_path):
    _, folder, outcome, whole = finished
    more, new = more_of(folder, tmp_path, searchers="gp,gp:population_size=7,random")
    assert sorted(set(new) - set(of_losses(new))) == ["gp:population_size=7 seed 0", "gp:population_size=7 seed 1"]
    assert not set(new) & set(whole.new)
    assert {run.searcher for run in more.runs} == {"gp", "gp:population_size=7", "random"}
    assert [run for run in more.runs if run.searcher != "gp:population_size=7"] == list(outcome.runs)


def test_another_baseline_costs_its_trainings_alone(finished, tmp_path):
    _, folder, outcome, _ = finished
    more, new = more_of(folder, tmp_path, baseline=("BCE", "MSE", "MaxR"))
    assert sorted(new) == ["MSE, training seed 0", "MSE, training seed 1"]
    assert [one for one in more.baselines if one.name != "MSE"] == list(outcome.baselines)


def test_another_training_seed_costs_the_losses_that_are_shown_once(finished, tmp_path):
    _, folder, outcome, _ = finished
    more, new = more_of(folder, tmp_path, repeats=3)
    shown = {run.best.name for run in more.runs} | {"BCE", "MaxR"}
    assert all("training seed 2" in label for label in new)
    assert len(new) == len(shown)
    assert [one.test[:2] for one in more.baselines] == [one.test for one in outcome.baselines]


def test_a_damaged_part_is_done_again(finished, tmp_path):
    _, folder, outcome, _ = finished
    shutil.copytree(folder, tmp_path / "parts")
    for i, path in enumerate(sorted((tmp_path / "parts").glob("*seed-0*"))[:2]):
        text = path.read_text()
        path.write_text(text[: len(text) // 2] if i else "[]")
    diary = Diary()
    again = run_comparison(tmp_path / "parts", [diary])
    assert len(diary.new) == 2
    assert timeless(again) == timeless(outcome)


@pytest.mark.parametrize("accepted", [False, True])
def test_what_other_code_made_is_used_only_where_that_is_accepted(finished, tmp_path, caplog, monkeypatch, accepted):
    _, folder, outcome, whole = finished
    shutil.copytree(folder, tmp_path / "parts")
    monkeypatch.setattr("studies.execution.task.code", lambda: "0123456789ab")
    monkeypatch.setattr("studies.execution.runner.code", lambda: "0123456789ab")
    diary = Diary()
    again = run_comparison(tmp_path / "parts", [diary], jobs=1, accept_other_code=accepted)
    assert (len(diary.new), again == outcome) == ((0, True) if accepted else (len(whole.new), False))
    assert timeless(again) == timeless(outcome)
    assert caplog.text.count("what other code than today's made") == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"searchers": "gp,gp"}, "once"),
        ({"searchers": ""}, "expected a name"),
        ({"searchers": "gp,"}, "expected a name"),
        ({"searchers": "gpp"}, "Did you mean 'gp'"),
        ({"searchers": "gp:population_size=0"}, "at least 1"),
        ({"seeds": 0}, "--seeds: expected at least 1"),
        ({"noise_seeds": 1}, "--noise-seeds: expected at least 2"),
        ({"noise_loss": "y_hat"}, "--noise-loss: expected one of"),
        ({"epsilon": ()}, "--epsilon"),
        ({"trainings": 0}, "trainings: expected at least 1"),
        ({"dataset": "movies"}, "unknown data set"),
        ({"baseline": ("y_hat +",)}, "position|expected"),
        ({"guess": ("y_hat*eps",)}, "outside of the search space"),
        ({"repeats": 0}, "--repeats"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_before_anything_runs(changes, message, tmp_path):
    with pytest.raises(UserError, match=message):
        small_comparison(**changes)
    assert list(tmp_path.iterdir()) == []


def test_random_search_is_in_every_comparison():
    assert comparison_settings(searchers="gp").names == ("gp", "random")
    assert comparison_settings(searchers=" random , optuna:sampler=cmaes").names == ("random", "optuna:sampler=cmaes")
