import hashlib

import numpy as np
import pytest

from core.common.errors import UserError
from recommenders.data import load_dataset
from recommenders.data.fetch import fetch
from recommenders.data.movielens import ML_100K, load_ml_1m, load_ml_100k

#: The AutoLossGen authors' ml100k01-1-5.*.csv (rutgerswiselab/AutoLossGen).
PUBLISHED = {
    "train": (94_638, "b30da67f8e9ee51107eb072182cac29ef93b71ab6c0e345adfdda6e9317fb617"),
    "validation": (2_334, "8183ebdf2f944ffb5a2b17d8c6153deefbe75c53a7c619b65f5df517dceace46"),
    "test": (3_028, "7a9ad3de51f56825d34b454dba10946645237bd93334c05e655e5132461e7d00"),
}
ROWS = [(2, 30, 5, 100), (2, 10, 4, 50), (10, 30, 3, 60), (2, 20, 1, 200), (10, 20, 4, 10), (10, 10, 5, 20)]
U_DATA = "".join("\t".join(map(str, row)) + "\n" for row in ROWS)
TYPED = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
PLAIN = "user_id\titem_id\trating\ttimestamp\n"


def rows(dataset, part):
    """Published user and item ids and the label of every row."""
    pairs = getattr(dataset, part)
    ids = dataset.user_ids[pairs.user].tolist(), dataset.item_ids[pairs.item].tolist()
    return list(zip(*ids, pairs.label.astype(int).tolist(), strict=True))


def everything(dataset):
    return [rows(dataset, part) for part in PUBLISHED]


@pytest.fixture(scope="module")
def ml_100k():
    return load_dataset("ml-100k")


@pytest.mark.data
@pytest.mark.parametrize("part", PUBLISHED)
def test_the_published_split_is_reproduced_byte_for_byte(ml_100k, part):
    lines = ["uid\tiid\tlabel\n", *(f"{user}\t{item}\t{label}\n" for user, item, label in rows(ml_100k, part))]
    n_rows, digest = PUBLISHED[part]
    assert len(lines) - 1 == n_rows
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == digest


@pytest.mark.data
def test_ml_100k_has_its_published_numbers(ml_100k):
    assert (ml_100k.n_users, ml_100k.n_items) == (943, 1682)
    assert ml_100k.user_ids.tolist() == list(range(1, 944))
    assert ml_100k.item_ids.tolist() == list(range(1, 1683))
    assert sum(int(getattr(ml_100k, part).label.sum()) for part in PUBLISHED) == 55_375


@pytest.mark.data
def test_recboles_copy_with_a_header_is_the_same_data(ml_100k, tmp_path):
    path = tmp_path / "ml-100k.inter"
    path.write_bytes(TYPED.encode() + fetch(ML_100K).read_bytes())
    assert everything(load_ml_100k(path, 0)) == everything(ml_100k)


@pytest.mark.parametrize("header", ["", TYPED, PLAIN])
def test_ml_100k_is_read_with_and_without_header(tmp_path, header):
    path = tmp_path / "ratings"
    path.write_text(header + U_DATA)
    dataset = load_ml_100k(path, 0)
    assert rows(dataset, "train") == []
    assert rows(dataset, "validation") == [(10, 20, 1), (2, 10, 1)]
    assert rows(dataset, "test") == [(10, 10, 1), (10, 30, 0), (2, 30, 1), (2, 20, 0)]
    assert dataset.user_ids.tolist() == [2, 10]


def test_ml_100k_may_be_given_as_its_folder(tmp_path):
    (tmp_path / "u.data").write_text(U_DATA)
    assert everything(load_ml_100k(tmp_path, 0)) == everything(load_ml_100k(tmp_path / "u.data", 0))


@pytest.mark.parametrize("header", [TYPED, PLAIN])
def test_ml_100k_without_timestamps_is_refused(tmp_path, header):
    path = tmp_path / "ratings"
    path.write_text(header.rpartition("\t")[0] + "\n1\t2\t5\n")
    with pytest.raises(UserError, match="missing column timestamp"):
        load_ml_100k(path, 0)


