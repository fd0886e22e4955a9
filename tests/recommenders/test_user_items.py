import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data.implicit import UserItems
from tests.strategies import examples

N_USERS = 5
pairs = st.lists(st.tuples(st.integers(0, N_USERS - 1), st.integers(0, 8)), max_size=30)
laws = examples(60, 400)


def made(rows):
    columns = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return UserItems.of_pairs(columns[:, 0], columns[:, 1], N_USERS)


def plain(rows):
    return [sorted({i for u, i in rows if u == user}) for user in range(N_USERS)]


def lists(items):
    return [items.of(user).tolist() for user in range(items.n_users)]


@laws
@given(pairs)
def test_it_is_a_list_of_items_for_every_user(rows):
    items = made(rows)
    assert lists(items) == plain(rows)
    assert items.counts.tolist() == [len(one) for one in plain(rows)]
    assert list(zip(items.users().tolist(), items.items.tolist(), strict=True)) == sorted(set(rows))
    assert len(items) == len(set(rows))


@laws
@given(pairs, pairs)
def test_union_and_shared_are_those_of_sets(first, second):
    one, other = made(first), made(second)
    assert lists(one.union(other)) == plain(first + second)
    assert one.shared(other).tolist() == [pair in set(second) for pair in sorted(set(first))]


@laws
@given(pairs, st.data())
def test_some_pairs_can_be_taken(rows, data):
    items = made(rows)
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=len(items), max_size=len(items))), dtype=bool)
    kept = [pair for pair, keep in zip(sorted(set(rows)), chosen, strict=True) if keep]
    assert lists(items.take(chosen)) == plain(kept)


GOOD = (np.array([0, 2, 2, 3]), np.array([1, 4, 0], dtype=np.int32))


@pytest.mark.parametrize(
    ("indptr", "items"),
    [
        (GOOD[0].astype(np.int32), GOOD[1]),
        (GOOD[0], GOOD[1].astype(np.int64)),
        (GOOD[0][:0], GOOD[1]),
        (GOOD[0] + 1, GOOD[1]),
        (np.array([0, 3, 2, 3]), GOOD[1]),
        (GOOD[0], GOOD[1][:2]),
        (GOOD[0], np.array([4, 1, 0], dtype=np.int32)),
        (GOOD[0], np.array([4, 4, 0], dtype=np.int32)),
        (GOOD[0], np.array([1, 4, -1], dtype=np.int32)),
    ],
)
def test_what_is_no_list_of_items_is_refused(indptr, items):
    UserItems(*GOOD)
    with pytest.raises(UserError, match="items of users: expected"):
        UserItems(indptr, items)
