import numpy as np
import pytest

from core.common.errors import UserError
from recommenders.data import DATASETS, load_dataset
from recommenders.data.synthetic import planted


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(UserError, match=r"unknown data set 'ML-100': expected one of .*Did you mean 'ml-100k'\?"):
        load_dataset("ML-100")


@pytest.mark.parametrize("name", ["ml-1m", "electronics", "table"])
def test_sets_that_are_not_fetched_need_a_path(name):
    with pytest.raises(UserError, match=f"data set {name}: give the path of .* with --data"):
        load_dataset(name)


@pytest.mark.parametrize("name", [name for name in DATASETS if name != "synthetic"])
def test_a_path_to_nothing_is_refused_with_that_path(name, tmp_path):
    with pytest.raises(UserError, match="no-such-file"):
        load_dataset(name, tmp_path / "no-such-file")


def test_every_set_says_what_it_is():
    assert all(entry.about for entry in DATASETS.values())


def test_a_set_is_loaded_by_name():
    assert np.array_equal(load_dataset("synthetic").train.label, planted().train.label)


def test_a_set_from_which_nothing_can_be_learned_is_refused(tmp_path):
    path = tmp_path / "likes.csv"
    path.write_text("user_id,item_id,rating\n" + "".join(f"1,{i},5\n" for i in range(30)))
    with pytest.raises(UserError, match="the train part has 24 rows and no negative label"):
        load_dataset("table", path)


def test_the_seed_reaches_random_splits(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("user_id,item_id,rating\n" + "".join(f"{i % 9},{i},{i % 2 * 5}\n" for i in range(100)))
    first, again, other = (load_dataset("table", path, seed).test.item.tolist() for seed in (1, 1, 2))
    assert first == again != other
