"""Implicit data sets: of ratings, split into parts, described."""

import json

import numpy as np
import pandas as pd
import pytest

from core.common.errors import UserError
from recommenders.data import TableOptions
from recommenders.data.implicit import (
    IMPLICIT_DATASETS,
    ImplicitDataset,
    ImplicitOptions,
    UserItems,
    cut_validation,
    described,
    implicit_table,
    load_implicit,
    summarise,
)
from recommenders.data.implicit.splitting import choose_held_out, hold_out_at_random
from recommenders.data.implicit.synthetic import planted_items

WHOLE = ImplicitOptions(validation_share=0, fewest=2)


def ids(data, part):
    items = getattr(data, part)
    return {
        str(u): [str(i) for i in data.item_ids[items.of(n)]] for n, u in enumerate(data.user_ids) if items.counts[n]
    }


def users_of(*counts):
    user = np.repeat(np.arange(len(counts)), counts)
    return UserItems.of_pairs(user, np.arange(len(user)), len(counts))


def test_the_largest_keys_are_held_out():
    items = users_of(5, 1, 0, 3)
    key = np.array([3, 9, 1, 9, 2, 5, 7, 8, 7])
    assert np.flatnonzero(choose_held_out(items, key, 0.4)).tolist() == [1, 3, 7]
    assert np.flatnonzero(choose_held_out(items, key, 0.2)).tolist() == [3, 7]  # the last one of equal keys
    assert np.flatnonzero(choose_held_out(items, key, 0.2, fewest=4)).tolist() == [3]
    assert np.flatnonzero(choose_held_out(items, key, 0.99)).tolist() == [0, 1, 3, 4, 7, 8]
    assert not choose_held_out(items, key, 0).any()
    assert not choose_held_out(users_of(1, 0), np.zeros(1), 0.5).any()


@pytest.mark.parametrize("share", [0.01, 0.1, 0.2, 0.5, 0.95])
def test_a_share_of_every_user_is_held_out_and_something_stays(share):
    items = users_of(*range(60))
    chosen = items.take(hold_out_at_random(items, np.random.default_rng(2), share)).counts
    for n, held_out in enumerate(chosen.tolist()):
        assert held_out == (0 if n < 2 else min(max(round(share * n), 1), n - 1))


def test_every_item_is_held_out_as_often_as_others():
    items = users_of(*[10] * 2000)
    rate = hold_out_at_random(items, np.random.default_rng(5), 0.3).reshape(-1, 10).mean(axis=0)
    assert np.abs(rate - 0.3).max() < 0.05


def test_the_validation_part_is_the_same_on_every_machine():
    data = planted_items()
    parts = [cut_validation(data, 0.1, seed) for seed in (0, 0, 1)]
    assert parts[0].digest() == parts[1].digest() == "017a5c9b9b75e224161590d488bfcb7f"
    assert parts[2].digest() != parts[0].digest()
    assert parts[0].train.union(parts[0].validation).items.tolist() == data.train.items.tolist()
    assert parts[0].split == (
        "test 20% of each user's items at random; validation 10% of each user's training items at random, seed 0"
    )
    assert cut_validation(data, 0, 3) is data


def frame(n=400, seed=3):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"user": rng.integers(20, size=n), "item": rng.integers(40, size=n)})
    rows["rating"], rows["timestamp"] = rng.integers(1, 6, size=n), rng.permutation(n)
    return rows


def test_the_last_positives_of_a_table_with_times_are_the_test_part():
    rows = frame()
    data = implicit_table(rows, WHOLE)
    last = rows.sort_values("timestamp").drop_duplicates(["user", "item"], keep="last").query("rating >= 4")
    train, test = {}, {}
    for user, own in last.groupby("user"):
        n = min(max(round(0.2 * len(own)), 1), len(own) - 1) if len(own) > 1 else 0
        items = own["item"].tolist()
        for part, chosen in ((train, items[: len(items) - n]), (test, items[len(items) - n :])):
            if chosen:
                part[str(user)] = [str(one) for one in sorted(chosen)]
    assert (ids(data, "train"), ids(data, "test")) == (train, test)
    assert data.split.startswith("test by time, the last 20% of each user's items")


