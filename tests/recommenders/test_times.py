from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from recommenders.data import TableOptions, table_dataset
from recommenders.data.amazon import read_json_lines
from recommenders.data.columns import Chunk, Column
from recommenders.data.times import FORMATS, TimestampReader
from recommenders.data.timestamps import Timestamps, dense_rank
from tests.strategies import examples

laws = examples(60, 400)
NAMED = [form for form in FORMATS if form != "ISO8601"]
CLOCKS = ("", " %H:%M", " %H:%M:%S", ", %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S%p")


def timestamps(*cells, reader=None):
    column = Column(pa.array(cells, pa.string()))
    return (reader or TimestampReader()).read(Chunk("x.csv", "line", range(2, 2 + len(cells)), {"timestamp": column}))


def read(*cells, reader=None):
    """Whole and broken numbers as one, as far as floats go."""
    times = timestamps(*cells, reader=reader)
    return (times.whole + (0 if times.fraction is None else times.fraction)).tolist()


def seconds(*date):
    return datetime(*date, tzinfo=UTC).timestamp()


@laws
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=9))
def test_whole_numbers_stay_as_they_are_to_the_last_digit(numbers):
    times = timestamps(*map(str, numbers))
    assert times.whole.tolist() == numbers
    assert times.fraction is None


@laws
@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), 2**63 - 1, 2**63 - 9]), min_size=1))
def test_whole_numbers_stay_as_they_are_beside_a_fraction(numbers):
    times = timestamps(*map(str, numbers), "0.5", "-0.5")
    assert times.whole.tolist() == [*numbers, 0, -1]
    assert times.fraction.tolist() == [0] * len(numbers) + [0.5, 0.5]
    assert times.overflow is None


@pytest.mark.parametrize("cell", [str(2**63), "9" * 19, str(-(2**63) - 1), "-9223372036854775808.5", "9" * 30])
def test_what_64_bits_do_not_hold_beside_a_fraction_is_told_as_huge(cell):
    assert timestamps("0.5", cell, "9223372036854775807.5", "-9223372036854775808.0").overflow.tolist() == [0, 1, 0, 0]


@laws
@given(st.lists(st.decimals("-5e9", "5e9", places=9), min_size=2, max_size=20))
def test_broken_numbers_are_in_their_order_to_the_ninth_digit(numbers):
    times = timestamps(*(f"{number:f}" for number in numbers))
    fraction = np.zeros(len(numbers)) if times.fraction is None else times.fraction
    ranks = dense_rank(times.whole.copy(), fraction.copy())
    distinct = sorted(set(numbers))
    assert ranks.tolist() == [distinct.index(number) for number in numbers]


@laws
@given(st.lists(st.floats(-1e18, 1e18) | st.floats(-1, 1), min_size=1, max_size=20))
def test_floats_keep_their_order(numbers):
    times = Timestamps.from_floats(np.array(numbers))
    fraction = np.zeros(len(numbers)) if times.fraction is None else times.fraction
    ranks = dense_rank(times.whole.copy(), fraction)
    for one, other in zip(np.argsort(numbers)[:-1], np.argsort(numbers)[1:], strict=True):
        assert (ranks[one] < ranks[other]) >= (numbers[other] - numbers[one] > 1e-15)
        assert ranks[one] <= ranks[other]


