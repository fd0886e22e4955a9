"""Ratings as they are: read, split at random, described."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data.dataset import PARTS, Ratings
from recommenders.data.explicit import ExplicitOptions, load_ratings, planted_ratings, split_ratings
from recommenders.data.options import TableOptions
from tests.strategies import law

SHARES = ExplicitOptions(train_share=0.6, validation_share=0.2)


def of_rows(rows, n_users=50, n_items=40):
    user, item, value = (np.array(column) for column in zip(*rows, strict=True))
    return Ratings(user, item, value.astype(float), None, np.arange(n_users), np.arange(n_items))


rows = st.lists(
    st.tuples(st.integers(0, 49), st.integers(0, 39), st.sampled_from([1.0, 2.0, 3.0, 4.5])),
    min_size=30,
    max_size=200,
    unique_by=lambda row: row[:2],
)


def pairs(data):
    return {
        name: sorted(zip(part.user.tolist(), part.item.tolist(), part.value.tolist(), strict=True))
        for name, part in data.parts.items()
    }


@law
@given(rows, st.randoms(use_true_random=False), st.integers(0, 99))
def test_every_rating_is_in_one_part_whatever_the_order_of_the_rows(given_rows, random, seed):
    try:
        data = split_ratings("x", of_rows(given_rows), SHARES, seed)
    except UserError as error:  # all ratings of the training part are alike
        assert "expected different ratings" in str(error)  # noqa: PT017
        return
    found = pairs(data)
    assert sorted(row for part in found.values() for row in part) == sorted(given_rows)
    counts = [len(found[name]) for name in PARTS]
    assert counts == pytest.approx([0.6 * len(given_rows), 0.2 * len(given_rows), 0.2 * len(given_rows)], abs=1)
    shuffled = list(given_rows)
    random.shuffle(shuffled)
    other = split_ratings("x", of_rows(shuffled), SHARES, seed)
    assert pairs(other) == found
    assert other.digest() == data.digest()


def test_another_seed_is_another_split_and_another_digest():
    one, other = (split_ratings("x", planted_ratings(40, 30, 10), SHARES, seed) for seed in (0, 1))
    assert pairs(one) != pairs(other)
    assert one.digest() != other.digest()


def test_repeated_pairs_count_once():
    data = split_ratings("x", of_rows([(i % 10, i % 4, float(i % 3)) for i in range(60)]), SHARES, 0)
    assert sum(map(len, data.parts.values())) == 20
    assert any("40 rows repeat" in note for note in data.notes)


def test_a_table_is_read_and_described(tmp_path):
    file = tmp_path / "mine.csv"
    lines = [f"u{i % 20},i{i % 33},{1 + i % 5}" for i in range(400)]
    file.write_text("user,item,stars\n" + "\n".join(lines) + "\n")
    options = ExplicitOptions(table=TableOptions(rating_col="stars"))
    data = load_ratings("table", file, 3, options)
    assert (data.name, data.n_users, data.n_items) == ("mine", 20, 33)
    assert data.described()["parts"] == {"train": 200, "validation": 100, "test": 100}
    assert data.lines()[0].startswith("Data mine: 400 ratings by 20 users of 33 items, mean ")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: ExplicitOptions(train_share=0.0), "train_share: expected a share above 0 and below 1, got 0.0"),
        (lambda: ExplicitOptions(train_share=0.8), "expected less than 1 together"),
        (lambda: ExplicitOptions(table=TableOptions(positive_at=4)), "positive_at: ratings are taken as they are"),
        (lambda: load_ratings("nowhere"), "unknown data set of ratings 'nowhere'"),
        (lambda: load_ratings("table"), "expected the path of a file"),
        (lambda: load_ratings("synthetic", options=ExplicitOptions(table=TableOptions(user_col="u"))), "user_col"),
        (
            lambda: split_ratings("x", of_rows([(0, 0, 1.0)]), SHARES, 0),
            "expected ratings in the .* part, got none of 1 pairs",
        ),
        (
            lambda: split_ratings("x", of_rows([(i, i, 3.0) for i in range(40)]), SHARES, 0),
            "expected different ratings of which .*, got 3 to 3 in the training part",
        ),
        (
            lambda: split_ratings("x", of_rows([(i, i, (-1) ** i * 1e300) for i in range(40)]), SHARES, 0),
            r"got -1e\+300 to 1e\+300 in the training part",
        ),
        (
            lambda: split_ratings("x", dataclasses.replace(of_rows([(0, 0, 1.0)]), rating=None), SHARES, 0),
            "expected a column of ratings, got none; name it with rating_col",
        ),
    ],
)
def test_what_cannot_be_split_gets_a_line(make, told):
    with pytest.raises(UserError, match=told):
        make()
