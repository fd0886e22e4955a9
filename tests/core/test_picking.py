"""Which of the found losses is taken."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.phases.picking import Pick
from tests.strategies import law

#: (operators, score)
FOUND = ((5, 0.80), (7, 0.81), (3, 0.7), (5, 0.79), (2, -math.inf))


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("best", (7, 0.81)),
        ("complexity<=7", (7, 0.81)),
        ("complexity <= 6", (5, 0.80)),
        ("complexity<=3", (3, 0.7)),
        ("complexity<=2", (2, -math.inf)),
        ("complexity<=1", None),
        ("within<=0.02", (5, 0.80)),
        ("within<=0.2", (3, 0.7)),
        ("within<=0", (7, 0.81)),
    ],
)
def test_rules(text, taken):
    assert Pick.parse(text).choose(FOUND, lambda one: one[0], lambda one: one[1]) == taken


@pytest.mark.parametrize(
    "text",
    ["", "first", "complexity<5", "complexity<=0", "complexity<=2.5", "complexity<=nan", "within<=-1", "within<=inf",
     "complexity<=five", "complexity<=1e400", "complexity>=3", "best 3", "within<=" + "9" * 5000],
)  # fmt: skip
def test_other_texts_are_refused_in_a_line(text):
    with pytest.raises(UserError, match="pick: expected best, complexity<=N") as refused:
        Pick.parse(text)
    assert len(str(refused.value)) < 400


@law
@given(st.lists(st.tuples(st.integers(1, 9), st.floats(0, 1)), min_size=1), st.integers(1, 9))
def test_what_is_picked_is_as_simple_as_asked_and_the_best_of_these(found, most):
    picked = Pick(complexity=most).choose(found, lambda one: one[0], lambda one: one[1])
    simple = [one for one in found if one[0] <= most]
    assert (picked is None) == (not simple)
    if picked is not None:
        assert picked in simple
        assert picked[1] == max(score for _, score in simple)


@law
@given(st.lists(st.tuples(st.integers(1, 9), st.floats(0, 1)), min_size=1), st.floats(0, 1))
def test_what_is_close_to_the_best_is_never_longer(found, within):
    best = Pick().choose(found, lambda one: one[0], lambda one: one[1])
    picked = Pick(within=within).choose(found, lambda one: one[0], lambda one: one[1])
    assert best[1] - picked[1] <= within
    assert picked[0] <= best[0]
