"""A data frame is read whatever library made it, and what is none is refused by its name."""

import io
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest
import torch
from torch.utils.data import TensorDataset

from core.common.errors import UserError
from recommenders.data import TableOptions, table_dataset

ROWS = {"user": ["a", "a", "b", "b"], "item": [1, 2, 1, 3], "rating": [5.0, 1.0, 4.0, 2.0], "timestamp": [4, 3, 2, 1]}
PANDAS, POLARS, ARROW = pd.DataFrame(ROWS), pl.DataFrame(ROWS), pa.table(ROWS)


def offers(name, frame):
    kind = type("Frame", (), {name: lambda self, *args, **kwargs: getattr(frame, name)(*args, **kwargs)})
    return kind()


def everything(dataset):
    parts = (dataset.train, dataset.validation, dataset.test)
    return [(dataset.user_ids[p.user].tolist(), dataset.item_ids[p.item].tolist(), p.label.tolist()) for p in parts]


EXPECTED = everything(table_dataset(PANDAS))
FRAMES = {
    "polars": lambda: POLARS,
    "polars in chunks": lambda: pl.concat([POLARS[:2], POLARS[2:]], rechunk=False),
    "categories of polars": lambda: POLARS.with_columns(pl.col("user").cast(pl.Categorical)),
    "an enumeration of polars": lambda: POLARS.with_columns(pl.col("user").cast(pl.Enum(["b", "a", "z"]))),
    "dates of polars": lambda: POLARS.with_columns(pl.col("timestamp").cast(pl.Datetime("ns", "Europe/Berlin"))),
    "days of polars": lambda: POLARS.with_columns(pl.col("timestamp").cast(pl.Int32).cast(pl.Date)),
    "decimals of polars": lambda: POLARS.with_columns(pl.col("item").cast(pl.Decimal(10, 2))),
    "pyarrow": lambda: ARROW,
    "pyarrow in chunks": lambda: pa.concat_tables([ARROW[:1], ARROW[1:]]),
    "dictionaries in chunks": lambda: pa.table(
        ARROW.set_column(0, "user", pa.chunked_array([pa.array([one]).dictionary_encode() for one in ROWS["user"]]))
    ),
    "a batch": lambda: pa.RecordBatch.from_pydict(ROWS),
    "a reader": lambda: ARROW.to_reader(),
    "the stream of Arrow": lambda: offers("__arrow_c_stream__", ARROW),
    "the array of Arrow": lambda: offers("__arrow_c_array__", pa.RecordBatch.from_pydict(ROWS)),
    "the data frame interface": lambda: offers("__dataframe__", ARROW),
    "columns in the index": lambda: PANDAS.set_index(["user", "item"]),
    "times in the index": lambda: PANDAS.set_index("timestamp"),
    "groups": lambda: PANDAS.groupby(["user", "item"]).max(),
    "an index of no name": lambda: PANDAS.set_index(pd.Index([9, 9, 8, 7])),
    "an index that is a column too": lambda: PANDAS.set_index("user", drop=False),
    "categories": lambda: PANDAS.astype({"user": "category", "item": "category"}),
    "nullable": lambda: PANDAS.astype({"user": "string", "item": "Int64", "rating": "Float64", "timestamp": "UInt8"}),
    "Arrow in pandas": lambda: PANDAS.convert_dtypes(dtype_backend="pyarrow"),
    "several kinds": lambda: PANDAS.assign(item=pd.Series([1, "2", "1.0", 3.0], dtype=object)),
    "days": lambda: PANDAS.assign(timestamp=[date(2020, 1, 9 - n) for n in range(4)]),
    "zones": lambda: PANDAS.assign(
        timestamp=pd.Series(
            [datetime(2020, 1, 1, 9 - n, tzinfo=timezone(timedelta(hours=n % 2)) if n else UTC) for n in range(4)],
            dtype=object,
        )
    ),
}


@pytest.mark.parametrize("made", FRAMES.values(), ids=FRAMES)
def test_frames_of_every_kind_hold_the_same(made):
    assert everything(table_dataset(made())) == EXPECTED


