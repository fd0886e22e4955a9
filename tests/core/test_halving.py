from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.search.halving import rungs, survivors
from tests.strategies import law


@pytest.mark.parametrize(
    ("most", "factor", "expected"),
    [(10, 1, [10]), (10, 3, [1, 3, 10]), (9, 3, [1, 3, 9]), (10, 2, [1, 2, 5, 10]), (1, 3, [1]), (2, 3, [2])],
)
def test_rungs_by_hand(most, factor, expected):
    assert rungs(most, factor) == expected


@law
@given(st.integers(1, 10_000), st.integers(1, 10))
def test_rungs_rise_by_the_factor_up_to_the_most(most, factor):
    found = rungs(most, factor)
    assert found[-1] == most
    assert 1 <= found[0] < max(factor, 2) or factor == 1
    assert all(low == high // factor for low, high in pairwise(found))


@law
@given(st.lists(st.sampled_from([float("nan"), float("inf"), 0.1, 0.2, 0.3]), max_size=20), st.integers(1, 5))
def test_the_best_survive_and_at_least_one(scores, factor):
    kept = survivors(scores, factor)
    assert kept == sorted(set(kept))
    assert len(kept) == -(-len(scores) // factor)
    worth = [score if score < 1 else -1 for score in scores]
    dropped = [worth[i] for i in range(len(scores)) if i not in kept]
    assert not dropped or not kept or max(dropped) <= min(worth[i] for i in kept)


def test_of_equal_ones_the_first_go_on():
    assert survivors([0.5, 0.5, 0.5, 0.5], 2) == [0, 1]
