"""The same rows are the same data set, whatever kind of table they are in."""

import gzip
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data import TableOptions, summarise, table_dataset
from tests.strategies import examples

laws = examples(40, 200, suppress_health_check=[HealthCheck.function_scoped_fixture])
ids = st.integers(0, 30) | st.sampled_from(["ann", "bob", "07", "-1", "é"])
row = st.tuples(ids, ids, st.integers(1, 5), st.integers(-(2**40), 2**40))


def everything(dataset):
    parts = [
        [dataset.user_ids[part.user].tolist(), dataset.item_ids[part.item].tolist(), part.label.tolist()]
        for part in (dataset.train, dataset.validation, dataset.test)
    ]
    return parts, dataset.user_ids.tolist(), dataset.item_ids.tolist(), summarise(dataset).positives


def as_frame(rows):
    columns = ["user_id", "item_id", "rating", "timestamp"]
    return pd.DataFrame(rows, columns=columns).astype({"user_id": str, "item_id": str})


@pytest.fixture
def written(tmp_path):
    """A frame as files of every kind."""

    def write(frame):
        for name, separator in (("a.csv", ","), ("b.tsv", "\t"), ("c.txt", ";"), ("d.psv", "|")):
            frame.to_csv(tmp_path / name, index=False, sep=separator)
        (tmp_path / "e.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
        colons = (tmp_path / "b.tsv").read_text().replace("\t", "::")
        (tmp_path / "f.dat").write_text(colons)
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), tmp_path / "g.parquet", row_group_size=3)
        return [tmp_path / name for name in ["a.csv", "b.tsv", "c.txt", "d.psv", "e.csv.gz", "f.dat", "g.parquet"]]

    return write


@laws
@given(st.lists(row, min_size=1, max_size=25), st.sampled_from(["auto", "random"]))
def test_every_kind_of_file_and_a_data_frame_hold_the_same(written, rows, split):
    frame, options = as_frame(rows), TableOptions(split=split)
    expected = everything(table_dataset(frame, options, seed=3))
    for path in written(frame):
        assert everything(table_dataset(path, options, seed=3)) == expected, path.name


@laws
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 5), st.integers(0, 99)), min_size=1))
def test_types_of_columns_do_not_matter(rows):
    plain = pd.DataFrame(rows, columns=["user_id", "item_id", "rating", "timestamp"])
    expected = everything(table_dataset(plain))
    kinds = (
        {"user_id": "float64", "item_id": "int8", "rating": "float32", "timestamp": "float64"},
        {"user_id": "category", "item_id": "uint16", "rating": "Int64", "timestamp": "int32"},
        {"user_id": str, "item_id": object, "rating": str, "timestamp": str},
    )
    for kind in kinds:
        assert everything(table_dataset(plain.astype(kind))) == expected
    times = pd.to_datetime(plain["timestamp"], unit="s")
    for unit in ("s", "ms", "ns"):
        assert everything(table_dataset(plain.assign(timestamp=times.astype(f"datetime64[{unit}]")))) == expected
    assert everything(table_dataset(plain.assign(timestamp=times.dt.strftime("%Y-%m-%d %H:%M:%S")))) == expected


def test_categories_that_no_row_has_are_no_users():
    frame = pd.DataFrame({"user": pd.Categorical(["b", "a"], ["a", "b", "z"]), "item": [1, 2], "rating": [1, 5]})
    assert table_dataset(frame).user_ids.tolist() == ["a", "b"]


def test_columns_without_names_go_by_position():
    frame = pd.DataFrame([[7, 1, 5, 30], [7, 2, 1, 10]])
    dataset = table_dataset(frame, name="mine")
    assert (dataset.name, dataset.user_ids.tolist(), dataset.item_ids.tolist()) == ("mine", [7], [1, 2])


