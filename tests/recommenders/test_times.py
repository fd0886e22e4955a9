from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from recommenders.data.columns import Piece, TextColumn
from recommenders.data.times import FORMS, TimeReader
from tests.strategies import examples

laws = examples(60, 400)


def read(*cells, reader=None):
    column = TextColumn(pd.Series(cells, dtype=object))
    piece = Piece("x.csv line", range(2, 2 + len(cells)), {"timestamp": column})
    return (reader or TimeReader()).read(column, piece).tolist()


def seconds(*date):
    return datetime(*date, tzinfo=UTC).timestamp()


@laws
@given(st.lists(st.integers(-(2**50), 2**50), min_size=1, max_size=9))
def test_numbers_stay_as_they_are(numbers):
    assert read(*map(str, numbers)) == numbers


@pytest.mark.parametrize("form", [form for form in FORMS if form != "ISO8601"])
@laws
@given(dates=st.lists(st.datetimes(datetime(1990, 1, 13), datetime(2030, 1, 1)), min_size=1, max_size=5))
def test_dates_of_every_form_become_seconds(form, dates):
    cut = {
        "second": 0 if "%S" not in form else None,
        "minute": None if "%M" in form else 0,
        "hour": None if "%H" in form else 0,
    }
    dates = [date.replace(microsecond=0, **{k: v for k, v in cut.items() if v is not None}) for date in dates]
    dates.append(datetime(1990, 1, 13))  # no month has 13, so that day and month are told apart
    cells = [date.replace(tzinfo=UTC).strftime(form) for date in dates]
    assert read(*cells) == [date.replace(tzinfo=UTC).timestamp() for date in dates]


@pytest.mark.parametrize(
    "cell",
    [
        "2015-03-04T05:06:07",
        "2015-03-04 05:06:07",
        "2015-03-04T05:06:07Z",
        "2015-03-04T07:06:07+02:00",
        "2015-03-04 05:06:07.891",
    ],
)
def test_iso_dates_become_seconds_with_their_zone(cell):
    assert read(cell) == [seconds(2015, 3, 4, 5, 6, 7)]


def test_what_fits_day_first_too_is_said():
    reader = TimeReader()
    assert read("03/04/2015", reader=reader) == [seconds(2015, 3, 4)]
    assert "day/month/year would fit" in reader.notes[0]
    assert read("13/04/2015") == [seconds(2015, 4, 13)]


@pytest.mark.parametrize("cell", ["soon", "", "17", "20150304", "04/03/2015", "2015-13-01", "1425445567"])
def test_what_is_no_such_date_is_refused_with_its_line(cell):
    with pytest.raises(UserError, match=r"x.csv line 3: timestamp: a date expected .*ISO 8601.* --time-col none"):
        read("2015-03-04", cell, "2015-03-05")


def test_the_form_is_kept_from_piece_to_piece():
    reader = TimeReader()
    read("2015-03-04", reader=reader)
    with pytest.raises(UserError, match="line 2: timestamp: a date expected"):
        read("17.03.2015", reader=reader)
    assert len(reader.notes) == 1
