"""Times of a table: numbers as they are, dates as seconds since 1970 (UTC unless they say otherwise)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.errors import UserError
from recommenders.data.columns import Column, Piece

#: Forms of dates, tried in this order on the first rows: pandas' name and what a person calls it.
FORMS = {
    "ISO8601": "ISO 8601",
    "%Y/%m/%d": "year/month/day",
    "%Y/%m/%d %H:%M": "year/month/day hour:minute",
    "%Y/%m/%d %H:%M:%S": "year/month/day hour:minute:second",
    "%m/%d/%Y": "month/day/year",
    "%m/%d/%Y %H:%M": "month/day/year hour:minute",
    "%m/%d/%Y %H:%M:%S": "month/day/year hour:minute:second",
    "%d/%m/%Y": "day/month/year",
    "%d/%m/%Y %H:%M": "day/month/year hour:minute",
    "%d/%m/%Y %H:%M:%S": "day/month/year hour:minute:second",
    "%d.%m.%Y": "day.month.year",
    "%d.%m.%Y %H:%M": "day.month.year hour:minute",
    "%d.%m.%Y %H:%M:%S": "day.month.year hour:minute:second",
    "%m %d, %Y": "month day, year",
    "%b %d, %Y": "month day, year",
    "%B %d, %Y": "month day, year",
    "%d %b %Y": "day month year",
    "%d-%b-%Y": "day-month-year",
    "%a %b %d %H:%M:%S %z %Y": "Thu Jan 01 00:00:00 +0000 1970",
}


class TimeReader:
    """Reads one column of times. The first rows decide between numbers and dates, and over the form of dates."""

    def __init__(self) -> None:
        self._form: str | None = None
        self._numbers: bool | None = None
        self.notes: list[str] = []

    def read(self, column: Column, piece: Piece) -> np.ndarray:
        """[n] float64: numbers as they are (not finite where a cell is none), dates as whole seconds.

        Raises:
            UserError: dates of no form known here, or of another one than the first; with the row.
        """
        texts = column.texts()
        if texts is None or self._numbers:
            return column.numbers()
        if self._numbers is None:
            numbers = column.numbers()
            self._form = None if np.isfinite(numbers[0]) else _form_of(texts)
            self._numbers = self._form is None
            if self._form is None:
                return numbers
            self._say(texts)
        assert self._form is not None
        return _seconds(texts, self._form, piece, column)

    def _say(self, texts: pd.Series) -> None:
        assert self._form is not None
        other = self._form.replace("%m/%d", "%d/%m")
        ambiguous = other != self._form and not _dates(texts, other).isna().any()
        unsure = "; day/month/year would fit the first rows too" * ambiguous
        self.notes.append(f"times are dates ({FORMS[self._form]}), read as seconds{unsure}")


def _form_of(texts: pd.Series) -> str | None:
    """The first form that fits all rows, or else the first cell; None if it is no date."""
    fits_first = None
    for form in FORMS:
        if not _dates(texts.iloc[:1], form).isna().any():
            fits_first = fits_first or form
            if not _dates(texts, form).isna().any():
                return form
    return fits_first


def _dates(texts: pd.Series, form: str) -> pd.Series:
    return pd.to_datetime(texts, format=form, errors="coerce", utc=True)


def _seconds(texts: pd.Series, form: str, piece: Piece, column: Column) -> np.ndarray:
    dates = _dates(texts, form)
    # a number among dates would be a year, or a day without separators, to ISO 8601
    bad = np.flatnonzero(dates.isna().to_numpy() | texts.str.fullmatch(r"[+-]?[0-9]+[.]?[0-9]*").to_numpy(dtype=bool))
    if len(bad):
        row = int(bad[0])
        raise UserError(
            f"{piece.at(row)}: timestamp: a date expected as in the rows before ({FORMS[form]}), got "
            f"{column.shown(row)}; write all of them as 2015-03-04 05:06:07, or leave them out with --time-col none"
        )
    seconds: np.ndarray = dates.dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.float64)
    return seconds
