import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recommenders.backends.batches import EpochBatches
from recommenders.backends.first_occurrence import first_occurrence
from recommenders.testing.plain import random_interactions
from tests.recommenders.problems import CPU, interactions


def epoch(rows, batch_size, seed=0, number=0):
    return list(EpochBatches(rows, batch_size, CPU, torch.float32)(seed, number))


def numbered(n):
    """Rows that can be told apart: user i, item n - i."""
    return interactions(np.arange(n), n - np.arange(n), np.arange(n) % 2)


def users(batches):
    return torch.cat([batch.user for batch in batches]).tolist()


@settings(deadline=None)
@given(ids=arrays(np.int32, st.integers(0, 40), elements=st.integers(0, 6)), batch_size=st.integers(1, 50))
def test_first_places_are_where_an_id_stands_first_in_its_batch(ids, batch_size):
    batches = [ids[start : start + batch_size].tolist() for start in range(0, len(ids), batch_size)]
    assert first_occurrence(ids, batch_size).tolist() == [batch.index(i) for batch in batches for i in batch]


@settings(deadline=None)
@given(n=st.integers(1, 40), batch_size=st.integers(1, 50), seed=st.integers(0, 99), number=st.integers(0, 9))
def test_an_epoch_visits_every_row_once_in_whole_batches_but_the_last(n, batch_size, seed, number):
    batches = epoch(numbered(n), batch_size, seed, number)
    assert sorted(users(batches)) == list(range(n))
    assert [len(batch.label) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert 1 <= len(batches[-1].label) <= batch_size
    for batch in batches:  # the columns of a row stay together
        assert torch.equal(batch.item, n - batch.user)
        assert torch.equal(batch.label, (batch.user % 2).float())


@settings(deadline=None)
@given(n=st.integers(1, 40), batch_size=st.integers(1, 50), seed=st.integers(0, 99))
def test_batches_say_where_their_users_and_items_stand_first(n, batch_size, seed):
    for batch in epoch(random_interactions(4, 3, n, seed), batch_size, seed):
        for ids, first in ((batch.user, batch.first_user), (batch.item, batch.first_item)):
            assert first.tolist() == [ids.tolist().index(i) for i in ids.tolist()]


@pytest.mark.parametrize("batch_size", [1, 7, 16, 100])
def test_the_order_depends_on_seed_and_epoch_alone(batch_size):
    order = users(epoch(numbered(30), batch_size, seed=4, number=2))
    assert order == users(epoch(numbered(30), 30, seed=4, number=2))
    assert order != users(epoch(numbered(30), batch_size, seed=4, number=3))
    assert order != users(epoch(numbered(30), batch_size, seed=5, number=2))


def test_an_epoch_can_be_repeated_on_the_same_object():
    batches = EpochBatches(numbered(30), 8, CPU, torch.float32)
    assert users(batches(1, 0)) == users(batches(1, 0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_labels_have_the_precision_asked_for(dtype):
    batch = next(iter(EpochBatches(numbered(5), 2, CPU, dtype)(0, 0)))
    assert batch.label.dtype == dtype
    assert batch.user.dtype == batch.first_user.dtype == torch.int32
