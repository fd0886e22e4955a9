import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.seeding import numpy_rng
from recommenders.data.negatives import TooFewItems, draw_negatives
from tests.strategies import examples

laws = examples(80, 400)


@st.composite
def positives(draw):
    """Distinct pairs of users and items, and how many negatives to draw for each."""
    n_items = draw(st.integers(2, 40))
    n_each = draw(st.integers(1, 6))
    per_user = draw(st.lists(st.sets(st.integers(0, n_items - 1), max_size=n_items), min_size=1, max_size=6))
    pairs = [(user, item) for user, items in enumerate(per_user) for item in sorted(items)]
    shuffled = draw(st.permutations(pairs))
    user, item = (np.array([pair[i] for pair in shuffled], dtype=np.int64) for i in (0, 1))
    return user, item, n_items, n_each


@laws
@given(positives(), st.integers(0, 3))
def test_no_negative_is_an_item_of_its_user_and_none_comes_twice_where_there_are_enough(made, seed):
    user, item, n_items, n_each = made
    if not len(user):
        return
    left = n_items - np.bincount(user)
    if (left[np.unique(user)] < n_each).any():
        with pytest.raises(TooFewItems):
            draw_negatives(user, item, n_items, n_each, numpy_rng("negatives", seed))
        return
    drawn = draw_negatives(user, item, n_items, n_each, numpy_rng("negatives", seed))
    assert drawn.shape == (len(user), n_each)
    assert ((drawn >= 0) & (drawn < n_items)).all()
    assert all(len(set(row)) == n_each for row in drawn.tolist())
    for one in set(user.tolist()):
        own, theirs = set(item[user == one].tolist()), drawn[user == one].ravel().tolist()
        assert own.isdisjoint(theirs)
        if len(theirs) <= n_items - len(own):
            assert len(set(theirs)) == len(theirs)


def test_the_same_seed_draws_the_same_and_another_one_others():
    user, item = np.repeat(np.arange(20), 5), np.tile(np.arange(5), 20)
    first, again, other = (draw_negatives(user, item, 1_000, 4, numpy_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("n_items", [30, 3_000])
def test_every_item_left_is_drawn_about_as_often(n_items):
    user, item = np.repeat(np.arange(2_000), 2), np.tile([0, 1], 2_000)
    drawn = draw_negatives(user, item, n_items, 3, numpy_rng("even"))
    counts = np.bincount(drawn.ravel(), minlength=n_items)[2:]
    expected = drawn.size / (n_items - 2)
    assert abs(counts - expected).max() < 6 * np.sqrt(expected) + 1
