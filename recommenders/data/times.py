"""Times of a table: numbers as they are, dates as seconds since 1970 (UTC unless they say otherwise)."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pandas as pd

from core.common.errors import UserError
from recommenders.data.columns import Column, Piece
from recommenders.data.moments import Moments

ISO = "ISO8601"
#: Forms of dates, tried in this order on the first rows: pandas' name and what a person calls it. A time of the day may
#: follow each but the first, which has its own, and the last ones, which have one in them.
FORMS = {
    ISO: "ISO 8601",
    "%Y-%m-%d": "year-month-day",
    "%Y/%m/%d": "year/month/day",
    "%Y.%m.%d": "year.month.day",
    "%m/%d/%Y": "month/day/year",
    "%d/%m/%Y": "day/month/year",
    "%d.%m.%Y": "day.month.year",
    "%d-%m-%Y": "day-month-year",
    "%m-%d-%Y": "month-day-year",
    "%m %d, %Y": "month day, year",
    "%b %d, %Y": "month day, year",
    "%B %d, %Y": "month day, year",
    "%d %b %Y": "day month year",
    "%d %B %Y": "day month year",
    "%d-%b-%Y": "day-month-year",
    "%a %b %d %H:%M:%S %z %Y": "Thu Jan 01 00:00:00 +0000 1970",
    "%a %b %d %H:%M:%S %Y": "Thu Jan 01 00:00:00 1970",
    "%a, %d %b %Y %H:%M:%S %z": "Thu, 01 Jan 1970 00:00:00 +0000",
    "%a, %d %b %Y %H:%M:%S": "Thu, 01 Jan 1970 00:00:00 GMT",
}
#: What an error offers.
_EXAMPLES = "2015-03-04 05:06:07, 2015-03-04T05:06:07.891+02:00, 03/04/2015 5:06 PM, 13-03-2015, 4.3.2015, Mar 04, 2015"
#: The other reading of a date in which day and month might be either.
_OTHER = {"%m/%d/%Y": "%d/%m/%Y", "%d-%m-%Y": "%m-%d-%Y"}
_CLOCK = re.compile(r"([ ,T]+)(\d{1,2}:\d\d)(:\d\d)?([.]\d{1,9})?( ?)([AaPp][Mm])?")
_IN_UTC = re.compile(r"\s*\b(?:UTC|GMT|Z)$")
#: What is no date, whatever pandas takes it for: a number would be a year or a day, and "now" and "today" are words.
_NO_DATE = r"(?:[^0-9]*|\s*[+-]?[0-9]+[.]?[0-9]*\s*)"

#: What ends in a time zone.
_ZONED = r"[T ]\d\d[^+-]*[+-]\d\d(?::?\d\d)?\s*$|[zZ]\s*$"

#: What a column of times may hold.
_NUMBERS, _DATES = "numbers", "dates"


class TimeReader:
    """Reads one column of times. The first rows decide between numbers and dates, and over the form of dates."""

    def __init__(self) -> None:
        self._form: tuple[str, str] | None = None
        self._are: str | None = None
        self.notes: list[str] = []

    def read(self, column: Column, piece: Piece) -> Moments:
        """The times of a piece, in full.

        Args:
            column: of times.
            piece: that it is of, for messages.

        Raises:
            UserError: dates of no form known here, or of another one than the first; dates and
                numbers; with the row.
        """
        texts = column.texts()
        if texts is None:
            times = column.times()
            self._check(_DATES if column.holds_dates else _NUMBERS, column, piece, times)
            return times
        if self._are == _NUMBERS:
            return column.times()
        if self._form is None:
            times, filled = column.times(), np.flatnonzero(texts.str.strip() != "")
            if not len(filled):
                return times
            if times.has(int(filled[0])):
                self._check(_NUMBERS, column, piece, times)
                return times
            self._form = _form_of(texts.iloc[filled], column, piece, int(filled[0]))
            self._are = _DATES
            self._say(texts.iloc[filled])
        return _seconds(texts, self._form, piece, column)

    def _check(self, are: str, column: Column, piece: Piece, times: Moments) -> None:
        """All pieces are of one kind, whatever holds them."""
        first = 0 if times.missing is None else int(times.missing.argmin())
        if not times.has(first):
            return
        if are != (self._are or are):
            raise UserError(
                f"{piece.at(first)}: timestamp: {self._are} expected as in the rows before, got {column.shown(first)}; "
                "write all times in one form, or leave them out with --time-col none"
            )
        self._are = are

    def _say(self, texts: pd.Series) -> None:
        assert self._form is not None
        form, clock = self._form
        other = _OTHER.get(form)
        unsure = ""
        if other is not None and not _dates(texts, (other, clock)).isna().any():
            unsure = f"; {FORMS[other]} would fit the first rows too"
        self.notes.append(f"times are dates ({FORMS[form]}), read as seconds{unsure}")


def _form_of(texts: pd.Series, column: Column, piece: Piece, row: int) -> tuple[str, str]:
    """The first form that fits all rows, or else the first cell; and that of the time of the day."""
    cell = _IN_UTC.sub("", str(texts.iloc[0]).strip())
    fits_first = None
    for form in FORMS:
        chosen = form, "" if form == ISO or "%H" in form else _clock_form(cell)
        if _IN_UTC.search(str(texts.iloc[0]).strip()):
            chosen = form, chosen[1] + "UTC"
        if not _dates(texts.iloc[:1], chosen).isna().any():
            fits_first = fits_first or chosen
            if not _dates(texts, chosen).isna().any():
                return chosen
    if fits_first is None:
        raise UserError(
            f"{piece.at(row)}: timestamp: a number or a date expected, got {column.shown(row)}; dates are read as "
            f"{_EXAMPLES}; write them so, or leave them out with --time-col none"
        )
    return fits_first


def _clock_form(cell: str) -> str:
    """How this cell writes the time of the day."""
    found = _CLOCK.search(cell)
    if found is None or found.end() != len(cell):
        return ""
    between, _, seconds, beyond, blank, half = found.groups()
    hours = "%I:%M" if half else "%H:%M"
    return between + hours + ":%S" * bool(seconds) + ".%f" * bool(beyond) + (f"{blank}%p" if half else "")


def _dates(texts: pd.Series, form: tuple[str, str]) -> pd.Series:
    date, clock = form
    if clock.endswith("UTC"):
        texts, clock = texts.str.replace(_IN_UTC, "", regex=True), clock.removesuffix("UTC")
    texts = texts.mask(texts.str.fullmatch(_NO_DATE).astype(bool))
    read = partial(pd.to_datetime, format=date + clock, errors="coerce", utc=True)
    zoned = texts.str.contains(_ZONED, na=False).to_numpy(dtype=bool)
    if zoned.all() or not zoned.any():
        return read(texts)
    # Apart: pandas below 3 takes the zone of some dates for that of those without one.
    places = np.concatenate([np.flatnonzero(zoned), np.flatnonzero(~zoned)])
    return pd.concat([read(texts[zoned]), read(texts[~zoned])]).iloc[np.argsort(places)]


def _seconds(texts: pd.Series, form: tuple[str, str], piece: Piece, column: Column) -> Moments:
    dates = _dates(texts, form)
    bad = np.flatnonzero(dates.isna().to_numpy())
    if len(bad):
        row = int(bad[0])
        raise UserError(
            f"{piece.at(row)}: timestamp: a date expected as in the other rows ({FORMS[form[0]]}), got "
            f"{column.shown(row)}; write all of them as 2015-03-04 05:06:07, or leave them out with --time-col none"
        )
    moments = dates.dt.tz_localize(None).to_numpy()
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[np.datetime_data(moments.dtype)[0]]
    return Moments.of_ticks(moments.astype(np.int64), per_second)
