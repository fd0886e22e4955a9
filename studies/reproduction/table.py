"""Tables as text: what a person reads in the terminal, and what a document holds."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

#: Where there is no number.
NOTHING = "-"


@dataclass(frozen=True)
class Table:
    """Rows of text under a title.

    Raises:
        ValueError: a row of another length than the columns.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        """Check that it is a rectangle."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.title}: expected {len(self.columns)} cells in a row, got {len(row)}")

    def markdown(self) -> str:
        """As Markdown, always the same; a title and a table."""
        lines = [_line(self.columns), "|" + "---|" * len(self.columns), *map(_line, self.rows)]
        return f"**{_one_line(self.title)}**\n\n" + "\n".join(lines) + "\n"

    def rich(self) -> RichTable:
        """As the terminal shows it."""
        table = RichTable(box=box.SIMPLE_HEAD, title=Text(self.title), title_justify="left")
        for name in self.columns:
            table.add_column(Text(name), overflow="fold")
        for row in self.rows:
            table.add_row(*map(Text, row))
        return table


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_one_line(cell).replace("|", "\\|") for cell in cells) + " |"


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def number(value: float | None, digits: int = 4) -> str:
    """A number with so many decimals, a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{value:,.{digits}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text


def spread(values: Sequence[float], digits: int = 4) -> str:
    """The mean of the finite ones, and their standard deviation if there are several; says how many if not all are."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return NOTHING
    mean = math.fsum(finite) / len(finite)
    text = number(mean, digits)
    if len(finite) > 1:
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in finite) / (len(finite) - 1))
        text += f" ±{number(deviation, digits)}"
    return text if len(finite) == len(values) else f"{text} ({len(finite)} of {len(values)})"


def difference(ours: float | None, paper: float | None, digits: int = 4) -> str:
    """Ours less the paper's, with its sign; a dash where one is missing."""
    if ours is None or paper is None or not math.isfinite(ours - paper):
        return NOTHING
    text = f"{ours - paper:+,.{digits}f}"
    return text[1:] if float(text.replace(",", "")) == 0 else text


def code(formula: str) -> str:
    """A formula as code, which Markdown leaves as it is."""
    return f"`{formula}`" if formula else NOTHING
