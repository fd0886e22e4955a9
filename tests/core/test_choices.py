"""The space of independent choices, beside its contract."""

import numpy as np
import pytest

from core.common.errors import UserError
from core.search.choices import Choices, ChoiceSpace
from core.search.decision import Decision, Kind

WORD = Kind("word", ("a", "b", "c"))
SPACE = ChoiceSpace((Decision("one", WORD, 3), Decision("two", WORD, 2)))


def test_candidates_are_what_was_chosen_by_name():
    (found,) = SPACE.decode(np.array([[2, 1]]))
    assert found == Choices(("c", "b"))
    assert (str(found), found.key, found.complexity, found.to_dict()) == ("c b", "c b", 2, {"choices": ["c", "b"]})
    assert SPACE.parse(" c  b\n") == found


def test_samples_are_equally_likely():
    drawn, counts = np.unique(SPACE.sample(6_000, np.random.default_rng(0)), axis=0, return_counts=True)
    assert len(drawn) == 6
    assert 850 < min(counts) < max(counts) < 1_150  # 1,000 expected, 29 the standard deviation


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (("a",), "a: expected 2 choices, got 1"),
        (("a", "b", "a"), "expected 2 choices, got 3"),
        (("a", "c"), "two: expected one of a, b, got c"),
        (("x", "b"), "one: expected one of a, b, c, got x"),
    ],
)
def test_choices_outside_of_the_space_are_refused(names, problem):
    with pytest.raises(UserError, match=problem):
        SPACE.encode(Choices(names))


@pytest.mark.parametrize("choices", [(), (Decision("one", WORD, 3), Decision("one", WORD, 2))])
def test_decisions_have_distinct_names(choices):
    with pytest.raises(UserError, match="expected decisions of distinct names"):
        ChoiceSpace(choices)


@pytest.mark.parametrize("size", [0, 4, -1])
def test_a_decision_has_options_of_its_kind(size):
    with pytest.raises(UserError, match=f"decision x: expected 1 to 3 options, got {size}"):
        Decision("x", WORD, size)


@pytest.mark.parametrize("names", [("a", "b", "a"), ("a b",), ("",), (" a",), ("a\n",)])
def test_options_are_distinct_words(names):
    with pytest.raises(UserError, match="options of word: expected distinct names without blanks"):
        Kind("word", names)
