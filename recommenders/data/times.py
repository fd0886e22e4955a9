"""The column of times: numbers as they are, dates as seconds since 1970 (UTC unless they have a time zone)."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.common.errors import UserError
from recommenders.data.columns import Chunk
from recommenders.data.timestamps import Timestamps

ISO = "ISO8601"
#: {format of dates for pandas: its name in messages}, tried in this order on the first rows. A time of day may follow
#: each, but for ISO 8601 and the last ones, which have one themselves.
FORMATS = {
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
#: Examples for an error message.
_EXAMPLES = "2015-03-04 05:06:07, 2015-03-04T05:06:07.891+02:00, 03/04/2015 5:06 PM, 13-03-2015, 4.3.2015, Mar 04, 2015"
#: {format: the same with day and month swapped}.
_SWAPPED = {"%m/%d/%Y": "%d/%m/%Y", "%d-%m-%Y": "%m-%d-%Y"}
_CLOCK = re.compile(r"([ ,T]+)(\d{1,2}:\d\d)(:\d\d)?([.]\d{1,9})?( ?)([AaPp][Mm])?")
_IN_UTC = re.compile(r"\s*\b(?:UTC|GMT|Z)$")
# The next two patterns are for Arrow, which is ten times as fast as Python. Its \s does not include \v.
#: What pandas would read as a date and is none: numbers (as a year or a day), and the words "now" and "today".
_NOT_A_DATE = r"^(?:[^0-9]*|[\s\v]*[+-]?[0-9]+[.]?[0-9]*[\s\v]*)$"
#: Ends in a time zone.
_ZONED = r"(?:[T ]\d\d[^+-]*[+-]\d\d(?::?\d\d)?|[zZ])[\s\v]*$"

#: Kinds of times.
_NUMBERS, _DATES = "numbers", "dates"


class TimestampReader:
    """Reads one column of times. The first rows decide between numbers and dates, and on the format of dates."""

    def __init__(self) -> None:
        self._format: tuple[str, str] | None = None
        self._kind: str | None = None
        self.notes: list[str] = []

    def read(self, chunk: Chunk) -> Timestamps:
        """Return the times of a chunk without loss of digits.

        Raises:
            UserError: dates of an unknown format, or not of the format of the first ones; dates and numbers in one
                column. The message names the row.
        """
        column = chunk.columns["timestamp"]
        if not column.is_text:
            times = column.times()
            self._check_kind(_DATES if column.is_date else _NUMBERS, chunk, times)
            return times
        if self._kind == _NUMBERS:
            return column.times()
        texts = column.texts()
        if self._format is None:
            times, filled = column.times(), np.flatnonzero(texts.str.strip() != "")
            if not len(filled):
                return times
            if times.has(int(filled[0])):
                self._check_kind(_NUMBERS, chunk, times)
                return times
            self._format = _detect_format(texts.iloc[filled], chunk, int(filled[0]))
            self._kind = _DATES
            self._add_note(texts.iloc[filled], *self._format)
        return _to_seconds(texts, self._format, chunk)

    def _check_kind(self, kind: str, chunk: Chunk, times: Timestamps) -> None:
        """Refuse numbers after dates and dates after numbers, whatever the type of their column."""
        first = 0 if times.missing is None else int(times.missing.argmin())
        if not times.has(first):
            return
        if kind != (self._kind or kind):
            raise UserError(
                f"{chunk.location(first)}: timestamp: {self._kind} expected as in the rows before, got "
                f"{chunk.cell('timestamp', first)}; write all times in one form, or leave them out with "
                "--time-col none"
            )
        self._kind = kind

    def _add_note(self, texts: pd.Series, date: str, clock: str) -> None:
        other = _SWAPPED.get(date)
        unsure = ""
        if other is not None and not _parse_dates(texts, (other, clock)).isna().any():
            unsure = f"; {FORMATS[other]} would fit the first rows too"
        self.notes.append(f"times are dates ({FORMATS[date]}), read as seconds{unsure}")


def _detect_format(texts: pd.Series, chunk: Chunk, row: int) -> tuple[str, str]:
    """Return the first formats (date, time of day) that fit all texts, or else the first text, which is of `row`."""
    cell = _IN_UTC.sub("", str(texts.iloc[0]).strip())
    fits_first = None
    for form in FORMATS:
        chosen = form, "" if form == ISO or "%H" in form else _clock_format(cell)
        if _IN_UTC.search(str(texts.iloc[0]).strip()):
            chosen = form, chosen[1] + "UTC"
        if not _parse_dates(texts.iloc[:1], chosen).isna().any():
            fits_first = fits_first or chosen
            if not _parse_dates(texts, chosen).isna().any():
                return chosen
    if fits_first is None:
        raise UserError(
            f"{chunk.location(row)}: timestamp: a number or a date expected, got "
            f"{chunk.cell('timestamp', row)}; dates are read as {_EXAMPLES}; write them so, or leave them out with "
            "--time-col none"
        )
    return fits_first


def _clock_format(cell: str) -> str:
    """Return the format of the time of day at the end of a cell; "" where there is none."""
    found = _CLOCK.search(cell)
    if found is None or found.end() != len(cell):
        return ""
    between, _, seconds, beyond, blank, half = found.groups()
    hours = "%I:%M" if half else "%H:%M"
    return between + hours + ":%S" * bool(seconds) + ".%f" * bool(beyond) + (f"{blank}%p" if half else "")


def _parse_dates(texts: pd.Series, form: tuple[str, str]) -> pd.Series:
    date, clock = form
    if clock.endswith("UTC"):
        texts, clock = texts.str.replace(_IN_UTC, "", regex=True), clock.removesuffix("UTC")
    cells = pa.array(texts, pa.string())
    texts = texts.mask(pc.match_substring_regex(cells, _NOT_A_DATE).to_numpy(zero_copy_only=False))
    zoned = pc.match_substring_regex(cells, _ZONED).to_numpy(zero_copy_only=False)
    read = partial(pd.to_datetime, format=date + clock, errors="coerce", utc=True)
    if zoned.all() or not zoned.any():
        return read(texts)
    # Apart: pandas below 3 takes the zone of some dates for that of those without one.
    places = np.concatenate([np.flatnonzero(zoned), np.flatnonzero(~zoned)])
    return pd.concat([read(texts[zoned]), read(texts[~zoned])]).iloc[np.argsort(places)]


def _to_seconds(texts: pd.Series, form: tuple[str, str], chunk: Chunk) -> Timestamps:
    dates = _parse_dates(texts, form)
    bad = np.flatnonzero(dates.isna().to_numpy())
    if len(bad):
        row = int(bad[0])
        raise UserError(
            f"{chunk.location(row)}: timestamp: a date expected as in the other rows ({FORMATS[form[0]]}), got "
            f"{chunk.cell('timestamp', row)}; write all of them as 2015-03-04 05:06:07, or leave them out with "
            "--time-col none"
        )
    moments = dates.dt.tz_localize(None).to_numpy()
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[np.datetime_data(moments.dtype)[0]]
    return Timestamps.from_ticks(moments.astype(np.int64), per_second)