@pytest.mark.parametrize("made", [lambda: POLARS, lambda: ARROW], ids=["polars", "pyarrow"])
def test_parts_may_be_frames_of_several_libraries(made, tmp_path):
    PANDAS.to_csv(tmp_path / "x.csv", index=False)
    dataset = table_dataset(made(), validation=PANDAS, test=tmp_path / "x.csv")
    assert everything(dataset) == everything(table_dataset(PANDAS, validation=PANDAS, test=PANDAS))


def failing(self, *args):
    raise RuntimeError("the query failed\nhere")


REFUSED = {
    "pandas's Series; give a frame": PANDAS["user"],
    "polars's Series; give a frame": POLARS["user"],
    "polars's LazyFrame; call its collect": POLARS.lazy(),
    "pyarrow's Int64Array; give a frame": pa.array([1]),
    "pyarrow's ChunkedArray; give a frame": pa.chunked_array([[1]]),
    "numpy's ndarray; give a frame": np.zeros((2, 2)),
    "dict; pandas.DataFrame makes a frame": ROWS,
    "list; pandas.DataFrame makes a frame": [ROWS],
    "_io's StringIO; pandas.read_csv reads it": io.StringIO("user,item"),
    "torch's TensorDataset$": TensorDataset(torch.zeros(2)),
    "pyarrow's InMemoryDataset; call its to_table": pyarrow.dataset.dataset(ARROW),
    "int": 3,
    "bytes": b"x.csv",
    "type": pd.DataFrame,
}


@pytest.mark.parametrize(("got", "source"), REFUSED.items(), ids=REFUSED)
def test_what_is_no_frame_is_refused_by_its_name(got, source):
    with pytest.raises(UserError, match=f"expected the path of a file, or a data frame of pandas, .*, got {got}"):
        table_dataset(source)


@pytest.mark.parametrize("kind", [pl.Int128, pl.UInt128])
def test_a_column_that_arrow_has_no_type_for_is_named(kind):
    with pytest.raises(
        UserError, match=f"table: column 'z': expected a type that Arrow has, got {kind}; cast it or leave"
    ):
        table_dataset(POLARS.with_columns(z=pl.lit(1).cast(kind)))


def test_what_another_library_says_is_told_in_a_line():
    source = type("Query", (), {"__arrow_c_stream__": failing})()
    with pytest.raises(UserError, match=r"got tests.s Query: the query failed$"):
        table_dataset(source)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"item": [1, [2], 3, 4]}, "row 2: column 'item': numbers, text or dates expected, got list"),
        ({"item": ["x", b"y", 3, 4]}, "row 2: column 'item': numbers, text or dates expected, got bytes"),
        ({"item": [{"a": 1}] * 4}, "column 'item': numbers or text expected for item, got struct"),
        ({"timestamp": pd.to_timedelta([1, 2, 3, 4], unit="s")}, "numbers, dates or text expected .*, got duration"),
        ({"timestamp": pd.to_datetime(["2020-01-01", None] * 2)}, "row 2: timestamp: .* got an empty cell"),
    ],
)
def test_cells_that_are_none_are_refused_with_their_row(changed, message):
    frame = PANDAS.assign(**{name: pd.Series(cells) for name, cells in changed.items()})
    with pytest.raises(UserError, match=message):
        table_dataset(frame)


def test_kinds_that_change_on_the_way_are_read(monkeypatch):
    monkeypatch.setattr("recommenders.data.arrow_table.CHUNK_ROWS", 2)
    frame = PANDAS.assign(item=pd.Series([1, 2, "1.0", "3"], dtype=object))
    assert everything(table_dataset(frame)) == EXPECTED
    with pytest.raises(UserError, match="row 3: column 'item': numbers, text or dates expected, got list"):
        table_dataset(PANDAS.assign(item=pd.Series([1, 2, [1], [3]], dtype=object)))


def test_several_levels_of_names_are_told():
    with pytest.raises(UserError, match=r"no column of users .* got \('x', 'user'\)"):
        table_dataset(pd.concat({"x": PANDAS}, axis=1))
    assert everything(table_dataset(pd.concat({"x": PANDAS}, axis=1), TableOptions(
        user_col="1", item_col="2", rating_col="3", time_col="4"
    ))) == EXPECTED  # fmt: skip
