"""Files and options of the user: tables, how they are read and how they are split.

The annotations are objects and not strings: the command line is made from these classes.
"""

import math
import os
import re
from dataclasses import dataclass, fields
from pathlib import Path

from core.common.errors import UserError, format_value
from core.common.secrets import masked_url

HEADERS = ("auto", "yes", "no")
SPLITS = ("auto", "leave-one-out", "random", "given")
PAIRS = ("last", "first", "all")
#: Negatives drawn for each positive by default, where a table has none.
DEFAULT_NEGATIVES = 4
#: The name that stands for no column.
NO_COLUMN = "none"
_URL = re.compile(r"([a-z][a-z0-9+.-]+:)/")  # a path has lost a slash of it


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """Options for reading a table. Those that are not given are guessed from the table, and the guesses are printed.

    Raises:
        UserError: a value that is not possible, whatever the table.
    """

    user_col: str | None = None
    """Of a table given with --data: the column of users, by name or by its position from 1; guessed unless given."""
    item_col: str | None = None
    """The column of items; guessed unless given."""
    rating_col: str | None = None
    """The column of ratings or labels; guessed unless given. Where there is none (or with none), every row is a
    positive."""
    time_col: str | None = None
    """The column of times, numbers or dates; guessed unless given; none to do without."""
    header: str = "auto"
    """Whether the first line of a file of text names its columns: yes, no (it is a row), or auto to find out."""
    positive_at: float | None = None
    """Ratings of so much and more get the label 1, others 0. Unless given: 4, but ratings that are only 0 and 1 (or -1
    and 1) are labels already."""
    split: str = "auto"
    """Of a table: leave-one-out (each user's last positive, by time), random (80/10/10), given (by --split-col or by
    files), or auto: given if it was given, else leave-one-out where there are times, else random."""
    split_col: str | None = None
    """The column that says train, validation or test."""
    pairs: str = "last"
    """What stays where a user rated an item several times: the last row (by time, where there are times), the first, or
    all."""
    negatives: int | None = None
    """For a table in which every row is a positive: items that the user does not have, drawn for each positive as
    negatives; 4 unless given, 0 for none."""

    def __post_init__(self) -> None:
        """Check values without the table."""
        for name, known in (("header", HEADERS), ("split", SPLITS), ("pairs", PAIRS)):
            if getattr(self, name) not in known:
                raise UserError(f"--{name}: expected {' or '.join(known)}, got {format_value(getattr(self, name))}")
        if self.positive_at is not None and not math.isfinite(self.positive_at):
            raise UserError(f"--positive-at: expected a finite number, got {self.positive_at}")
        if self.negatives is not None and self.negatives < 0:
            raise UserError(f"--negatives: expected a number, 0 or more, got {self.negatives}")
        if self.split_col is not None and self.split not in ("auto", "given"):
            raise UserError(f"--split-col: expected --split given beside it, got --split {self.split}; leave out one")

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the options that differ from their defaults."""
        return tuple(f.name for f in fields(TableOptions) if getattr(self, f.name) != f.default)


#: Everything is guessed.
DEFAULT_OPTIONS = TableOptions()


def refuse_url(asked: str, path: object) -> None:
    """Say that nothing is fetched.

    Args:
        asked: what named the path, for the message.
        path: where a table should be.

    Raises:
        UserError: it is a URL.
    """
    if isinstance(path, Path) and _URL.match(str(path)) and not os.path.exists(path):
        url = masked_url(_URL.sub(r"\1//", str(path)))
        raise UserError(f"{asked}: expected a file, got the URL {url}; fetch it and give the file")


@dataclass(frozen=True, kw_only=True)
class DataFiles:
    """The files of a data set.

    Raises:
        UserError: a validation or test part without the two other parts, or a URL.
    """

    data: Path | None = None
    """The raw file of the data set, or a table of your own: CSV, TSV or Parquet."""
    validation_data: Path | None = None
    """The validation part, where the parts of a table are files of their own; --data is the training part then."""
    test_data: Path | None = None
    """The test part of such a table."""

    def __post_init__(self) -> None:
        """Check that all parts are given, or none, and files."""
        for f in fields(self):
            refuse_url(option(f.name), getattr(self, f.name))
        given = {"--validation-data": self.validation_data, "--test-data": self.test_data}
        missing = [name for name, path in given.items() if path is None]
        if len(missing) == 1 or (not missing and self.data is None):
            wanted = missing[0] if missing else "--data (the training part)"
            raise UserError(f"parts in files of their own: expected {wanted} too, got none; give all three")

    @property
    def parts(self) -> tuple[Path, ...]:
        """The training, validation and test file, or one file, or none."""
        return tuple(path for path in (self.data, self.validation_data, self.test_data) if path is not None)

    @classmethod
    def of(cls, given: "Path | DataFiles | None") -> "DataFiles":
        """Convert a path or None; files stay as they are."""
        return given if isinstance(given, cls) else cls(data=given)  # type: ignore[arg-type]  # it is no DataFiles


def option(name: str) -> str:
    """Return the command-line flag of an option: "time_col" becomes "--time-col"."""
    return "--" + name.replace("_", "-")
