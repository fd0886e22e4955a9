import pytest

from core.common.errors import UserError
from recommenders.data import table_dataset
from recommenders.data.table import load_table


def rows(dataset, part):
    pairs = getattr(dataset, part)
    ids = dataset.user_ids[pairs.user].tolist(), dataset.item_ids[pairs.item].tolist()
    return list(zip(*ids, pairs.label.tolist(), strict=True))


def test_with_timestamps_each_users_last_positives_are_held_out(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "user_id,item_id,rating,timestamp\n"
        "ann,x,5,3\nann,y,4,1\nann,z,1,4\nann,w,2,2\nann,v,4.5,0\nbob,x,3,9\nbob,y,5,8\nbob,z,4,7\n"
    )
    dataset = table_dataset(path)
    assert rows(dataset, "train") == [("ann", "v", 1)]
    assert rows(dataset, "validation") == [("ann", "y", 1), ("ann", "w", 0), ("bob", "z", 1)]
    assert rows(dataset, "test") == [("ann", "x", 1), ("ann", "z", 0), ("bob", "y", 1), ("bob", "x", 0)]
    assert (dataset.n_users, dataset.n_items, dataset.name) == (2, 5, "mine")


def test_without_timestamps_the_split_is_random_and_follows_the_seed(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("user_id,item_id,rating\n" + "".join(f"{n % 7},{n},{n % 5 + 1}\n" for n in range(50)))
    first, again, other = (table_dataset(path, seed=seed) for seed in (1, 1, 2))
    everything = [row for part in ("train", "validation", "test") for row in rows(first, part)]
    assert sorted(everything) == sorted((n % 7, n, float(n % 5 >= 3)) for n in range(50))
    assert [len(rows(first, part)) for part in ("train", "validation", "test")] == [40, 5, 5]
    assert rows(first, "test") == rows(again, "test") != rows(other, "test")


def test_without_a_path_it_says_how_to_give_one():
    with pytest.raises(UserError, match="--data"):
        load_table(None, seed=0)


LONG = "cells, got {}; put quotation marks around a cell with a separator in it, or leave such rows out"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("user,item\n1,2\n1,2,3\n", " line 3", f"2 {LONG.format(3)}"),
        ("user,item\n1,2,3\n1,2\n", " line 2", f"2 {LONG.format('more')}"),
        ("user,item\n1,2,3\n1,2,3,4\n", " line 3", f"2 {LONG.format(4)}"),
        ("1\t2\n" * 1_500 + "1\t2\t3\n", " line 1501", f"2 {LONG.format(3)}"),
        ('user,item\n1,"a\nb"\n1,2,3\n', "", f"2 {LONG.format(3)}"),
        ("user::item\n1::2\n1::2::3\n", " line 3", f"2 {LONG.format(3)}"),
    ],
)
def test_a_row_that_is_too_long_is_told_with_its_line(tmp_path, text, line, message):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(UserError, match=f"x.csv{line}: expected rows of {message}"):
        table_dataset(tmp_path / "x.csv")
