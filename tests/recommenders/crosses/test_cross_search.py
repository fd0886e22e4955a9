"""The search: the planted cross is found, rows that judge are not looked at, and rules say when it ends."""

from dataclasses import replace

import numpy as np
import pytest

from core.common.errors import UserError
from core.crosses.cross import Cross
from recommenders.data.fields import FieldOptions, load_fields, planted_fields, split_fields
from recommenders.data.fields.synthetic import PLANTED
from recommenders.tasks.crosses.judging import auc
from recommenders.tasks.crosses.plan import PAPER, CrossPlan
from recommenders.tasks.crosses.racing import block_bounds
from recommenders.tasks.crosses.search import CrossSearch
from tests.published_data import find_published

DATA = split_fields("planted", planted_fields(4_000), FieldOptions(), 0)
PLAN = CrossPlan(levels=1, most_crosses=4, patience=2)


def searched(plan=PLAN, data=DATA, seed=0, threads=1):
    search = CrossSearch(data, plan, seed, threads)
    return search, list(search)


def on_test(model, data):
    columns = [one.taken(data.parts["test"]) for one in data.columns]
    return auc(model.scores(columns), data.label[data.parts["test"]])


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        replace(PLAN, judge="log-loss", newton_steps=3),
        replace(PLAN, judge="auc"),
        replace(PLAN, evaluate="race"),
        replace(PLAN, beam=2),
        replace(PLAN, decays=(1.0, 10.0)),
        replace(PAPER, most_crosses=3),
    ],
    ids=["expected", "log-loss", "auc", "race", "beam", "decays", "paper"],
)
def test_the_planted_cross_is_found_and_brings_what_it_should(plan):
    search, steps = searched(plan)
    assert Cross.parse(PLANTED) in search.best.crosses
    found, plain = search.model(), search.plain()
    assert found.crosses == search.best.crosses
    assert plain.crosses == ()
    assert on_test(found, DATA) > on_test(plain, DATA) + 0.08
    assert [step.number for step in steps] == list(range(len(steps)))
    assert all(len(step.nodes) <= plan.beam for step in steps)


def test_threads_change_no_bit_and_the_seed_nothing_but_races():
    for plan in (PLAN, replace(PLAN, evaluate="race", most_crosses=2)):
        (one, first), (other, second) = searched(plan, threads=1), searched(plan, threads=3)
        assert [step.gains for step in first] == [step.gains for step in second]
        assert one.best.crosses == other.best.crosses
        assert np.array_equal(one.best.scores, other.best.scores)
        pair = one.model(), other.model()
        assert all(np.array_equal(a.weights, b.weights) for a, b in zip(*(m.terms for m in pair), strict=True))
    races = {searched(replace(PLAN, evaluate="race", most_crosses=1), seed=seed)[1][1].gains for seed in range(3)}
    assert len(races) > 1


def test_the_test_part_is_not_looked_at():
    label = DATA.label.copy()
    label[DATA.parts["test"]] = 1 - label[DATA.parts["test"]]
    other = replace(DATA, label=label)
    assert searched()[0].best.metrics == searched(data=other)[0].best.metrics
    assert searched()[0].model().bias == searched(data=other)[0].model().bias


def test_rules_say_when_a_search_ends():
    assert searched(replace(PLAN, most_crosses=1))[0].ended == "there are as many crosses as wanted"
    assert searched(replace(PLAN, most_crosses=0))[0].best.crosses == ()
    assert searched(replace(PLAN, seconds=1e-9))[0].ended == "the time is over"
    search, steps = searched(replace(PLAN, patience=1, tolerance=0.0, most_crosses=50, evaluate="race"))
    assert search.ended == "the best set is 1 steps ago"
    assert search.best.crosses == steps[-2].nodes[0].crosses
    two = replace(DATA, columns=DATA.columns[:2])
    search, steps = searched(data=two)
    assert search.ended == "no cross is expected to add anything"
    assert len(steps) <= 2


def test_a_set_is_not_given_up_for_what_chance_makes_of_a_few_rows():
    noisy = replace(PLAN, evaluate="race", patience=1, most_crosses=8)
    lengths = [len(searched(replace(noisy, tolerance=one))[1]) for one in (0.0, 1.0, 100.0)]
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[2] == 9


def test_a_wider_beam_keeps_different_sets_and_begins_with_the_best():
    _, narrow = searched(replace(PLAN, most_crosses=2))
    _, wide = searched(replace(PLAN, most_crosses=2, beam=3))
    assert wide[1].nodes[0].crosses == narrow[1].nodes[0].crosses
    assert all(len({frozenset(node.crosses) for node in step.nodes}) == len(step.nodes) for step in wide)
    assert len(wide[1].nodes) == 3


def test_a_model_that_is_trained_on_validation_rows_too_is_another_one():
    one, other = (searched(replace(PLAN, refit=refit))[0].model() for refit in (True, False))
    assert one.crosses == other.crosses
    assert one.bias != other.bias


@pytest.mark.parametrize(
    ("n", "n_rows", "bounds"),
    [
        (8, 70, [10, 30, 70]),
        (2, 9, [9]),
        (1, 9, [9]),
        (0, 9, []),
        (190, 25_500, [100 * (2**k - 1) for k in range(1, 9)]),
    ],
)
def test_blocks_are_those_of_the_published_algorithm(n, n_rows, bounds):
    assert block_bounds(n, n_rows) == bounds


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"spacing": "wide"}, "spacing: expected both or width or quantiles, got 'wide'"),
        ({"judge": "rmse"}, "judge: expected expected or log-loss or auc, got 'rmse'"),
        ({"levels": 0}, "levels: expected 1 to 4, got 0"),
        ({"beam": 0}, "beam: expected 1 to 100, got 0"),
        ({"decays": (1.0, 1.0)}, "decays: expected different numbers"),
        ({"decays": (0.0,)}, "decays: expected different numbers from 1e-6"),
        ({"seconds": 0.0}, "seconds: expected a number above 0"),
        ({"tolerance": -1.0}, "tolerance: expected a number from 0 to 100"),
        ({"learning_rate": 0.0}, "learning_rate: expected a number above 0"),
    ],
)
def test_plans_that_cannot_be_are_refused(setting, told):
    with pytest.raises(UserError, match=told):
        CrossPlan(**setting)


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "least", "plain"), [("adult", 0.9280, 0.926), ("bank", 0.9440, 0.939)])
def test_published_tables_reach_what_is_published(name, least, plain):
    folder = find_published(name)
    if folder is None:
        pytest.skip(f"no {name}")
    data = load_fields(name, folder)
    search, _ = searched(CrossPlan(), data, threads=2)
    assert on_test(search.model(), data) > least
    assert on_test(search.plain(), data) > plain
