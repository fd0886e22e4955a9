import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommenders.data.split import classic_quicksort, positive_leave_one_out, random_split
from tests.recommenders.problems import interactions

laws = settings(deadline=None)
#: Keys and np.argsort(np.array(keys, np.longdouble), kind="quicksort"), the scalar sort that NumPy (2.4) still has.
GOLDEN = [
    ([i * i % 7 for i in range(40)],
     [0, 35, 14, 7, 28, 21, 22, 15, 13, 27, 29, 8, 6, 34, 36, 1, 20, 32, 25, 24, 31, 39, 18, 17, 3, 4, 11, 10, 38, 37,
      2, 33, 30, 9, 12, 26, 16, 23, 5, 19]),
    ([i * 37 % 11 for i in range(60)],
     [0, 33, 22, 55, 44, 11, 25, 36, 47, 14, 58, 3, 17, 6, 39, 50, 28, 42, 9, 20, 53, 31, 45, 12, 1, 23, 34, 56, 48, 37,
      59, 26, 4, 15, 29, 18, 40, 51, 7, 32, 21, 54, 43, 10, 57, 2, 13, 35, 24, 46, 49, 16, 5, 38, 27, 30, 8, 41, 52,
      19]),
]  # fmt: skip


def numbered(user, label):
    """Interactions whose item is their row number."""
    return interactions(user, range(len(user)), label)


@st.composite
def ordered_interactions(draw):
    rows = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1)), max_size=30))
    return numbered([user for user, _ in rows], [label for _, label in rows])


def by_hand(ordered):
    """The part of every row, user by user, as section 5.1.1 says it: 0 training, 1 validation, 2 test."""
    part = [0] * len(ordered)
    for user in set(ordered.user.tolist()):
        rows = [row for row in range(len(ordered)) if ordered.user[row] == user]
        for held_out in (2, 1):
            positives = [row for row in rows if ordered.label[row] == 1]
            if positives:
                for row in rows[rows.index(positives[-1]) :]:
                    part[row] = held_out
                rows = rows[: rows.index(positives[-1])]
    return part


@laws
@given(keys=st.lists(st.integers(-3, 60), max_size=120) | st.lists(st.integers(), max_size=60))
def test_the_sort_sorts(keys):
    order = classic_quicksort(np.array(keys, dtype=object))
    assert sorted(order.tolist()) == list(range(len(keys)))
    assert [keys[i] for i in order] == sorted(keys)


@laws
@given(keys=st.lists(st.integers(0, 5), max_size=120))
def test_the_sort_leaves_ties_where_it_always_does_and_its_input_alone(keys):
    array = np.array(keys, dtype=np.int64)
    assert classic_quicksort(array).tolist() == classic_quicksort(array.copy()).tolist()
    assert array.tolist() == keys


@laws
@given(keys=st.lists(st.integers(0, 4), max_size=16))
def test_up_to_sixteen_elements_the_sort_is_stable(keys):
    array = np.array(keys, dtype=np.int64)
    assert classic_quicksort(array).tolist() == np.argsort(array, kind="stable").tolist()


@pytest.mark.parametrize(("keys", "expected"), GOLDEN)
def test_ties_end_where_numpys_scalar_quicksort_leaves_them(keys, expected):
    assert classic_quicksort(np.array(keys)).tolist() == expected


@laws
@given(ordered=ordered_interactions())
def test_positive_leave_one_out_is_the_rule_of_the_paper(ordered):
    part = by_hand(ordered)
    for number, found in enumerate(positive_leave_one_out(ordered)):
        assert found.item.tolist() == [row for row in range(len(ordered)) if part[row] == number]  # in that order


@laws
@given(ordered=ordered_interactions())
def test_the_parts_are_disjoint_and_cover_everything_and_rows_stay_whole(ordered):
    parts = positive_leave_one_out(ordered)
    rows = np.concatenate([part.item for part in parts])
    assert sorted(rows.tolist()) == list(range(len(ordered)))
    for part in parts:
        assert np.array_equal(part.user, ordered.user[part.item])
        assert np.array_equal(part.label, ordered.label[part.item])


@laws
@given(ordered=ordered_interactions())
def test_what_is_held_out_of_a_user_is_one_positive_and_then_negatives(ordered):
    _, validation, test = positive_leave_one_out(ordered)
    for user in set(ordered.user.tolist()):
        n_positive = int(ordered.label[ordered.user == user].sum())
        for part, needed in ((test, 1), (validation, 2)):
            labels = part.label[part.user == user].tolist()
            assert labels == ([1.0] + [0.0] * (len(labels) - 1) if n_positive >= needed else [])


def test_an_example_by_hand():
    ordered = numbered([0, 0, 0, 1, 0, 0, 1, 0, 2, 2], [1, 0, 1, 0, 0, 1, 0, 0, 1, 0])
    train, validation, test = positive_leave_one_out(ordered)
    assert train.item.tolist() == [0, 1, 3, 6]  # user 1 has no positive and trains only
    assert validation.item.tolist() == [2, 4]
    assert test.item.tolist() == [5, 7, 8, 9]  # user 2 has one positive and no validation part


@laws
@given(n=st.integers(0, 60), seed=st.integers(0, 99), held_out=st.sampled_from([0.1, 0.2, 0.5]))
def test_a_random_split_has_its_sizes_covers_everything_and_keeps_the_order(n, seed, held_out):
    rows = numbered([i % 3 for i in range(n)], [i % 2 for i in range(n)])
    train, validation, test = random_split(rows, np.random.default_rng(seed), held_out)
    assert len(validation) == len(test) == int(n * held_out)
    assert sorted([*train.item, *validation.item, *test.item]) == list(range(n))
    for part in (train, validation, test):
        assert part.item.tolist() == sorted(part.item.tolist())
        assert np.array_equal(part.user, rows.user[part.item])


def test_a_random_split_is_drawn_from_its_generator():
    rows = numbered([0] * 50, [i % 2 for i in range(50)])
    first, again, other = (random_split(rows, np.random.default_rng(s))[2].item.tolist() for s in (1, 1, 2))
    assert first == again != other


class Opponent:
    """Keys that answer every comparison so that a quicksort is led astray (McIlroy, Software 29(4), 1999)."""

    def __init__(self, n):
        self.unset = n
        self.values = [n] * n
        self.n_set = self.candidate = self.n_compared = 0

    def __len__(self):
        return len(self.values)

    def tolist(self):
        return [Key(self, i) for i in range(len(self))]

    def set(self, i):
        self.values[i] = self.n_set
        self.n_set += 1

    def is_before(self, one, other):
        self.n_compared += 1
        values = self.values
        if values[one] == values[other] == self.unset:
            self.set(one if one == self.candidate else other)
        if values[one] == self.unset:
            self.candidate = one
        elif values[other] == self.unset:
            self.candidate = other
        return values[one] < values[other]


class Key:
    def __init__(self, opponent, i):
        self.opponent = opponent
        self.i = i

    def __lt__(self, other):
        return self.opponent.is_before(self.i, other.i)


@pytest.mark.parametrize("n", [500, 4_000])
def test_no_order_of_keys_makes_the_sort_quadratic(n):
    opponent = Opponent(n)
    order = classic_quicksort(opponent)
    assert opponent.n_compared < 5 * n * np.log2(n)
    assert [opponent.values[i] for i in order] == sorted(opponent.values)
    keys = np.array(opponent.values)
    assert keys[classic_quicksort(keys)].tolist() == sorted(opponent.values)
