"""A column of pandas may hold objects of several kinds: each keeps its full value, or the column is refused."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data import TableOptions, table_dataset
from recommenders.data.frames import is_mixed
from tests.recommenders.test_times import in_time, order
from tests.strategies import examples

laws = examples(60, 400)
days = st.dates(date(1990, 1, 1), date(1990, 1, 4))
moments = st.datetimes(datetime(1990, 1, 1), datetime(1990, 1, 4))
zones = st.sampled_from([None, UTC, timezone(timedelta(hours=2))])
stamps = st.integers(-50, 50).map(lambda tick: pd.Timestamp("1990-01-02").as_unit("ns") + pd.Timedelta(tick, "ns"))


def nanoseconds(cell):
    stamp = pd.Timestamp(cell).as_unit("ns")
    return (stamp if stamp.tzinfo is None else stamp.tz_convert(None)).value


def objects(cells):
    return pd.Series(list(cells), dtype=object)


def read(times):
    return order(table_dataset(in_time(objects(times)), TableOptions(negatives=0)))


@laws
@given(st.lists(days | stamps | st.builds(lambda one, zone: one.replace(tzinfo=zone), moments, zones), min_size=1))
def test_times_of_every_kind_stand_in_their_full_order(times):
    expected = sorted(range(len(times)), key=lambda row: nanoseconds(times[row]))
    assert read(times) == expected
    assert read(objects(times).astype("category")) == expected


def test_what_arrow_would_cut_keeps_its_order():
    assert read([pd.Timestamp(f"2020-01-01 00:00:00.00000000{tick}") for tick in (9, 5, 1)]) == [2, 1, 0]
    assert read([date(2020, 1, 3), datetime(2020, 1, 2, 9), datetime(2020, 1, 2, 7)]) == [2, 1, 0]
    assert read([np.datetime64("2020-01-03"), np.datetime64("2020-01-02T09"), datetime(2020, 1, 2, 7)]) == [2, 1, 0]


UNLIKE = {
    "a number among days": [date(2020, 1, 3), 5, date(1960, 1, 1)],
    "a number behind a moment": [datetime(2020, 1, 1), 1, 2],
    "numbers behind a stamp": [pd.Timestamp("2020-01-01"), 1, 2, 3],
    "floats behind a stamp": [pd.Timestamp("2020-01-01"), 1.5, 2.5],
    "a stamp behind numbers": [1, 2, pd.Timestamp("2020-01-01")],
    "a truth among numbers": [1.5, True, 2],
    "a truth among whole numbers": [3, True, 2],
    "text that is a date behind numbers": [1, 2, 3, "2020-01-01"],
    "numbers behind text that is a date": ["2020-01-01", "2020-01-02", "2020-01-03", 1],
    "a span of time": [date(2020, 1, 1), timedelta(1)],
}


@pytest.mark.parametrize("at_once", [1, 2, 3, 2**18])
@pytest.mark.parametrize("times", UNLIKE.values(), ids=UNLIKE)
def test_times_of_several_forms_are_refused_in_every_order_and_piece(times, at_once, monkeypatch):
    monkeypatch.setattr("recommenders.data.arrow_table.CHUNK_ROWS", at_once)
    for cells in (times, times[::-1]):
        with pytest.raises(UserError, match="row"):
            read(cells)


@pytest.mark.parametrize("types", [("int64", "datetime64[ns]"), ("datetime64[s]", "float32")])
def test_parts_hold_times_of_one_form(types):
    first, second = (in_time(np.array([1, 2, 3]).astype(kind)) for kind in types)
    message = "row 1: timestamp: (numbers|dates) expected as in the rows before, got .*--time-col none"
    with pytest.raises(UserError, match=message):
        table_dataset(first, validation=second, test=first)


def test_parts_may_hold_dates_as_such_and_as_text():
    typed = in_time(pd.to_datetime(["2020-01-01", "2020-01-02"]))
    text = in_time(["2020-01-03", "2020-01-04"])
    for parts in ((typed, text, typed), (text, typed, text)):
        assert len(table_dataset(parts[0], validation=parts[1], test=parts[2]).train)


@laws
@given(st.lists(st.integers(-9, 9) | st.floats(-9, 9) | st.integers(-9, 9).map(np.int64), min_size=1))
def test_numbers_alone_stay_numbers(cells):
    assert not is_mixed(objects(cells))
    assert not is_mixed(pd.Series(cells, dtype=float))


def test_ratings_are_numbers_whatever_holds_them():
    frame = pd.DataFrame({"user": [1, 2, 3, 4], "item": 1, "rating": objects([5, 1.5, Decimal("4.50"), "2"])})
    label = np.concatenate([getattr(table_dataset(frame), part).label for part in ("train", "validation", "test")])
    assert sorted(label.tolist()) == [0, 0, 1, 1]
    with pytest.raises(UserError, match="row 2: column 'rating': numbers, text or dates expected, got bool"):
        table_dataset(frame.assign(rating=objects([1.5, True, 2, 3])))
