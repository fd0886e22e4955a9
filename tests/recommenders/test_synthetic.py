from pathlib import Path

import numpy as np
import pytest

from core.common.errors import UserError
from recommenders.data.synthetic import load_synthetic, planted


def pairs(dataset):
    return [
        (u, i)
        for part in (dataset.train, dataset.validation, dataset.test)
        for u, i in zip(part.user.tolist(), part.item.tolist(), strict=True)
    ]


def test_pairs_are_distinct_and_as_many_as_asked_for():
    dataset = planted(n_users=12, n_items=9, n_pairs=100)
    assert len(set(pairs(dataset))) == len(pairs(dataset)) == 100
    assert (dataset.n_users, dataset.n_items) == (12, 9)
    assert all(0 <= u < 12 and 0 <= i < 9 for u, i in pairs(dataset))
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (80, 10, 10)


def test_it_is_always_the_same():
    first, again = planted(), load_synthetic(None, seed=5)
    assert pairs(first) == pairs(again)
    assert np.array_equal(first.train.label, again.train.label)


def test_every_part_has_both_classes_and_neither_is_rare():
    dataset = planted()
    dataset.check_classes()
    assert 0.3 < dataset.train.label.mean() < 0.7


def test_a_path_is_refused():
    with pytest.raises(UserError, match="leave out --data somewhere"):
        load_synthetic(Path("somewhere"), seed=0)