@pytest.mark.parametrize("content", [b"", b"\xff\x00\x80", b"hello\n", b"PK\x03\x04\xff\xff"])
def test_what_is_not_ml_100k_is_refused(tmp_path, content):
    path = tmp_path / "u.data"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"u\.data"):
        load_ml_100k(path, 0)


def ml_1m_folder(tmp_path):
    lines = [*("::".join(map(str, row)) for row in ROWS), "2::7::5::100", "2::8::5::100"]
    (tmp_path / "ratings.dat").write_bytes("\n".join(lines).encode("latin-1") + b"\n")
    return tmp_path


def test_ml_1m_is_read_from_ratings_dat_or_its_folder(tmp_path):
    folder = ml_1m_folder(tmp_path)
    dataset = load_ml_1m(folder, 0)
    assert rows(dataset, "train") == [(2, 10, 1), (2, 30, 1)]  # at time 100 the order of the file: 30, 7, 8
    assert rows(dataset, "validation") == [(10, 20, 1), (2, 7, 1)]
    assert rows(dataset, "test") == [(10, 10, 1), (10, 30, 0), (2, 8, 1), (2, 20, 0)]
    assert everything(load_ml_1m(folder / "ratings.dat", 0)) == everything(dataset)


def test_ml_1m_as_csv_without_timestamps_is_split_at_random_by_the_seed(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("user_id,movie_id,rating\n" + "".join(f"{n % 7},{n},{n % 5 + 1}\n" for n in range(60)))
    first, again, other = (load_ml_1m(path, seed) for seed in (1, 1, 2))
    assert [len(part) for part in everything(first)] == [48, 6, 6]
    assert "random" in first.split
    assert everything(first) == everything(again) != everything(other)


def ml_1m(tmp_path, ratings, times):
    """The items of the three parts of a file with one user, who rates item n with the n-th rating."""
    path = tmp_path / "ratings.csv"
    rows = enumerate(zip(ratings, times, strict=True))
    path.write_text("user_id,movie_id,rating,timestamp\n" + "".join(f"7,{n},{r},{t}\n" for n, (r, t) in rows))
    return [[item for _, item, _ in part] for part in everything(load_ml_1m(path, 0))]


def test_of_ml_1m_the_latest_positives_are_held_out(tmp_path):
    assert ml_1m(tmp_path, [5, 5, 1, 5, 2], [50, 40, 30, 20, 60]) == [[3, 2], [1], [0, 4]]  # in order of time


def test_equal_times_of_ml_1m_stay_in_the_order_of_the_file(tmp_path):
    times = [n * n % 7 for n in range(300)]
    parts = ml_1m(tmp_path, [1] * 300, times)  # no positive: all rows train
    assert parts == [sorted(range(300), key=times.__getitem__), [], []]


def test_a_file_with_the_columns_of_other_data_is_refused(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("userId,movieId,rating,timestamp\n1,2,5,0\n")
    expected = (
        "expected columns user_id, movie_id, rating, timestamp, got userId, movieId, rating, timestamp; .*--dataset"
    )
    with pytest.raises(UserError, match=expected):
        load_ml_1m(path, 0)


def test_a_bad_line_of_ratings_dat_is_named(tmp_path):
    path = tmp_path / "ratings.dat"
    path.write_text("1::2::5::100\n1::3::five::101\n")
    with pytest.raises(UserError, match=r"ratings\.dat line 2: rating: a finite number expected, got 'five'"):
        load_ml_1m(path, 0)


def test_labels_are_zero_or_one_as_float32(tmp_path):
    (tmp_path / "u.data").write_text(U_DATA)
    label = load_ml_100k(tmp_path, 0).test.label
    assert label.dtype == np.float32
    assert set(label.tolist()) == {0.0, 1.0}
