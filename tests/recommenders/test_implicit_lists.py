"""Folders with train.txt and test.txt: what is read, and what is refused in which words."""

import gzip
import re

import numpy as np
import pytest

from core.common.errors import UserError
from recommenders.data.implicit import ImplicitOptions, load_implicit, parsing, summarise
from recommenders.data.implicit.lists import read_lists
from recommenders.data.implicit.published import PUBLISHED
from tests.published_data import published

TRAIN, TEST = "0 5 7 9\n1 7\n2 5 9\n", "0 6\n1 5 9\n2\n"


def folder(tmp_path, train=TRAIN, test=TEST, ending=".txt"):
    for name, content in (("train", train), ("test", test)):
        content = content.encode() if isinstance(content, str) else content
        (tmp_path / (name + ending)).write_bytes(content)
    return tmp_path


def ids(data, part):
    """{user id: item ids} of users that have any."""
    items = getattr(data, part)
    return {int(u): data.item_ids[items.of(n)].tolist() for n, u in enumerate(data.user_ids) if items.counts[n]}


def test_a_folder_is_read(tmp_path):
    data = read_lists(folder(tmp_path), "x")
    assert data.user_ids.tolist() == [0, 1, 2]
    assert data.item_ids.tolist() == [5, 6, 7, 9]
    assert ids(data, "train") == {0: [5, 7, 9], 1: [7], 2: [5, 9]}
    assert ids(data, "test") == {0: [6], 1: [5, 9]}
    assert len(data.validation) == 0
    assert (data.notes, data.warnings) == ((), ())


SAME = {
    "CRLF": TRAIN.replace("\n", "\r\n"),
    "CR": TRAIN.replace("\n", "\r"),
    "trailing blanks": TRAIN.replace("\n", "  \n"),
    "leading blanks and tabs": " " + TRAIN.replace(" ", "\t "),
    "blank lines": "\n" + TRAIN.replace("\n", "\n \n\n"),
    "no last line end": TRAIN[:-1],
    "a mark of UTF-8": "\ufeff" + TRAIN,
    "leading zeros": TRAIN.replace("7", "007"),
    "another order of items": "0 9 5 7\n1 7\n2 9 5\n",
    "another order of users": "2 5 9\n0 5 7 9\n1 7\n",
    "gzip": gzip.compress(TRAIN.encode()),
}


@pytest.mark.parametrize("train", SAME.values(), ids=SAME)
def test_the_same_pairs_are_the_same_data(tmp_path, train):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    data = read_lists(folder(tmp_path / "a", train), "x")
    assert data.digest() == read_lists(folder(tmp_path / "b"), "x").digest()
    assert data.notes == ()


def test_packed_files_are_found_by_their_names(tmp_path):
    packed = [gzip.compress(text.encode()) for text in (TRAIN, TEST)]
    data = read_lists(folder(tmp_path, *packed, ending=".txt.gz"), "x")
    assert ids(data, "test") == {0: [6], 1: [5, 9]}


def test_an_item_twice_in_a_line_counts_once_and_is_told(tmp_path):
    data = read_lists(folder(tmp_path, TRAIN.replace("5 9", "5 9 5 5")), "x")
    assert ids(data, "train")[2] == [5, 9]
    assert data.notes == ("2 items of train.txt are repeated in their line and count once",)


def test_users_may_be_in_one_file_only(tmp_path):
    data = read_lists(folder(tmp_path, TRAIN + "8\n", TEST + "100000000000 7\n"), "x")
    assert data.user_ids.tolist() == [0, 1, 2, 8, 100_000_000_000]
    assert data.train.counts.tolist() == [3, 1, 2, 0, 0]
    assert "not in training: test 1 of 3 users and 1 of 4 items" in "\n".join(summarise(data).lines())


REFUSED = {
    "a word": ("0 1\n1 x7 2\n", "train.txt line 2: expected a user and items as whole numbers, got 'x7'"),
    "a fraction": ("0 1\n1 7.0\n", "train.txt line 2: .* got '7.0'"),
    "a negative number": ("0 1\n\n1 7 -3 4\n", "train.txt line 3: .* got the negative number '-3'; ids count from 0"),
    "a plus": ("0 +1\n", r"train.txt line 1: .* got '\+1'"),
    "a huge number": (f"0 1\n1 {'9' * 19}\n", "train.txt line 2: .* got 9{19}...; numbers may have 18 digits"),
    "an immense number": ("0 1\n1 " + "9" * 9000 + "\n", "train.txt line 2: .* got 9{20}...; numbers may have 18"),
    "commas": ("0,1\n1,2\n", "train.txt line 1: .* got '0,1'"),
    "not UTF-8": (b"0 1\n1 \xff\xfe\n", "train.txt line 2: "),
    "zero bytes": (b"0 1\n1 \0\n", "train.txt line 2: "),
    "a user twice": (
        "0 1\n3 4\n0 2\n",
        "train.txt line 3: expected one line for each user, got user 0 .* as in line 1",
    ),
    "nothing": ("", "train.txt: expected a line for each user .* got an empty file"),
    "blanks": (" \n\n", "train.txt: expected a line for each user .* got an empty file"),
    "users alone": ("0\n1\n", "train.txt: expected items behind the users, got users alone"),
    "a cut gzip": (gzip.compress(TRAIN.encode() * 9)[:-9], "train.txt: could not read it"),
    "another program's": (b"%PDF-1.4 and so on", "train.txt: expected a table, got a PDF"),
    "a test item": ("0 5 7 9\n1 5 7 9\n", r"test.txt line 2: .* got item 5 of user 1 in both \(1 more such pairs\)"),
}


