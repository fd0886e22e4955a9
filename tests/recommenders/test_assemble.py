import numpy as np

from recommenders.data.assemble import by_time_or_random, labelled
from recommenders.data.dataset import Ratings


def ratings(rating, timestamp=None, user=None):
    n = len(rating)
    user = np.zeros(n, dtype=np.int64) if user is None else np.array(user)
    timestamp = None if timestamp is None else np.array(timestamp)
    return Ratings(user, np.arange(n), np.array(rating, dtype=float), timestamp, np.arange(n), np.arange(n))


def items(dataset):
    return [part.item.tolist() for part in (dataset.train, dataset.validation, dataset.test)]


def test_four_and_more_is_positive():
    part = labelled(ratings([1, 3.99, 4, 5, -1]))
    assert part.label.tolist() == [0, 0, 1, 1, 0]
    assert part.label.dtype == np.float32
    assert labelled(ratings([2, 3]), positive_at=2.5).label.tolist() == [0, 1]


def test_with_timestamps_the_latest_positives_are_held_out():
    dataset = by_time_or_random("x", ratings([5, 5, 1, 5, 2], timestamp=[50, 40, 30, 20, 60]), seed=0)
    assert items(dataset) == [[3, 2], [1], [0, 4]]  # in order of time
    assert "leave-one-out" in dataset.split


def test_equal_times_stay_in_the_order_of_the_file():
    times = [n * n % 7 for n in range(300)]
    dataset = by_time_or_random("x", ratings([1] * 300, timestamp=times), seed=0)  # no positive: all rows train
    assert items(dataset) == [sorted(range(300), key=times.__getitem__), [], []]


def test_without_timestamps_rows_are_split_at_random_by_seed_and_name():
    def split(name, seed):
        return items(by_time_or_random(name, ratings([5, 1] * 50), seed))

    train, validation, test = split("x", 0)
    assert (len(train), len(validation), len(test)) == (80, 10, 10)
    assert split("x", 0) == [train, validation, test]
    assert split("x", 1) != split("x", 0) != split("y", 0)
    assert "random" in by_time_or_random("x", ratings([5, 1] * 50), 0).split
