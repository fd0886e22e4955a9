"""The space of sets of crosses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.crosses.cross import Feature
from core.crosses.spaces import CrossSpace
from core.crosses.tree import CrossSet
from core.testing.space import SpaceContract
from tests.strategies import law

FEATURES = (Feature("a b"), Feature("c"), Feature("n", "q", 10), Feature("n", "q", 100), Feature("d"))
SPACE = CrossSpace(FEATURES, 3, 3)


class TestSets(SpaceContract):
    def make(self):
        return SPACE


class TestPairs(SpaceContract):
    def make(self):
        return CrossSpace(FEATURES[1:], 1, 2)


@law
@given(st.integers(0, 2**32 - 1))
def test_crosses_have_features_of_different_columns_and_no_set_has_one_twice(seed):
    rng = np.random.default_rng(seed)
    for one in SPACE.decode(SPACE.repaired(rng.integers(SPACE.sizes, size=(4, 9)))):
        assert len(one.crosses) <= 3
        assert all(2 <= len(cross) <= 3 for cross in one.crosses)
        assert len(set(one.crosses)) == len(one.crosses)


def test_mutants_have_more_and_fewer_crosses_and_other_features():
    genome = SPACE.encode(CrossSet.parse("c x n/q10; c x d"))
    rng = np.random.default_rng(0)
    sizes = {one.complexity for one in SPACE.decode(SPACE.varied(np.tile(genome, (200, 1)), rng))}
    assert sizes == {1, 2, 3}
    empty = SPACE.encode(CrossSet())
    assert {one.complexity for one in SPACE.decode(SPACE.varied(np.tile(empty, (20, 1)), rng))} == {1}


def test_the_empty_set_has_a_name():
    assert SPACE.decode(SPACE.encode(SPACE.parse("none"))[None]) == [CrossSet()]
    assert str(CrossSet()) == "none"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("c x e", 'expected features of "a b", c, n/q10, n/q100, d, got e'),
        ('c x d x n/q10 x "a b"', "expected at most 3 features, got 4"),
        ("c x d; c x n/q10; d x n/q10; d x n/q100", "expected at most 3 crosses, got 4"),
        ("c x n/q7", "expected features of n/q10, n/q100, got n/q7"),
        ("c", "expected two features or more in each"),
    ],
)
def test_what_is_not_in_the_space_gets_a_line(text, told):
    with pytest.raises(UserError, match=told):
        SPACE.encode(SPACE.parse(text))


@pytest.mark.parametrize("given_numbers", [{"most_crosses": 0}, {"most_features": 1}, {"made_of": FEATURES[2:4]}])
def test_spaces_that_cannot_be_are_refused(given_numbers):
    with pytest.raises(UserError, match="expected"):
        CrossSpace(**{"made_of": FEATURES, **given_numbers})
