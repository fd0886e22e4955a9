"""The Pareto front of score against complexity."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.phases.front import leading, pareto_front
from tests.strategies import law

ENTRIES = st.lists(st.tuples(st.integers(1, 6), st.none() | st.floats(0, 1) | st.just(math.nan)), max_size=20)


def front(entries):
    return pareto_front(entries, lambda one: one[0], lambda one: one[1])


@law
@given(ENTRIES)
def test_nobody_beats_who_is_on_it_and_somebody_beats_or_equals_everybody_else(entries):
    scored = [one for one in entries if one[1] is not None and math.isfinite(one[1])]
    chosen = front(entries)
    for kept in chosen:
        assert not any(one != kept and one[0] <= kept[0] and one[1] >= kept[1] for one in scored)
    for one in scored:
        assert any(kept[0] <= one[0] and kept[1] >= one[1] for kept in chosen)


@law
@given(ENTRIES, st.randoms())
def test_the_order_of_the_entries_does_not_matter(entries, rng):
    shuffled = list(entries)
    rng.shuffle(shuffled)
    assert front(shuffled) == front(entries)


@law
@given(ENTRIES)
def test_it_ascends_in_both(entries):
    chosen = front(entries)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(chosen))


def test_nothing_comes_of_nothing():
    assert front([(1, None), (2, math.nan)]) == []


def test_the_best_of_those_that_are_simpler_go_on_too():
    entries = [(6, 0.9), (2, 0.8), (1, 0.7), (1, 0.6), (1, -math.inf)]

    def led(at_most, simpler):
        return leading(entries, lambda one: one[1], lambda one: one[0], at_most, simpler)

    assert led(1, 5) == ([(6, 0.9)], [(2, 0.8), (1, 0.7)]), "the best first; none that is beaten"
    assert led(1, 1) == ([(6, 0.9)], [(2, 0.8)])
    assert led(2, 5) == ([(6, 0.9), (2, 0.8)], [(1, 0.7)])