def cells(n=5, **changed):
    base = {"user_id": list(range(n)), "item_id": list(range(n)), "rating": [5.0] * n, "timestamp": list(range(n))}
    return {**base, **changed}


BAD = {
    "a rating that is missing": (cells(rating=[5, 1, None, 2, None]), r"row 3: rating: .* \(and 1 more such rows\)"),
    "a rating that is infinite": (
        cells(rating=[5, 1, 2, float("inf"), 2]),
        "row 4: rating: a finite number expected, got inf",
    ),
    "a rating of text": (cells(rating=["5", "x", "1", "2", "3"]), "row 2: rating: a finite number expected, got 'x'"),
    "a user that is missing": (cells(user_id=[1, None, 2, 3, 4]), "row 2: a user expected, got an empty cell"),
    "categories in an order that is not that of the rows": (
        cells(user_id=pd.Categorical(["a", None, "\n", "b", " "], [" ", "\n", "b", "a"])),
        "row 2: a user expected, got an empty cell",
    ),
    "an item of nothing": (cells(item_id=["a", "b", " ", "d", "e"]), "row 3: an item expected, got an empty cell"),
    "lists": (cells(user_id=[[1]] * 5), "column 'user_id': numbers or text expected for user, got list"),
    "records": (cells(item_id=[{"a": 1}] * 5), "column 'item_id': numbers or text expected for item, got struct"),
    "bytes": (cells(item_id=[b"a"] * 5), "got binary"),
    "truths as users": (cells(user_id=[True] * 5), "got bool"),
    "dates as ratings": (
        cells(rating=[datetime(2015, 1, 1)] * 5),
        "numbers or text expected for rating, got timestamp",
    ),
    "a time that is missing": (cells(timestamp=[1, 2, 3, 4, None]), "row 5: timestamp"),
    "a huge time": (cells(timestamp=[1.0, 1e300, 3, 4, 5]), "row 2: timestamps below 2"),
    "no rows": (cells(0), "expected ratings, got an empty table"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_bad_cells_are_refused_with_their_row(tmp_path, content, message):
    pq.write_table(pa.table(content), tmp_path / "x.parquet")
    with pytest.raises(UserError, match=message):
        table_dataset(tmp_path / "x.parquet")
    with pytest.raises(UserError, match=message):
        table_dataset(pd.DataFrame(content))


def test_rows_are_counted_from_batch_to_batch(monkeypatch):
    monkeypatch.setattr("recommenders.data.arrow_table.CHUNK_ROWS", 10)
    rating = [5.0] * 35
    rating[33] = np.nan
    with pytest.raises(UserError, match="row 34: rating"):
        table_dataset(pd.DataFrame(cells(35, rating=rating)))


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:200], lambda b: b[:-9], lambda b: b[:60] + b"\xff" * 60 + b[120:], lambda b: b"PAR1"]
)
def test_a_broken_parquet_file_is_refused(tmp_path, spoil):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table(cells(500)), path)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(UserError, match=r"x\.parquet: expected a table, could not read it"):
        table_dataset(path)


def test_what_is_called_parquet_and_is_none_is_refused(tmp_path):
    (tmp_path / "x.parquet").write_text("user,item\n1,2\n")
    with pytest.raises(UserError, match="expected a Parquet file, as its name says"):
        table_dataset(tmp_path / "x.parquet")


def test_rows_without_end_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = tmp_path / "x.parquet"
    same = pa.array(np.zeros(2_000_000, dtype=np.int64))
    pq.write_table(pa.table({"user": same, "item": same, "rating": same}), path)
    assert path.stat().st_size < 50_000
    monkeypatch.setattr("recommenders.data.arrow_table.free_memory", lambda device: 100 * 2**20)
    monkeypatch.setattr("recommenders.data.prescan.free_memory", lambda device: 100 * 2**20)
    with pytest.raises(UserError, match=r"fits into memory, of which 0.1 GiB are free; 2000000 rows of it"):
        table_dataset(path)
