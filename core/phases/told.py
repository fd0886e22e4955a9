"""Tables by which a problem tells what was found: for the terminal, the page about a study, and files."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from typing import TypeAlias

#: What a cell may hold; None is empty.
Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True)
class ToldTable:
    """A table with a title.

    Raises:
        ValueError: rows of another length than there are columns.
    """

    title: str
    """A few words."""
    text: str
    """What the numbers are, in sentences."""
    columns: tuple[str, ...]
    """Their names."""
    rows: tuple[tuple[Cell, ...], ...]
    """In the order in which they are shown."""
    bar: int | None = None
    """The place of a column of numbers from 0 on that are drawn as bars, too."""

    def __post_init__(self) -> None:
        """Check the shape, and that there is something to draw."""
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"{self.title}: expected {len(self.columns)} cells in each row")
        if self.bar is not None and not 0 <= self.bar < len(self.columns):
            raise ValueError(f"{self.title}: no column {self.bar}")

    @property
    def is_number(self) -> tuple[bool, ...]:
        """Whether each column has no text."""
        return tuple(all(not isinstance(row[k], str) for row in self.rows) for k in range(len(self.columns)))

    @property
    def bars(self) -> tuple[float, ...]:
        """The length of the bar of each row, as a share of the longest one; nothing without bars."""
        values = [] if self.bar is None else [row[self.bar] for row in self.rows]
        lengths = [abs(one) if isinstance(one, int | float) and math.isfinite(one) else 0.0 for one in values]
        longest = max(lengths, default=0.0)
        return tuple(one / longest if longest else 0.0 for one in lengths)

    def as_csv(self) -> str:
        """Return the table as CSV, numbers with all digits."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([self.columns, *self.rows])
        return file.getvalue()


def shown(cell: Cell) -> str:
    """Return a cell for reading: four or five digits of numbers, nothing of None."""
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return ""
    if isinstance(cell, float):
        return f"{cell:.5f}" if abs(cell) < 0.01 else f"{cell:,.4f}" if abs(cell) < 1e6 else f"{cell:.4g}"
    return f"{cell:,}" if isinstance(cell, int) else cell