@examples(60, 150)
@given(
    form=st.sampled_from(NAMED),
    clock=st.sampled_from(CLOCKS),
    dates=st.lists(st.datetimes(datetime(1990, 1, 13), datetime(2030, 1, 1)), min_size=1, max_size=5),
)
def test_dates_of_every_form_become_seconds(form, clock, dates):
    form = form if "%H" in form else form + clock
    dates = [datetime(1990, 1, 13), *dates]  # no month has 13, so that day and month are told apart
    cells = [date.replace(tzinfo=UTC).strftime(form) for date in dates]
    expected = [datetime.strptime(cell, form).replace(tzinfo=UTC).timestamp() for cell in cells]
    assert read(*cells) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "cell",
    [
        "2015-03-04T05:06:07",
        "2015-03-04 05:06:07",
        "2015-03-04T05:06:07Z",
        "2015-03-04T07:06:07+02:00",
        "2015-03-04 05:06:07 UTC",
        "2015-03-04 05:06:07 GMT",
        "2015-03-04 5:06:07 AM",
        "03/04/2015 05:06:07",
        "3/4/2015 5:06:07 AM",
        "Wed, 04 Mar 2015 05:06:07 GMT",
        "March 04, 2015 5:06:07 am",
    ],
)
def test_dates_become_seconds_with_their_zone(cell):
    assert read(cell) == [seconds(2015, 3, 4, 5, 6, 7)]


def test_fractions_of_dates_stay_to_the_nanosecond():
    times = timestamps("2015-03-04 05:06:07.000000002", "2015-03-04 05:06:07.000000001", "2015-03-04")
    assert np.argsort(times.fraction[:2]).tolist() == [1, 0]
    assert read("2015-03-04 05:06:07.891 UTC", "2015-03-04 05:06:07 UTC")[0] == seconds(2015, 3, 4, 5, 6, 7) + 0.891


def test_what_fits_another_order_of_day_and_month_too_is_said():
    reader = TimestampReader()
    assert read("03/04/2015", reader=reader) == [seconds(2015, 3, 4)]
    assert "day/month/year would fit" in reader.notes[0]
    assert read("13/04/2015") == [seconds(2015, 4, 13)]
    reader = TimestampReader()
    assert read("03-04-2015", reader=reader) == [seconds(2015, 4, 3)]
    assert "month-day-year would fit" in reader.notes[0]
    assert read("04-13-2015") == [seconds(2015, 4, 13)]


@pytest.mark.parametrize(
    "cell", ["soon", "", "17", "\v2015", "20150304", "04/03/2015", "2015-13-01", "now", "today", "NaT"]
)
def test_what_is_no_such_date_is_refused_with_its_line(cell):
    with pytest.raises(UserError, match=r"x.csv line 3: timestamp: a date expected .*ISO 8601.* --time-col none"):
        read("2015-03-04", cell, "2015-03-05")


@pytest.mark.parametrize("cell", ["soon", "4 o'clock", "2015-13-01", "3/4/15", "0x10", "nan", "now", "today"])
def test_a_date_of_an_unknown_form_is_shown_beside_those_that_are_read(cell):
    got = rf"x.csv line 2: timestamp: a number or a date expected, got .*{cell}.*2015-03-04 05:06:07.*--time-col none"
    with pytest.raises(UserError, match=got):
        read(cell, "2015-03-05")


