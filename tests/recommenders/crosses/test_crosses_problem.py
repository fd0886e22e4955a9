"""The problem of crossed features: the contract, that the planted cross is found, and what leaves it."""

import json
import sqlite3

import numpy as np
import pytest

from core.common.errors import UserError
from core.crosses.tree import CrossSet
from core.phases.tally import Tally
from core.search.rounds import Rules
from core.search.search import Search, SearchBudget, StopReason
from core.testing.study_problem import StudyProblemContract
from recommenders.backends.compiled.cores import Cores
from recommenders.data.fields import FieldOptions, planted_fields, split_fields
from recommenders.tasks.crosses import bench as bench_module
from recommenders.tasks.crosses.bench import Bench
from recommenders.tasks.crosses.export import from_json
from recommenders.tasks.crosses.greedy import Greedy
from recommenders.tasks.crosses.judging import log_loss
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.problem import MODEL, SQL, TABLE, CrossProblem
from recommenders.tasks.crosses.search import fit_crosses
from searchers import make_searcher

PLANTED = CrossSet.parse("colour x shape x size")


def problem(seed=0, n=1_200, threads=1, **plan):
    data = split_fields("planted", planted_fields(n), FieldOptions(), seed)
    return CrossProblem(data, CrossPlan(levels=2, **plan), 2, 3, seed, threads)


class TestSets(StudyProblemContract):
    def make(self, seed):
        return problem(seed)


class TestWithOneDecay(StudyProblemContract):
    def make(self, seed):
        return problem(seed, decays=(1.0, 10.0))


def test_a_set_is_worth_what_it_was_planted_for():
    made = problem(n=6_000)
    some = [CrossSet(), CrossSet.parse("day x place"), PLANTED]
    plain, other, planted = (made.result(one).test["auc"] for one in made.fitted(some, 0))
    assert planted > plain + 0.05
    assert other < plain + 0.01


def test_autocross_finds_what_was_planted():
    made = problem(n=6_000)
    (found,) = made.fitted([Greedy()], 0)
    assert PLANTED.crosses[0] in found.crosses.crosses
    assert found.passes > 100
    assert made.result(found).found == str(found.crosses)


@pytest.mark.parametrize("name", ["gp", "random"])
def test_searchers_find_a_part_of_it(name):
    made = problem(n=3_000, threads=2)
    budget = SearchBudget(trainings=40, candidates_per_step=8)
    search = Search(make_searcher(name, made.space, seed=1), made, Rules(), budget, seed=1)
    trials = [trial for step in search for trial in step.trials if trial.trained]
    best = max(trials, key=lambda trial: trial.score).candidate.solution
    together = {"colour", "shape", "size"}
    assert any(len(cross.columns & together) > 1 for cross in best.crosses)


def test_threads_change_no_bit():
    some = [CrossSet.parse("colour x shape"), PLANTED, Greedy()]
    one, other = (problem(threads=threads).fitted(some, 0) for threads in (1, 3))
    assert [(a.crosses, a.metrics, a.passes) for a in one] == [(b.crosses, b.metrics, b.passes) for b in other]


def test_what_leaves_it_scores_rows_as_it_does():
    made = problem()
    number = next(one for one in made.space.made_of if one.column == "weight")
    files = made.exports(CrossSet.parse(f"colour x size; day x {number}"))
    model = from_json(files[MODEL])
    table = planted_fields(200)
    rows = {one.name: one for one in table.columns}
    texts = {
        name: [None if np.isnan(value) else float(value) for value in one.values.tolist()]
        if one.is_number
        else [one.categories[code - 2] for code in one.values.tolist()]
        for name, one in rows.items()
    }
    with sqlite3.connect(":memory:") as database:
        database.execute(f"CREATE TABLE t ({', '.join(f'{name}' for name in texts)})")
        database.executemany(
            f"INSERT INTO t VALUES ({', '.join('?' for _ in texts)})", list(zip(*texts.values(), strict=True))
        )
        scored = [row[0] for row in database.execute(f"SELECT {files[SQL]} FROM t ORDER BY rowid")]
    database.close()
    np.testing.assert_allclose(scored, model.scores(table.columns), rtol=1e-9, atol=1e-9)
    assert json.loads(files[MODEL])["version"] == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("autocros", "unknown set of crosses 'autocros'.*Did you mean 'autocross'"),
        ("autocross-0", "expected a beam of 1 to 100 behind it, as autocross-3, got 'autocross-0'"),
        ("colour x brand", "expected features of"),
        ("colour", "expected two features or more in each"),
    ],
)
def test_what_cannot_be_compared_with_gets_a_line(text, told):
    with pytest.raises(UserError, match=told):
        problem().known(text)


def test_any_set_of_its_features_can_be_compared_with():
    made = problem()
    four = "colour x shape x size x day"
    assert made.known(four).variants[0].trained == CrossSet.parse(four)
    assert [made.known(name).name for name in ("lr", "autocross", "autocross-1", "autocross-3")] == [
        "lr",
        "autocross",
        "autocross",
        "autocross-3",
    ]


