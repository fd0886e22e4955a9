import numpy as np
import pytest

from core.common.errors import UserError
from recommenders.data.dataset import Dataset
from tests.recommenders.problems import interactions

GOOD = interactions([0, 1], [0, 1], [0, 1])


def dataset(**parts):
    parts = {"train": GOOD, "validation": GOOD, "test": GOOD} | parts
    return Dataset("mine", *parts.values(), user_ids=np.array([7, 9]), item_ids=np.array(["a", "b", "c"]), split="none")


def test_users_and_items_are_counted_by_their_ids():
    assert (dataset().n_users, dataset().n_items) == (2, 3)


def test_both_classes_in_every_part_are_fine():
    assert dataset().check_classes() is None


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize(("label", "missing"), [([0, 0], "positive"), ([1, 1], "negative")])
def test_a_part_with_one_class_is_refused_by_name(part, label, missing):
    with pytest.raises(UserError, match=f"data set mine: the {part} part has 2 rows and no {missing} label"):
        dataset(**{part: interactions([0, 1], [0, 1], label)}).check_classes()


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_an_empty_part_is_refused_by_name(part):
    with pytest.raises(UserError, match=f"data set mine: the {part} part is empty"):
        dataset(**{part: interactions([], [], [])}).check_classes()


def test_interactions_are_taken_by_number_or_mask_in_that_order():
    rows = interactions([5, 6, 7], [1, 2, 3], [1, 0, 1])
    by_number, by_mask = rows.take(np.array([2, 0])), rows.take(np.array([True, False, True]))
    assert (by_number.user.tolist(), by_number.item.tolist(), by_number.label.tolist()) == ([7, 5], [3, 1], [1, 1])
    assert (by_mask.user.tolist(), len(by_mask)) == ([5, 7], 2)
