import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data.dataset import Ratings
from recommenders.data.labels import binary_labels, deduplicate, label_ratings


def labels(ratings, positive_at=None):
    rating = np.array(ratings, dtype=np.float64)
    return binary_labels("x.csv", rating, len(rating), positive_at)[0].tolist()


def test_four_and_more_are_positive_unless_said():
    assert labels([1, 3.5, 4, 5]) == [0, 0, 1, 1]
    assert labels([1, 3.5, 4, 5], 3.5) == [0, 1, 1, 1]


@pytest.mark.parametrize("ratings", [[0, 1, 1], [-1, 1, 1], [1], [0]])
def test_ratings_of_two_values_are_labels(ratings):
    assert labels(ratings) == [float(rating > 0) for rating in ratings]


def test_a_border_makes_labels_of_labels_too():
    assert labels([-1, 0, 1], 0) == [0, 1, 1]
    assert labels([0, 1], 0.5) == [0, 1]


def test_other_small_numbers_are_no_labels():
    assert labels([-1, 0, 1]) == [0, 0, 0]


def test_without_ratings_all_are_positive_and_there_is_no_border():
    label, said = binary_labels("x.csv", None, 3, None)
    assert label.tolist() == [1, 1, 1]
    assert "every row is a positive" in said
    with pytest.raises(UserError, match="--rating-col"):
        binary_labels("x.csv", None, 3, 4)


def test_a_border_that_no_rating_reaches_is_refused_with_the_range():
    with pytest.raises(UserError, match=r"--positive-at 6: .* they go from 1 to 5"):
        labels([1, 5], 6)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.sampled_from(["last", "first", "all"]))
def test_of_a_pair_the_first_the_last_or_all_stay(pairs, which):
    stays, n = deduplicate(np.array(pairs), which)
    kept = list(range(len(pairs))) if stays is None else np.flatnonzero(stays).tolist()
    assert n == len(pairs) - len(set(pairs))
    if which == "all":
        assert kept == list(range(len(pairs)))
    else:
        place = {pair: i for i, pair in (enumerate(pairs) if which == "last" else reversed(list(enumerate(pairs))))}
        assert kept == sorted(place.values())


def test_ratings_of_published_data_are_positive_from_four_on():
    n = np.arange(5)
    ratings = Ratings(n, n, np.array([1, 3.99, 4, 5, -1]), None, n, n)
    labelled = label_ratings(ratings)
    assert labelled.label.tolist() == [0, 0, 1, 1, 0]
    assert labelled.label.dtype == np.float32
    assert label_ratings(ratings, positive_at=3.5).label.tolist() == [0, 1, 1, 1, 0]
