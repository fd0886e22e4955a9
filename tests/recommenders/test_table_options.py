"""What each option does to a table, and what cannot be asked of one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data import DataFiles, TableOptions, load_dataset, summarise, table_dataset
from recommenders.data.table import table_name
from tests.strategies import examples

laws = examples(60, 400)
events = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 30), st.integers(1, 5), st.integers(0, 50)), min_size=1, max_size=60
)


def frame(rows, columns="user item rating time"):
    return pd.DataFrame(rows, columns=columns.split())


def triples(dataset, *parts):
    """(user, item, label) as published."""
    found = []
    for name in parts or ("train", "validation", "test"):
        part = getattr(dataset, name)
        columns = dataset.user_ids[part.user], dataset.item_ids[part.item], part.label
        found += zip(*(column.tolist() for column in columns), strict=True)
    return found


@laws
@given(events, st.sampled_from(["last", "first", "all"]), st.sampled_from(["auto", "random"]))
def test_of_a_repeated_pair_the_first_or_last_in_time_stays(rows, pairs, split):
    border = min(4, max(row[2] for row in rows))
    options = TableOptions(pairs=pairs, split=split, negatives=0, positive_at=border)
    dataset = table_dataset(frame(rows), options)
    ordered = sorted(rows, key=lambda row: row[3])
    if pairs == "all":
        expected = [(u, i, float(r >= border)) for u, i, r, _ in rows]
    else:
        ordered = ordered if pairs == "last" else ordered[::-1]
        expected = [(u, i, label) for (u, i), label in {(u, i): float(r >= border) for u, i, r, _ in ordered}.items()]
    assert sorted(triples(dataset)) == sorted(expected)
    assert summarise(dataset).repeated_rows == len(rows) - len({row[:2] for row in rows})
    assert summarise(dataset).rows == len(rows)


@laws
@given(events, st.sampled_from(["auto", "random"]), st.integers(1, 3), st.integers(0, 5))
def test_where_all_are_positives_so_many_negatives_are_drawn_and_none_is_an_item_of_its_user(rows, split, n, seed):
    options = TableOptions(rating_col="none", negatives=n, split=split)
    try:
        dataset = table_dataset(frame(rows), options, seed=seed)
    except UserError as error:
        assert f"--negatives {n}: expected users with as many items left" in str(error)  # noqa: PT017
        return
    positives, negatives = ({(u, i) for u, i, label in triples(dataset) if label == value} for value in (1, 0))
    assert positives == {row[:2] for row in rows}
    assert positives.isdisjoint(negatives)
    assert summarise(dataset).drawn_negatives == n * len(positives)
    assert summarise(dataset).positive_share == pytest.approx(1 / (1 + n))
    assert triples(dataset) == triples(table_dataset(frame(rows), options, seed=seed))
    if split == "auto":  # the last positive and what was drawn for it
        for part in (dataset.validation, dataset.test):
            assert part.label.sum() * (1 + n) == len(part)


@pytest.mark.parametrize("ratings", [[1] * 40, [4, 5] * 20, [0, 1] * 20])
def test_negatives_are_drawn_only_where_there_is_one_class(ratings):
    rows = [(u, 10 * u + i, ratings[4 * u + i], i) for u in range(10) for i in range(4)]
    dataset = table_dataset(frame(rows))
    drawn = 0 if 0 in ratings else 160
    assert summarise(dataset).drawn_negatives == drawn
    assert any("4 for each positive" in note for note in summarise(dataset).notes) == bool(drawn)
    assert summarise(table_dataset(frame(rows), TableOptions(negatives=0))).drawn_negatives == 0


def test_where_nothing_is_left_to_draw_the_missing_class_is_refused_with_the_reason():
    rows = [(u, i, 5, i) for u in range(9) for i in range(9)]
    with pytest.raises(
        UserError, match=r"no negative label .*no negatives could be drawn: user 0 has all 9 items but 0"
    ):
        table_dataset(frame(rows)).check_classes()


def test_a_border_above_all_ratings_is_refused_and_without_one_the_range_is_told():
    rows = [(u, i, i % 3 + 1, i) for u in range(9) for i in range(9)]
    with pytest.raises(UserError, match="they go from 1 to 3"):
        table_dataset(frame(rows), TableOptions(positive_at=4))
    with pytest.raises(UserError, match=r"no positive label \(ratings from 1 to 3: 4 and more .* lower --positive-at"):
        table_dataset(frame(rows)).check_classes()
    assert summarise(table_dataset(frame(rows), TableOptions(positive_at=2))).positives == 54


WORDS = ("train", "Training", "valid", "VAL", "dev", "validation", "test", "testing")


@laws
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from(WORDS)), min_size=1, max_size=30))
def test_a_column_of_parts_is_followed(rows):
    made = frame([(u, i, 5, 0, word) for u, i, word in rows], "user item rating time set")
    dataset = table_dataset(made, TableOptions(split_col="set", pairs="all", negatives=0))
    number = {"tr": "train", "va": "validation", "de": "validation", "te": "test"}
    for part in ("train", "validation", "test"):
        assert sorted(triples(dataset, part)) == sorted(
            (u, i, 1.0) for u, i, word in rows if number[word.lower()[:2]] == part
        )


def test_parts_in_files_keep_their_rows_and_share_their_ids(tmp_path):
    parts = {"train": "b,x,1\nb,y,0\n", "validation": "a,x,1\nb,z,0\n", "test": "a,w,0\na,y,1\n"}
    for name, rows in parts.items():
        (tmp_path / f"{name}.csv").write_text("uid,iid,label\n" + rows)
    files = DataFiles(
        **{
            key: tmp_path / f"{name}.csv"
            for key, name in zip(("data", "validation_data", "test_data"), parts, strict=True)
        }
    )
    dataset = load_dataset("table", files)
    assert triples(dataset, "train") == [("b", "x", 1), ("b", "y", 0)]
    assert triples(dataset, "validation") == [("a", "x", 1), ("b", "z", 0)]
    assert triples(dataset, "test") == [("a", "w", 0), ("a", "y", 1)]
    assert (dataset.name, dataset.split) == ("train", "as given")
    assert summarise(dataset).parts["test"].cold_users == 1


def test_pairs_of_the_training_part_in_the_test_part_are_warned_of():
    made = frame(
        [(u, i, i % 2, part) for u in range(4) for i in range(4) for part in ("train", "test")],
        "user item rating split",
    )
    dataset = table_dataset(made, TableOptions(split="given"))
    assert "16 rows of the test part stand in the training part too" in summarise(dataset).warnings
    assert summarise(dataset).density == 1


ROWS = [(u, i, i % 5 + 1, i) for u in range(4) for i in range(5)]
REFUSED = {
    "no times": ({"split": "leave-one-out", "time_col": "none"}, "expected a column of times, got none"),
    "no parts": ({"split": "given"}, "no column of parts recognised"),
    "no such words": ({"split_col": "time"}, "text expected for part, got int64"),
    "negatives beside negatives": (
        {"negatives": 2},
        "--negatives 2: expected a table in which every row is a positive",
    ),
    "a border without ratings": (
        {"rating_col": "none", "positive_at": 3},
        "--positive-at 3: expected a column of ratings",
    ),
    "more negatives than items": ({"rating_col": "none", "negatives": 6}, "user 0 with all 5 items but 0"),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_what_a_table_cannot_do_is_refused(options, message):
    with pytest.raises(UserError, match=message):
        table_dataset(frame(ROWS), TableOptions(**options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "half"}, "--split: expected auto or leave-one-out or random or given, got 'half'"),
        ({"pairs": "some"}, "--pairs: expected last or first or all"),
        ({"negatives": -1}, "--negatives: expected a number, 0 or more, got -1"),
        ({"positive_at": float("inf")}, "--positive-at: expected a finite number"),
        ({"split": "random", "split_col": "x"}, "--split-col: expected --split given beside it"),
    ],
)
def test_options_out_of_range_are_refused_at_once(options, message):
    with pytest.raises(UserError, match=message):
        TableOptions(**options)


def test_an_unknown_word_of_a_part_is_refused_with_its_line(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("user,item,rating,split\n1,2,5,train\n1,3,1,holdout\n")
    with pytest.raises(UserError, match=r"x.csv line 3: split: train, validation or test expected, got 'holdout'"):
        table_dataset(path, TableOptions(split="given"))


@pytest.mark.parametrize(
    "given", [{"validation_data": "x"}, {"test_data": "x"}, {"validation_data": "x", "test_data": "y"}]
)
def test_of_parts_in_files_none_may_be_missing(given):
    with pytest.raises(UserError, match="give all three"):
        DataFiles(**given)


def test_parts_in_frames_agree_on_their_columns_and_take_no_other_split():
    whole, bare = frame(ROWS), frame(ROWS)[["user", "item"]]
    with pytest.raises(UserError, match="expected a column of ratings as in"):
        table_dataset(whole, validation=bare, test=whole)
    with pytest.raises(UserError, match="leave out --split random"):
        table_dataset(whole, TableOptions(split="random"), validation=whole, test=whole)


@pytest.mark.parametrize("name", ["ml-100k", "ml-1m", "electronics", "synthetic"])
def test_known_data_sets_take_no_options_of_tables(name):
    with pytest.raises(UserError, match="--user-col is for tables of your own"):
        load_dataset(name, options=TableOptions(user_col="x"))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("ratings.csv", "ratings"),
        ("my ratings!.csv.gz", "my-ratings"),
        ("a.b.parquet", "a.b"),
        (".csv", "csv"),
        ("é.csv", "table"),
    ],
)
def test_a_table_has_the_name_of_its_file(tmp_path, file, name):
    assert table_name(tmp_path / file) == name


def test_splits_and_draws_follow_the_seed_and_not_the_name(tmp_path):
    made = frame([(u, i, 5, 0) for u in range(20) for i in range(0, 60, 7)])
    options = TableOptions(split="random", rating_col="none", time_col="none")
    first, other = (triples(table_dataset(made, options, seed, name=name)) for seed, name in ((1, "a"), (2, "a")))
    assert first == triples(table_dataset(made, options, 1, name="b")) != other
    assert np.isin([label for *_, label in first], (0, 1)).all()