@pytest.mark.parametrize("later", ["2015-03-04", "5"])
def test_a_first_time_that_is_missing_is_told_as_such(later, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(f"user,item,timestamp\n1,2,\n1,3,{later}\n")
    with pytest.raises(UserError, match=r"line 2: timestamp: .* got an empty cell.*; .*--time-col none$"):
        table_dataset(path)
    path.write_text(f"user,item,timestamp\n1,2,5\n1,3,\n1,4,{later}\n")
    with pytest.raises(UserError, match=r"line 3: timestamp: .* got an empty cell.*; .*one form.*--time-col none$"):
        table_dataset(path)


def test_the_form_is_kept_from_piece_to_piece():
    reader = TimestampReader()
    read("2015-03-04", reader=reader)
    with pytest.raises(UserError, match="line 2: timestamp: a date expected"):
        read("17.03.2015", reader=reader)
    assert len(reader.notes) == 1


def in_time(times, **written):
    """A table of one user, each item a positive at its time."""
    return pd.DataFrame({"user": 1, "item": range(len(times)), "rating": 5, "timestamp": times}, **written)


def order(dataset):
    """The items in the order of time that the split saw."""
    return [dataset.item_ids[i] for part in ("train", "validation", "test") for i in getattr(dataset, part).item]


EPOCH = 1_700_000_000
#: Times in the order [3, 0, 2, 1], which whole seconds would not tell apart.
TICKS = (2, 9, 5, 1)
FINE = {
    "between 0 and 1": [tick / 10 for tick in TICKS],
    "fractions of an epoch": [EPOCH + tick / 10 for tick in TICKS],
    "fractions as text": [f"{EPOCH}.00000000{tick}" for tick in TICKS],
    "below zero": [-1 + tick / 10 for tick in TICKS],
    "nanoseconds": [EPOCH * 10**9 + tick for tick in TICKS],
    "nanoseconds as text": [str(EPOCH * 10**9 + tick) for tick in TICKS],
    "ISO dates": [f"2020-09-01 11:27:43.{tick}00" for tick in TICKS],
    "dates with a half of the day": [f"9/1/2020 11:27:43.{tick} PM" for tick in TICKS],
    "decimals": [Decimal(EPOCH) + Decimal(tick) / 1000 for tick in TICKS],
}
for unit, ticks in (("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
    FINE[f"timestamps in {unit}"] = np.array([EPOCH * ticks + tick for tick in TICKS], f"datetime64[{unit}]")
FINE["of several zones"] = [
    datetime(2020, 9, 1, 11, 27, 43, tick * 1000, UTC).astimezone().isoformat() for tick in TICKS
]


@pytest.mark.parametrize("times", FINE.values(), ids=FINE)
def test_rows_are_in_the_order_of_the_full_time_in_every_kind_of_table(times, tmp_path):
    frame = in_time(times)
    frame.to_csv(tmp_path / "x.csv", index=False)
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "x.parquet")
    for source in (frame, pa.Table.from_pandas(frame), tmp_path / "x.csv", tmp_path / "x.parquet"):
        assert order(table_dataset(source, TableOptions(negatives=0))) == [3, 0, 2, 1]


@pytest.mark.parametrize(
    "kind", [pa.date32(), pa.date64(), pa.timestamp("s", "Europe/Berlin"), pa.uint64(), pa.float32()]
)
def test_every_type_of_times_is_dense_rank(kind):
    days = [20, 90, 50, 10]
    times = pa.array([datetime(2020, 1, 1) + timedelta(days=day) for day in days] if "date" in str(kind) else days)
    table = pa.table({"user": [1] * 4, "item": range(4), "rating": [5] * 4, "timestamp": times.cast(kind)})
    assert order(table_dataset(table, TableOptions(negatives=0))) == [3, 0, 2, 1]


def test_the_last_row_of_a_pair_is_the_last_in_full_time():
    frame = pd.DataFrame({"user": 1, "item": 1, "rating": [1, 5, 2], "timestamp": [0.1, 0.9, 0.5]})
    for pairs, label in (("last", 1), ("first", 0)):
        dataset = table_dataset(frame, TableOptions(pairs=pairs, negatives=0))
        assert [part.label.tolist() for part in (dataset.train, dataset.test) if len(part)] == [[label]]


def test_times_in_json_keep_all_their_digits(tmp_path):
    path = tmp_path / "x.json"
    rows = (f'{{"u": 1, "i": {item}, "r": 5, "t": {EPOCH}.00000000{tick}}}\n' for item, tick in ((0, 2), (1, 1)))
    path.write_text("".join(rows))
    ratings = read_json_lines(path, {"u": "user", "i": "item", "r": "rating", "t": "timestamp"})
    assert np.argsort(ratings.timestamp).tolist() == [1, 0]


def test_dates_with_and_without_a_zone_stand_beside_each_other():
    cells = ["1990-01-01 00:00:00+02:00", "1990-01-01 23:00:00", "1990-01-01", "1990-01-01T01:30Z"]
    assert list(read(*cells)) == [631144800, 631234800, 631152000, 631157400]
