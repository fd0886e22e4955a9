"""Crosses and the tree of their sets: they read back, and children are what the definition says."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.crosses.cross import Cross, Feature, parse_crosses, write_crosses
from core.crosses.tree import CrossSet, children
from tests.strategies import law

NAMES = st.sampled_from(["a", "b", "x", "a b", 'say "x"', "", "a/q10", ";", "é\n"]) | st.text(max_size=6)
FEATURES = st.builds(
    lambda name, cut: Feature(name, *cut),
    NAMES,
    st.sampled_from([("", 0), ("q", 10), ("w", 10), ("q", 100)]),
)
CROSSES = st.lists(FEATURES, min_size=1, max_size=4, unique_by=lambda one: one.column).map(
    lambda some: Cross(tuple(some))
)


@law
@given(st.lists(CROSSES, max_size=4), st.randoms(use_true_random=False))
def test_crosses_read_back_whatever_the_names_and_the_order(crosses, random):
    assert parse_crosses(write_crosses(crosses)) == tuple(crosses)
    for one in crosses:
        shuffled = list(one.features)
        random.shuffle(shuffled)
        again = Cross(tuple(shuffled))
        assert (again, again.key, Cross.parse(str(one))) == (one, one.key, one)
    pairs = [one for one in crosses if len(one) > 1]
    random.shuffle(pairs)
    assert CrossSet.parse(str(CrossSet(tuple(pairs)))) == CrossSet(tuple(pairs))


@law
@given(CROSSES, CROSSES)
def test_two_crosses_meet_in_all_their_features_unless_one_column_is_cut_in_two_ways(one, other):
    found = one.meeting(other)
    assert found == other.meeting(one)
    clash = any(a.column == b.column and a != b for a in one.features for b in other.features)
    assert (found is None) == clash
    if found is not None:
        assert set(found.features) == {*one.features, *other.features}


@law
@given(st.lists(CROSSES, max_size=7, unique=True), st.integers(2, 5))
def test_children_are_all_new_crosses_of_two_members_once(members, most):
    found = children(members, most)
    expected = {one.meeting(other) for one, other in combinations(members, 2)} - {None, *members}
    assert {child.cross for child in found} == {one for one in expected if len(one) <= most}
    assert len({child.cross for child in found}) == len(found)
    assert all(members[c.left].meeting(members[c.right]) == c.cross and c.right < c.left for c in found)


def test_a_cross_and_a_set_are_written_as_people_do():
    cross = Cross((Feature("occupation"), Feature("age", "q", 100), Feature("capital gain")))
    assert str(cross) == 'age/q100 x "capital gain" x occupation'
    found = CrossSet((cross,)) | Cross.parse("b x a")
    assert str(found) == 'a x b; age/q100 x "capital gain" x occupation'
    assert (found.complexity, found.to_dict()) == (2, {"crosses": str(found)})
    assert CrossSet.parse("none") == CrossSet()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected some, as in education x occupation; age x sex, or none"),
        ("a b", "expected features with x between them"),
        ("a x", "expected features with x between them"),
        ("a x ", "expected features with x between them"),
        ("x a", "expected features with x between them"),
        ("a xb", "expected features"),
        ("a x b;", "expected one or more features, got none"),
        ("a x a/q10", "expected features of different columns"),
        ("a/q1", "expected 2 to 10,000 bins, got 1"),
        ("a/z10", "expected bins spaced by w or q, got 'z'"),
        ('"\\q" x b', "expected a name in quotation marks as in JSON"),
        ("__import__('os') x b/", "expected features"),
        ("a", "expected two features or more"),
    ],
)
def test_what_is_no_cross_gets_a_line(text, told):
    with pytest.raises(UserError, match=told):
        CrossSet.parse(text)


def test_one_cross_is_expected_where_one_is_read():
    with pytest.raises(UserError, match="expected one, as in education x occupation"):
        Cross.parse("a x b; c x d")