@pytest.mark.parametrize(("train", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_in_a_line_with_its_place(tmp_path, train, message):
    with pytest.raises(UserError, match=message) as refused:
        read_lists(folder(tmp_path, train), "x")
    assert "\n" not in str(refused.value)


def test_a_test_file_without_items_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"test.txt: expected items behind the users"):
        read_lists(folder(tmp_path, test="0\n1\n"), "x")


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"expected train.txt or train.txt.gz in it, got an empty folder"):
        read_lists(tmp_path, "x")
    (tmp_path / "ratings.csv").write_text("1,2\n")
    with pytest.raises(UserError, match=r"expected train.txt or train.txt.gz in it, got ratings.csv"):
        read_lists(tmp_path, "x")
    (tmp_path / "train.txt").write_text(TRAIN)
    with pytest.raises(UserError, match=r"expected test.txt or test.txt.gz in it, got ratings.csv, train.txt"):
        read_lists(tmp_path, "x")
    for path in (tmp_path / "train.txt", tmp_path / "missing"):
        with pytest.raises(UserError, match=r"expected a folder with train.txt and test.txt, got no folder"):
            read_lists(path, "x")


def test_a_file_larger_than_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(parsing, "free_memory", lambda device: 60)
    with pytest.raises(UserError, match=r"train.txt: expected a file that fits into memory"):
        read_lists(folder(tmp_path), "x")


def test_blocks_make_no_difference(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    train = "".join(f"{u} {' '.join(map(str, rng.permutation(10**5)[:9] * 2))}\n" for u in rng.permutation(300) * 7)
    test = "".join(f"{u * 7} {' '.join(map(str, rng.permutation(10**5)[:3] * 2 + 1))}\n" for u in range(300))
    whole = read_lists(folder(tmp_path, train, test), "x")
    monkeypatch.setattr(parsing, "_BLOCK", 100)
    assert read_lists(tmp_path, "x").digest() == whole.digest()
    lines = [[int(word) for word in line.split()] for line in train.splitlines()]
    assert ids(whole, "train") == {user: sorted(items) for user, *items in lines}
    (tmp_path / "train.txt").write_text(train + "0 1\n" * 5 + "1 y\n")
    with pytest.raises(UserError, match=r"train.txt line 306: .* got 'y'"):
        read_lists(tmp_path, "x")
    (tmp_path / "train.txt").write_text(train + "1 " + "2 " * 100)
    with pytest.raises(UserError, match=r"train.txt line 301: expected lines of at most 100 bytes"):
        read_lists(tmp_path, "x")


def test_another_split_under_a_published_name_is_used_and_told(tmp_path):
    data = load_implicit("gowalla", folder(tmp_path))
    assert data.name == "gowalla"
    (warning,) = data.warnings
    assert re.search(r"Gowalla .* has 29,858 users, 40,981 items, 810,128 training and 217,242 test pairs", warning)
    assert "this one has 3 users, 4 items, 6 training and 3 test pairs: do not compare results" in warning
    with pytest.raises(UserError, match=r"data set yelp18: expected the folder .* --data \(it is in .*github"):
        load_implicit("yelp18")


@pytest.mark.parametrize(("name", "there"), [("yelp18", "yelp2018"), ("gowalla", "gowalla")])
def test_the_published_splits_are_known_by_what_they_hold(name, there):
    path = published(there)
    data = load_implicit(name, path, options=ImplicitOptions(validation_share=0))
    split = PUBLISHED[name]
    assert data.digest() == split.digest
    assert (data.n_users, data.n_items, len(data.train), len(data.test)) == (
        split.n_users,
        split.n_items,
        split.n_train,
        split.n_test,
    )
    assert data.warnings == ()
    with gzip.open(path / "test.txt.gz", "rt") as file:
        lines = [[int(word) for word in line.split()] for line in file]
    assert ids(data, "test") == {user: sorted(items) for user, *items in lines}


def test_one_pair_less_is_another_split():
    data = load_implicit("gowalla", published("gowalla"), options=ImplicitOptions(validation_share=0))
    fewer = np.ones(len(data.train), dtype=bool)
    fewer[77] = False
    (doubt,) = PUBLISHED["gowalla"].doubts(data.with_validation(data.train.take(fewer), data.validation, ""))
    assert "this one has 29,858 users, 40,981 items, 810,127 training" in doubt
