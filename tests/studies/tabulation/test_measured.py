"""A table of every candidate of a small space: what is in it, its search, and hostile files."""

import json
import math
import os
import re
from pathlib import Path

import pytest

from core.common.errors import UserError
from core.interactions.spaces import FunctionSpace
from core.phases.measured import MOST, MeasuredProblem, every_candidate
from core.search.trial import Verdict
from core.testing.study_problem import StudyProblemContract
from recommenders.data.explicit import ExplicitOptions, planted_ratings, split_ratings
from recommenders.tasks.rating.problem import InteractionProblem
from recommenders.tasks.rating.training import RatingPlan
from studies.common.command import BAD_INPUT, exit_code
from studies.compare import app as compare_app
from studies.run import app as run_app
from studies.study.problems import measured_table, space_of
from studies.table import app, app_of, candidates
from studies.tabulation.candidates import ranked, refused
from tests.studies.tracking.dump import dump

ROOT = Path(__file__).parents[3]
LINE = "bits_of_table:Bits:length=6:noise=0.05"


def ends_with(command, *words):
    return exit_code(lambda: command([*words], exit_on_error=False, print_error=False))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A table of 64 bit strings, whose class lies beside it; workers and tests find it there."""
    folder = tmp_path_factory.mktemp("table")
    (folder / "bits_of_table.py").write_text((ROOT / "examples" / "bits.py").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{folder}")
        words = ["--problem", LINE, "--seeds", "2", "--executor", "inline", "--tracking-uri", "none"]
        assert ends_with(candidates, *words, "--out", "there") == 0
        yield folder / "there" / "table.json"


class TestMeasured(StudyProblemContract):
    starts_vary = False

    @pytest.fixture(autouse=True)
    def _take(self, file):
        self.file = file

    def make(self, seed):
        return MeasuredProblem(measured_table(self.file), space_of(LINE))


@pytest.fixture
def problem(file):
    return MeasuredProblem(measured_table(file), space_of(LINE))


def test_every_candidate_has_a_row(file):
    table = measured_table(file)
    assert [row.name for row in table.rows] == [" ".join(f"{i:06b}") for i in range(64)]
    for row in table.rows:
        assert (len(row.validation), len(row.test), row.epochs, row.verdict) == (2, 2, (1, 1), None)
        assert len({*row.validation, *row.test}) == 4  # noise is drawn for each
    assert table.command == f"python -m studies.table --problem {LINE} --seeds 2 --out there"
    assert (table.metric, table.higher_is_better, table.terms["one"]) == ("share", True, "bit string")


def test_what_is_an_earlier_one_or_of_one_side_alone_is_not_trained():
    made = InteractionProblem(
        split_ratings("planted", planted_ratings(20, 20, 8), ExplicitOptions(), 0), FunctionSpace(), RatingPlan()
    )
    rows = {row.name: row for row in refused(made, every_candidate(made.space))}
    assert len(rows) == 405
    duplicates = [row for row in rows.values() if row.verdict == Verdict.DUPLICATE.value]
    assert len(duplicates) == 18  # products that are another one's negative
    assert all(rows[row.original].verdict is None for row in duplicates)
    nothing = rows["max(max(p, -p), -max(q, -q))"]  # the first of them, whatever q is
    assert (nothing.verdict, nothing.original) == (Verdict.ZERO_GRADIENT.value, None)


def test_what_a_search_sees_is_the_first_seed_and_the_test_is_that_of_the_others(file, problem):
    rows = {row.name: row for row in measured_table(file).rows}
    some = every_candidate(problem.space)[::7]
    seen = [rows[str(one)].validation[0] for one in some]
    assert [problem.metric.value(one.score) for one in problem.measure(some, 3)] == seen
    assert problem.evaluate(some, "validation", 5) == seen
    assert problem.evaluate(some, "test", 5) == [rows[str(one)].test[1] for one in some]
    assert [one.cost for one in problem.measure(some, 3)] == [rows[str(one)].epochs[0] for one in some]


def test_the_best_is_known(problem):
    every = every_candidate(problem.space)
    assert not problem.is_exhausted
    assert [found.verdict for found in problem.examine(every)] == [None] * 64
    scores = [one.score for one in problem.measure(every, 0)]
    assert problem.optimum.best == problem.metric.value(max(scores))
    assert problem.evaluate([problem.compared["best of the table"]], "validation", 0) == [problem.optimum.best]
    assert problem.is_exhausted
    assert problem.score() == min(scores)


def test_searches_and_comparisons_go_by_the_table(file, tmp_path, capsys):
    there = ["--problem", "table", "--data", str(file), "--tracking-uri", "none"]
    assert ends_with(run_app, *there, "--searcher", "gp", "--trainings", "60", "--out", str(tmp_path / "run")) == 0
    stored = json.loads((tmp_path / "run" / "result.json").read_text())
    best = MeasuredProblem(measured_table(file), space_of(LINE)).optimum.best
    assert 0.9 * best < stored["best"]["validation"]["share"] <= best
    capsys.readouterr()
    words = ["--searchers", "gp,random", "--seeds", "2", "--trainings", "20", "--executor", "inline"]
    assert ends_with(compare_app, *there, *words, "--out", str(tmp_path / "compare")) == 0
    assert "Median regret by trainings" in " ".join(capsys.readouterr().out.split())


def test_what_is_there_is_not_done_again(file, capsys):
    before = file.read_bytes()
    words = ["--problem", LINE, "--seeds", "2", "--executor", "inline", "--tracking-uri", "none"]
    assert ends_with(candidates, *words, "--out", str(file.parent)) == 0
    told = capsys.readouterr().err
    assert "training seed" not in told
    one, other = json.loads(before), json.loads(file.read_bytes())
    assert {**one, "seconds": 0, "command": 0} == {**other, "seconds": 0, "command": 0}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda stored: stored.pop("rows"), "KeyError 'rows'"),
        (lambda stored: stored.update(rows=[]), "expected candidates with a finite metric, got none"),
        (lambda stored: stored.update(rows=3), "TypeError"),
        (lambda stored: stored["rows"].append(stored["rows"][0]), "expected every candidate once"),
        (lambda stored: stored["rows"][0].update(name="1 2 1 1 1 1"), "bit_1: expected one of 0, 1, got 2"),
        (lambda stored: stored["rows"][0].update(name="__import__('os')"), "expected 6 choices, got 1"),
        (lambda stored: stored.update(problem="nothing"), "unknown problem 'nothing'"),
        (lambda stored: stored.update(problem="loss"), "there is no table of all its candidates"),
        (lambda stored: stored["rows"][-1].update(original="1 1"), "table: expected originals among its own"),
    ],
)
def test_a_hostile_file_gets_a_line(file, tmp_path, change, told, capsys):
    stored = json.loads(file.read_text())
    change(stored)
    own = tmp_path / "table.json"
    own.write_text(json.dumps(stored))
    words = ["--problem", "table", "--data", str(own), "--tracking-uri", "none", "--out", str(tmp_path / "out")]
    assert ends_with(run_app, *words, "--searcher", "random", "--trainings", "400") == BAD_INPUT
    message = " ".join(capsys.readouterr().err.split())
    assert str(own) in message
    assert re.search(told, message), message


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--problem", "interaction:space=programs"], f"expected a space of at most {MOST:,} candidates"),
        (["--problem", "interaction", "--seeds", "0"], "--seeds: expected 1 to 1,000, got 0"),
        (["--problem", "loss"], "a table of losses is what this makes without --problem"),
        (["--problem", "interactions"], "unknown problem 'interactions'"),
    ],
)
def test_bad_input_gets_a_line(words, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ends_with(candidates, *words, "--tracking-uri", "none") == BAD_INPUT
    assert told in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


def test_mlflow_has_the_file_and_the_best_side_by_side(file, tmp_path, migrated, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("mlflow.db").write_bytes(migrated.read_bytes())
    words = ["--problem", LINE, "--seeds", "2", "--executor", "inline", "--out", str(file.parent)]
    for _ in range(2):  # done again, nothing is there twice
        assert ends_with(candidates, *words, "--tracking-uri", f"sqlite:///{tmp_path}/mlflow.db") == 0
    assert "mlflow ui" in capsys.readouterr().out
    runs = dump(tmp_path / "mlflow.db")["loss-search-tables"]["runs"]
    (root,) = [run for run in runs if run["name"] == f"table of {LINE}"]
    assert set(root["artifacts"]) == {"table.json"}
    best = [row.name for row in ranked(measured_table(file))[:8]]
    assert sorted(run["name"] for run in runs if run is not root) == sorted(best)


def test_the_command_is_chosen_by_the_problem():
    assert app_of(["--problem", "interaction"]) is candidates
    assert app_of(["--size", "3"]) is app


def test_no_space_that_is_too_large_is_gone_through():
    with pytest.raises(UserError, match="got one of"):
        every_candidate(space_of("interaction:space=programs"))
    assert math.prod(FunctionSpace().sizes.tolist()) == 405
    assert len({one.key for one in every_candidate(FunctionSpace())}) == 405
