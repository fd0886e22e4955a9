"""Negatives: what is drawn, from what, and how often."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data.implicit import UserItems
from recommenders.data.implicit.draws import alias_table
from recommenders.data.implicit.samplers import SAMPLERS, parse_sampler
from recommenders.data.implicit.synthetic import planted_items
from tests.strategies import examples

laws = examples(30, 200)
DATA = planted_items(n_users=50, n_items=30, mean_items=6)
USERS = DATA.train.users().astype(np.int32)


@laws
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40).filter(lambda weights: sum(weights) > 1e-3))
def test_an_alias_table_has_the_weights_that_it_was_made_of(weights):
    n, keep, other = alias_table(np.array(weights))
    assert n == len(weights)
    if not len(keep):  # all are kept
        keep, other = np.full(n, 2**32, dtype=np.uint64), np.arange(n)
    share = np.bincount(other, (2.0**32 - keep) / 2.0**32, minlength=len(weights)) + keep / 2.0**32
    np.testing.assert_allclose(share / len(weights), np.array(weights) / sum(weights), atol=1e-8)


@pytest.mark.parametrize("weights", [[], [0.0], [-1.0, 2.0], [np.nan], [np.inf]])
def test_weights_of_nothing_are_refused(weights):
    with pytest.raises(UserError, match="weights of items"):
        alias_table(np.array(weights, dtype=float))


@pytest.mark.parametrize(
    ("line", "weights"),
    [
        ("uniform:negatives=200", np.ones(30)),
        ("hard:negatives=1:pool=200", np.ones(30)),
        ("shared:negatives=10000", np.ones(30)),
        ("shared:negatives=10000:power=1", DATA.popularity()),
        ("popularity:negatives=200:power=.5", DATA.popularity() ** 0.5),
    ],
)
def test_items_are_drawn_as_often_as_they_should_be(line, weights):
    drawn = parse_sampler(line).prepare(DATA.train, 30).draw(11, USERS, 0)
    times = np.bincount(drawn.ravel(), minlength=30)
    some = weights > 0
    assert times[~some].sum() == 0
    expected = weights[some] / weights.sum() * times.sum()
    assert scipy.stats.chisquare(times[some], expected).pvalue > 1e-3


@pytest.mark.parametrize("line", ["uniform:negatives=20", "popularity:negatives=20", "hard:negatives=5:pool=20"])
@pytest.mark.parametrize("excluded", [False, True])
def test_positives_are_drawn_unless_they_are_excluded(line, excluded):
    sampler = parse_sampler(f"{line}:exclude_positives={str(excluded).lower()}")
    drawn = sampler.prepare(DATA.train, 30).draw(11, USERS, 0)
    is_positive = [item in DATA.train.of(user) for user, row in zip(USERS, drawn, strict=True) for item in row]
    assert any(is_positive) is not excluded


def test_a_user_who_has_every_item_gets_one_of_them():
    every = UserItems.of_pairs(np.zeros(4, dtype=int), np.arange(4), 1)
    drawn = parse_sampler("uniform:negatives=7:exclude_positives=true").prepare(every, 4).draw(1, np.zeros(3, int), 0)
    assert drawn.shape == (3, 7)
    assert set(drawn.ravel()) <= set(range(4))


@pytest.mark.parametrize("name", SAMPLERS)
@laws
@given(st.integers(0, 2**63 - 1), st.integers(1, 40))
def test_draws_depend_on_the_seed_and_the_number_of_an_example_alone(name, seed, size):
    sampler = parse_sampler(f"{name}:negatives=3").prepare(DATA.train, 30)
    whole = sampler.draw(seed, USERS[:size], 5)
    assert (sampler.draw(seed, USERS[:size], 5) == whole).all()
    if not sampler.sampler.shared:
        assert (sampler.draw(seed, USERS[size - 1 : size], 5 + size - 1) == whole[-1:]).all()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("shard", "unknown sampler 'shard': expected one of hard, popularity, shared, uniform"),
        ("uniform:negatives=0", "negatives: expected 1 to 100,000, got 0"),
        ("hard:negatives=9:pool=8", "pool: expected 9 to 100,000, got 8"),
        ("popularity:power=-1", "power: expected 0 to 10, got -1"),
        ("shared:exclude_positives=true", "setting of shared"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_line(line, message):
    with pytest.raises(UserError, match=message):
        parse_sampler(line)


@pytest.mark.parametrize(
    ("line", "n_items", "doubted"),
    [
        ("shared:negatives=100000", 200, True),
        ("uniform:negatives=201", 200, True),
        ("hard:pool=300", 200, True),
        ("shared:negatives=300", 300, False),
        ("shared", 200, False),  # nobody has asked for these
    ],
)
def test_more_negatives_than_items_are_doubted(line, n_items, doubted):
    assert bool(parse_sampler(line).doubts(n_items)) is doubted
