"""A whole comparison: the same whatever the number of processes, interrupted or not, all at once or bit by bit."""

import dataclasses
import math
import multiprocessing
import shutil

import pytest

from core.common.errors import UserError
from core.search.search import StopReason
from studies.comparison.outcome import Run
from tests.studies.comparison.small import Diary, small_comparison, small_contest


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
    again = small_contest(folder).run([diary], "again")
    assert diary.new == []
    assert again == outcome


def test_interrupted_it_does_only_what_is_missing_in_any_number_of_processes(finished, tmp_path):
    _, _, outcome, whole = finished
    first, second = Diary(interrupt_after=3), Diary()
    with pytest.raises(KeyboardInterrupt):
        small_contest(tmp_path / "parts", jobs=3).run([first], "again")
    assert multiprocessing.active_children() == []
    rest = small_contest(tmp_path / "parts", jobs=1).run([second], "again")
    assert sorted(first.new + second.new) == sorted(whole.new)
    assert timeless(rest) == timeless(outcome)


def test_another_seed_adds_its_runs_alone(finished, tmp_path):
    _, folder, outcome, _ = finished
    shutil.copytree(folder, tmp_path / "parts")
    diary = Diary()
    more = small_contest(tmp_path / "parts", seeds=3, repeats=1).run([diary], "again")
    assert {label for label in diary.new if "seed" in label and "training" not in label} == {
        "gp seed 2",
        "random seed 2",
    }
    assert [run for run in timeless(more).runs if run.seed < 2 and run.funnel] != []
    assert [run.points for run in more.runs if run.seed < 2] == [run.points for run in outcome.runs]


def test_a_damaged_part_is_done_again(finished, tmp_path):
    _, folder, outcome, _ = finished
    shutil.copytree(folder, tmp_path / "parts")
    for i, path in enumerate(sorted((tmp_path / "parts").glob("*seed-0*"))[:2]):
        text = path.read_text()
        path.write_text(text[: len(text) // 2] if i else "[]")
    diary = Diary()
    again = small_contest(tmp_path / "parts").run([diary], "again")
    assert len(diary.new) == 2
    assert timeless(again) == timeless(outcome)


def test_parts_made_by_other_sources_are_taken_with_a_warning(finished, tmp_path, caplog):
    _, folder, outcome, _ = finished
    shutil.copytree(folder, tmp_path / "parts")
    for path in (tmp_path / "parts").glob("gp-seed-*"):
        path.write_text(path.read_text().replace('"code": "', '"code": "older'))
    assert small_contest(tmp_path / "parts").run([], "again") == outcome
    assert caplog.text.count("made by other sources") == 1


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
        small_contest(tmp_path / "parts", **changes)
    assert list(tmp_path.iterdir()) == []


def test_random_search_is_in_every_comparison():
    assert small_comparison(searchers="gp").names == ("gp", "random")
    assert small_comparison(searchers=" random , optuna:sampler=cmaes").names == ("random", "optuna:sampler=cmaes")