def test_beam_search_is_a_searcher_within_the_space():
    made = problem(n=6_000)
    budget = SearchBudget(trainings=3, candidates_per_step=3)
    searcher = make_searcher("beam", made.space, 0, insight=lambda name, seed: getattr(made, name)(seed))
    trials = [trial for step in Search(searcher, made, Rules(), budget, seed=0) for trial in step.trials]
    assert all(len(one.candidate.solution.crosses) <= 2 for one in trials)
    assert {"colour", "shape", "size"} == set.union(*(set(one.columns) for one in trials[0].candidate.solution.crosses))


@pytest.mark.parametrize("guesses", [(), ("day x place",)])
def test_beam_search_ends_when_all_that_it_kept_was_proposed(guesses):
    made = problem()
    budget = SearchBudget(trainings=50, candidates_per_step=4)
    searcher = make_searcher("beam", made.space, 0, guesses, insight=lambda name, seed: getattr(made, name)(seed))
    search = Search(searcher, made, Rules(), budget, seed=0)
    trials = [trial for step in search for trial in step.trials]
    assert search.stop is StopReason.EXHAUSTED
    assert all(trial.trained for trial in trials)
    assert len(trials) == len(made.expansion(0).grown(1).genomes) + len(guesses)


def test_tables_say_what_each_cross_is_worth_and_which_combinations_weigh_most():
    made = problem()
    found = CrossSet.parse(f"{PLANTED}; day x place")
    crosses, telling, columns = made.tables(found)
    rows, planted = {row[0]: row for row in crosses.rows}, str(PLANTED)
    gained, error = crosses.columns.index("log-loss gained"), crosses.columns.index("± error")
    assert rows[planted][gained] > 3 * rows[planted][error] > 0
    assert rows["day x place"][gained] < 2 * rows["day x place"][error]
    assert rows[planted][crosses.columns.index("AUC lost")] > 0.03
    model = made.model(found)
    weights = {str(one.cross): one.weights for one in model.terms}
    assert {row[0] for row in telling.rows} == set(rows)
    for cross, text, weight, n in telling.rows:
        assert weight in weights[cross]
        assert text.count(" & ") == cross.count(" x ")
        assert n > 0
    (first, *_, last) = (row[2] for row in telling.rows if row[0] == planted)
    assert last < 0 < first
    assert [row[-1] for row in columns.rows] == sorted((row[-1] for row in columns.rows), reverse=True)
    assert {row[0] for row in columns.rows} == set(model.tables)
    assert made.exports(found)[TABLE].splitlines()[0] == ",".join(crosses.columns)
    (alone,) = made.tables(CrossSet())
    assert alone.title == columns.title
    assert made.exports(CrossSet())[TABLE].splitlines() == [",".join(crosses.columns)]


def test_models_that_are_taken_home_begin_with_one_of_the_columns_alone(monkeypatch):
    made, asked = problem(n=3_000), []
    last = Bench.last

    def counted(self, plan, crosses, decays=None, plain=None):
        found = last(self, plan, crosses, decays, plain)
        asked.append((crosses, found.iterations))
        return found

    monkeypatch.setattr(Bench, "last", counted)
    sets = [PLANTED, CrossSet.parse("colour x shape"), CrossSet()]
    models = [made.model(one) for one in sets]
    assert [one for one, _ in asked] == [(), *(one.crosses for one in sets[:2])]
    data, part = made._data, made._data.parts["test"]
    rows = [one.taken(part) for one in data.columns]
    for one, model in zip(sets, models, strict=True):
        anew = fit_crosses(data, made._plan, one.crosses, model.encoder, Cores(1))
        found, other = (log_loss(some.scores(rows), data.label[part]) for some in (model, anew))
        assert found == pytest.approx(other, abs=2e-3)
    assert sum(n for _, n in asked[1:3]) < sum(n for _, n in asked[3:5]) / 2


def test_crosses_for_which_there_is_no_room_are_made_anew(monkeypatch):
    some = [CrossSet.parse("colour x shape; day x place; shape x size"), PLANTED]
    with_room = problem().fitted(some, 0)
    monkeypatch.setattr(bench_module, "_ROOM", 1)
    made = problem(threads=2)
    assert made.fitted(some, 0) == with_room
    assert len(made._bench._crosses) == 1


def test_sets_that_go_on_are_pruned_by_the_rows_that_they_are_chosen_by():
    made, told = problem(n=6_000, prune=2.0), []
    some = [CrossSet((*PLANTED.crosses, *CrossSet.parse("day x place").crosses)), PLANTED]
    tally = Tally(made.space, made.complexity)
    tally.accepted = {one.key: one for one in some}
    tally.scores = {some[0].key: 0.9, some[1].key: 0.8}
    found = made.leading(tally, 2, 0, told.append)
    assert [one.solution for one in found.finalists] == [PLANTED]
    assert found.n_passed == 2
    assert told[-1] == "Phase II: 2 of 3 crosses of these sets are left, by prune"
