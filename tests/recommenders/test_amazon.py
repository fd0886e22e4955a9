import gzip
import json

import pytest

from core.common.errors import UserError
from recommenders.data.amazon import load_electronics

#: user, item, rating, time.
REVIEWS = [
    ("B", "i2", 5.0, 30),
    ("A", "i3", 4.0, 20),
    ("A", "i1", 5.0, 10),
    ("B", "i0", 4.0, 10),  # the same time as A's i1: users in order of their ids, then items
    ("A", "i2", 1.0, 20),  # the same time and user as i3: items in order of their ids
    ("A", "i1", 1.0, 40),  # again: the first in order of time stays
    ("B", "i3", 2.0, 40),
    ("B", "i3", 5.0, 50),  # again
    ("A", "i4", 3.0, 25),
]


@pytest.fixture
def reviews(tmp_path):
    path = tmp_path / "reviews_Electronics_5.json.gz"
    keys = ("reviewerID", "asin", "overall", "unixReviewTime")
    lines = [json.dumps(dict(zip(keys, review, strict=True)) | {"summary": "nice"}) for review in REVIEWS]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def rows(dataset, part):
    pairs = getattr(dataset, part)
    ids = dataset.user_ids[pairs.user].tolist(), dataset.item_ids[pairs.item].tolist()
    return list(zip(*ids, pairs.label.tolist(), strict=True))


def test_reviews_are_ordered_freed_of_repeated_pairs_and_split(reviews):
    dataset = load_electronics(reviews, seed=0)
    # In order: A i1 1, B i0 1, A i2 0, A i3 1, A i4 0, B i2 1, B i3 0.
    assert rows(dataset, "train") == []
    assert rows(dataset, "validation") == [("A", "i1", 1), ("B", "i0", 1), ("A", "i2", 0)]
    assert rows(dataset, "test") == [("A", "i3", 1), ("A", "i4", 0), ("B", "i2", 1), ("B", "i3", 0)]
    assert dataset.user_ids.tolist() == ["A", "B"]
    assert dataset.item_ids.tolist() == ["i0", "i1", "i2", "i3", "i4"]


def test_the_order_of_the_file_does_not_matter(reviews):
    before = load_electronics(reviews, seed=0)
    lines = gzip.decompress(reviews.read_bytes()).decode().split("\n")
    reviews.write_bytes(gzip.compress("\n".join(reversed(lines)).encode()))
    after = load_electronics(reviews, seed=0)
    assert all(rows(before, part) == rows(after, part) for part in ("train", "validation", "test"))


def test_without_a_path_it_says_how_to_give_one():
    with pytest.raises(UserError, match=r"reviews_Electronics_5\.json\.gz with --data"):
        load_electronics(None, seed=0)