@pytest.mark.parametrize("held_out", ["time", "random"])
def test_the_order_of_rows_makes_no_difference(held_out):
    rows = frame().drop_duplicates(["user", "item"])
    options = ImplicitOptions(held_out=held_out, validation_share=0)
    digests = {implicit_table(rows.sample(frac=1, random_state=seed), options, 4).digest() for seed in range(4)}
    assert len(digests) == 1
    other = implicit_table(rows, options, 5).digest() in digests
    assert other == (held_out == "time")


def test_users_with_few_items_stay_in_training():
    rows = frame()
    data = implicit_table(rows, ImplicitOptions(fewest=8, validation_share=0))
    all_items = data.train.union(data.test).counts
    assert (data.test.counts > 0).tolist() == (all_items >= 8).tolist()
    assert 0 < (data.test.counts > 0).sum() < data.n_users


def test_what_counts_as_positive_is_a_setting_and_told():
    rows = frame()
    data = implicit_table(rows, ImplicitOptions(table=TableOptions(positive_at=5)))
    assert len(data.train) + len(data.test) < len(implicit_table(rows).train)
    assert any("5 and more are positive" in note for note in data.notes)
    assert any("rows repeat a user and an item" in note for note in data.notes)
    with pytest.raises(UserError, match="--positive-at 6: expected a number that ratings reach"):
        implicit_table(rows, ImplicitOptions(table=TableOptions(positive_at=6)))
    bare = implicit_table(rows[["user", "item"]].drop_duplicates(), WHOLE)
    assert len(bare.train) + len(bare.test) == len(rows[["user", "item"]].drop_duplicates())
    with pytest.raises(UserError, match="held_out time: expected ratings with times"):
        implicit_table(rows[["user", "item"]], ImplicitOptions(held_out="time"))


def test_who_has_no_positive_is_left_out():
    rows = pd.DataFrame({"user": list("aabbc"), "item": list("xyxyz"), "rating": [5, 5, 4, 1, 1]})
    data = implicit_table(rows, WHOLE)
    assert (data.user_ids.tolist(), data.item_ids.tolist()) == (["a", "b"], ["x", "y"])
    assert data.notes[-2:] == (
        "1 of 3 users have no positive and are left out",
        "1 of 3 items have no positive and are left out",
    )
    nothing = pd.DataFrame({"user": [1, 2], "item": [1, 2], "rating": [1, 3]})
    with pytest.raises(UserError, match="expected ratings that count as positive, got none; lower positive_at"):
        implicit_table(nothing)


ML = "".join(f"{u}\t{i}\t{3 + i % 3}\t{u * i}\n" for u in range(1, 9) for i in range(1, 20))


@pytest.mark.parametrize(("name", "file"), [("ml-100k", "u.data"), ("ml-1m", "ratings.dat")])
def test_movielens_is_read(tmp_path, name, file):
    text = ML if file == "u.data" else ML.replace("\t", "::")
    (tmp_path / file).write_text(text)
    data = load_implicit(name, tmp_path, options=ImplicitOptions(validation_share=0))
    assert (data.n_users, data.n_items) == (8, 13)
    assert ids(data, "test")["3"] == ["16", "17", "19"]
    with pytest.raises(UserError, match=f"data set {name}: --item-col is for tables of your own"):
        load_implicit(name, tmp_path, options=ImplicitOptions(table=TableOptions(item_col="x")))


@pytest.mark.data
def test_movielens_100k_has_its_numbers():
    data = load_implicit("ml-100k")
    assert (data.n_users, data.n_items, sum(len(data.part(p)) for p in ("train", "validation", "test"))) == (
        942,
        1447,
        55_375,
    )


def test_made_data_can_be_learned_from_and_are_always_the_same():
    data = load_implicit("synthetic")
    assert (data.n_users, data.n_items) == (300, 200)
    assert (data.train.counts >= 6).all()
    assert data.digest() == "017a5c9b9b75e224161590d488bfcb7f"
    popular = data.popularity()
    assert popular.sum() == len(data.train)
    assert popular.max() > 5 * np.median(popular)
    with pytest.raises(UserError, match="data set synthetic is made, not read"):
        load_implicit("synthetic", "x")


