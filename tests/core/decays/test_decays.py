"""Rules of weight decay, what is written for them, and their spaces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.decays.rules import Law, Levels, Power, groups
from core.decays.spaces import LawSpace, LevelSpace
from core.decays.treatment import BY_NAME, GRANULARITIES, Learned, Treatment
from core.testing.space import SpaceContract
from tests.strategies import law

LEVELS = (0.0, 0.001, 0.01, 0.1)
seeds = st.integers(0, 2**32 - 1)


class TestLevels(SpaceContract):
    def make(self):
        return LevelSpace(LEVELS, 3)


class TestLaws(SpaceContract):
    def make(self):
        return LawSpace(3)


@law
@given(st.sampled_from([LevelSpace(LEVELS, 3), LawSpace(3)]), seeds)
def test_what_is_printed_is_read_back(space, seed):
    (rule,) = space.decode(space.sample(1, np.random.default_rng(seed)))
    assert space.parse(str(rule)).key == rule.key
    assert Treatment.parse(str(rule)).rule.key == rule.key
    assert rule.to_dict() == {"rule": str(rule)}


@pytest.mark.parametrize("name", [*BY_NAME, *(f"{one}-refit" for one in BY_NAME), "DU-coded", "DUI-coded-refit"])
def test_names_are_read_back(name):
    assert str(Treatment.parse(name)) == name
    assert Treatment.parse(name).refit == name.endswith("-refit")


def test_equal_levels_have_one_key_however_they_are_written():
    assert Levels.parse("0.010 .1 | 0 1e-3").key == Levels.parse("0.01 0.1 | 0.0 0.001").key
    assert Levels.parse("0.01 0.01 | 0.01 0.1").complexity == 2


@law
@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(1, 8))
def test_groups_go_by_frequency_alone(counts, n):
    frequency = np.array(counts, dtype=np.float64)
    found = groups(frequency, n)
    order = np.argsort(frequency, kind="stable")
    assert found.min() >= 0
    assert found.max() < n
    assert (np.diff(found[order]) >= 0).all()  # the rarest are in the first
    for one in np.unique(frequency):
        assert len(set(found[frequency == one])) == 1


def test_groups_share_training_pairs():
    frequency = np.arange(1.0, 2001.0)
    pairs = np.bincount(groups(frequency, 4), weights=frequency)
    np.testing.assert_allclose(pairs, frequency.sum() / 4, rtol=0.01)


def test_rules_say_what_their_formulas_do():
    n = np.array([1.0, 2.0, 9.0])  # mean 4
    np.testing.assert_allclose(Law.parse("n").decays(n, 0, 0.5), n / 4)
    np.testing.assert_allclose(Law.parse("n - 1 - e").decays(n, 1, 0.5), np.abs(n / 4 - 1.5))
    np.testing.assert_allclose(Power(-0.5).decays(np.array([0.0, 4.0]), 0, 0.0), [1.0, 0.5])
    assert Levels.parse("0.1 0.2 | 0.3 0.4").decays(n, 1, 0.0).tolist() == [0.3, 0.3, 0.4]


@pytest.mark.parametrize(("text", "changes"), [("n", False), ("1", False), ("e*n", True), ("n + e", True)])
def test_whether_decays_change_is_known(text, changes):
    assert Law.parse(text).changes == changes


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("m*n", "unknown name 'm', expected one of n, e, 1, add"),
        ("y_hat", "unknown name 'y_hat'"),
        ("", "expected a variable"),
        ("0.1 0.2 | ", "decays of items: expected a number from 0 to 10 for each group, got ''"),
        ("0.1 x | 0.1", "decays of users: expected a number from 0 to 10 for each group, got '0.1 x'"),
        ("0.1 | nan", "decays of items: expected a number from 0 to 10"),
        ("0.1 | -1", "decays of items: expected a number from 0 to 10"),
        ("0.1 | 0.2 | 0.3", "expected those of users, a |, and those of items"),
        ("DIU", "unknown name 'DIU'"),
        ("__import__('os')", "malformed formula"),
    ],
)
def test_what_is_no_rule_gets_a_line(text, told):
    with pytest.raises(UserError) as refused:
        Treatment.parse(text)
    assert told in str(refused.value)


def test_what_is_not_in_a_space_is_told():
    with pytest.raises(UserError, match=r"expected levels of groups, such as 0\.1 0\.1 \| 0\.1 0\.1"):
        LevelSpace(LEVELS, 2).encode(Law.parse("n"))
    with pytest.raises(UserError, match="expected 2 of users and of items"):
        LevelSpace(LEVELS, 2).encode(Levels.parse("0.1 | 0.1"))
    with pytest.raises(UserError, match=r"expected one of 0, 0\.001, 0\.01, 0\.1, got 0\.5"):
        LevelSpace(LEVELS, 1).encode(Levels.parse("0.5 | 0.1"))
    with pytest.raises(UserError, match=r"expected a formula of n and e, such as 1/\(root\(n\)\)"):
        LawSpace().encode(Levels.parse("0.1 | 0.1"))
    with pytest.raises(UserError, match="groups: expected 1 to 32, got 0"):
        LevelSpace(LEVELS, 0)
    with pytest.raises(UserError, match="expected at least two different numbers"):
        LevelSpace((0.1, 0.1))
    with pytest.raises(UserError, match="lines: expected 1 to 12, got 13"):
        LawSpace(13)
    with pytest.raises(UserError, match="unknown granularity 'X'"):
        Learned("X")
    assert set(GRANULARITIES) == {"D", "U", "I", "UI", "DU", "DI", "DUI"}