def test_parts_that_do_not_belong_together_are_refused():
    good, numbers = users_of(3, 2), np.arange(2)
    empty, items = UserItems.empty(2), np.arange(5)
    ImplicitDataset("x", good, empty, empty, numbers, items, "")
    for parts, message in (
        ((good, users_of(1), empty), "in every part, got a validation part with 1 users and items up to number 0"),
        ((good, empty, users_of(4, 2)), "got a test part with 2 users and items up to number 5"),
        ((empty, empty, good), "the training part is empty"),
        ((good, good.take(np.arange(5) == 3), empty), "got 1 in both validation and train"),
        ((good, empty, good.take(np.arange(5) < 2)), "got 2 in both test and train"),
    ):
        with pytest.raises(UserError, match=message):
            ImplicitDataset("x", *parts, numbers, items, "")


def test_what_is_left_out_is_all_of_the_parts_before():
    data = load_implicit("synthetic")
    assert data.left_out("validation") is data.train
    assert data.left_out("test").counts.tolist() == (data.train.counts + data.validation.counts).tolist()


def test_the_digest_is_that_of_the_content():
    data = planted_items()
    digests = {data.digest(), cut_validation(data, 0.2, 0).digest(), planted_items(301).digest()}
    swapped = ImplicitDataset("x", data.test, data.validation, data.train, data.user_ids, data.item_ids, "")
    assert len({*digests, swapped.digest()}) == 4


def test_it_is_described_in_lines_and_numbers():
    data = load_implicit("synthetic")
    summary = summarise(data)
    assert summary.lines()[0] == (
        f"Data synthetic: {summary.pairs:,} pairs of 300 users and 200 items, {summary.density:.2%} of all pairs"
    )
    assert summary.lines()[1].startswith(f"  parts: train {len(data.train):,} (14.5 a user), validation ")
    assert json.loads(json.dumps(described(data))) == described(data)
    assert described(data)["parts"]["test"]["pairs"] == len(data.test)
    assert described(data)["digest"] == data.digest()
    assert summary.warnings == ()


def test_doubts_are_told():
    few = implicit_table(frame(), WHOLE)
    assert any("only 20 users have items in the test part" in doubt for doubt in summarise(few).warnings)
    train, test = users_of(3, 2), UserItems(np.array([0, 0, 2]), np.array([5, 6], dtype=np.int32))
    cold = ImplicitDataset("x", train, UserItems.empty(2), test, np.arange(2), np.arange(7), "")
    assert "100.0% of the items of the test part are not in training" in summarise(cold).warnings
    assert "  not in training: test 0 of 1 users and 2 of 2 items" in summarise(cold).lines()


def test_options_that_cannot_be_are_refused():
    for options, message in (
        ({"held_out": "last"}, "held_out: expected auto or time or random, got 'last'"),
        ({"test_share": 1.0}, "test_share: expected a number above 0 and below 1, got 1.0"),
        ({"test_share": float("nan")}, "test_share: "),
        ({"validation_share": -0.1}, "validation_share: expected"),
        ({"fewest": 1}, "fewest: expected at least 2"),
        ({"table": TableOptions(split="random", negatives=3)}, "negatives: implicit data take columns"),
    ):
        with pytest.raises(UserError, match=message):
            ImplicitOptions(**options)


def test_a_data_set_refuses_what_it_does_not_take(tmp_path):
    assert list(IMPLICIT_DATASETS) == ["yelp18", "gowalla", "ml-100k", "ml-1m", "lists", "table", "synthetic"]
    with pytest.raises(UserError, match=r"unknown implicit data set 'gowala'.* Did you mean 'gowalla'"):
        load_implicit("gowala")
    with pytest.raises(UserError, match="data set synthetic: test_share is for ratings, and its parts are given"):
        load_implicit("synthetic", options=ImplicitOptions(test_share=0.3))
    for name in ("lists", "table", "ml-1m", "yelp18"):
        with pytest.raises(UserError, match=f"data set {name}: .*--data"):
            load_implicit(name)
    frame(40).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(UserError, match=r"data set table: expected users with test items, got none; lower fewest"):
        load_implicit("table", tmp_path / "x.csv", options=ImplicitOptions(fewest=30))
    (tmp_path / "train.txt").write_text("0 1 2\n")
    (tmp_path / "test.txt").write_text("0 3\n")
    data = load_implicit("lists", tmp_path)
    assert (data.name, len(data.validation)) == (tmp_path.name, 1)
