"""Tables as text: what a person reads in the terminal, and what a page or document holds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

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

    @classmethod
    def of(cls, title: str, rows: Sequence[Mapping[str, str]]) -> Table:
        """A table of rows that say which cell is which; a dash where a row has none."""
        columns = tuple(dict.fromkeys(name for row in rows for name in row))
        return cls(title, columns, tuple(tuple(row.get(name, NOTHING) for name in columns) for row in rows))

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


def number(value: float | None, digits: int = 4, sign: str = "") -> str:
    """A number with so many decimals, a dash where there is none.

    Args:
        value: to be written.
        digits: after the point.
        sign: "+" to tell that of positive numbers too.
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{value:{sign},.{digits}f}"
    return text if text.strip("+-0.") else text.lstrip("+-")


def shortest(value: float) -> str:
    """A number as short as it is, a dash where there is none."""
    return f"{value:g}" if math.isfinite(value) else NOTHING


def mean(values: Sequence[float]) -> float:
    """The mean of the finite ones; NaN where there is none."""
    finite = [value for value in values if math.isfinite(value)]
    return fmean(finite) if finite else math.nan


def spread(values: Sequence[float]) -> str:
    """The mean of the finite ones, and their standard deviation if there are several; says how many if not all are."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return NOTHING
    text = number(fmean(finite)) + (f" ±{number(stdev(finite))}" if len(finite) > 1 else "")
    return text if len(finite) == len(values) else f"{text} ({len(finite)} of {len(values)})"


def difference(ours: float | None, paper: float | None, digits: int = 4) -> str:
    """Ours less the paper's, with its sign; a dash where one is missing."""
    return NOTHING if ours is None or paper is None else number(ours - paper, digits, sign="+")


def beside(metric: str, paper: float | None, ours: Sequence[float]) -> dict[str, str]:
    """The cells of a metric: the paper's, ours over seeds, and the difference."""
    cells = {"paper": number(paper), "ours": spread(ours), "difference": difference(mean(ours), paper)}
    return {f"{metric}, {what}": text for what, text in cells.items()}


def code(formula: str) -> str:
    """A formula as code, which Markdown leaves as it is."""
    return f"`{formula}`" if formula else NOTHING


def block(name: str, tables: Sequence[Table]) -> str:
    """The tables between marks that say whose they are."""
    return f"<!-- begin {name} -->\n" + "\n".join(table.markdown() for table in tables) + f"<!-- end {name} -->\n"


def page(
    name: str, about: str, made: str, tables: Sequence[Table], notes: Sequence[str], pictures: Sequence[str]
) -> str:
    """A page of its own.

    Args:
        name: of the reproduction.
        about: it, in a sentence.
        made: how and where, in a sentence.
        tables: of it.
        notes: sentences about it.
        pictures: names of files beside the page.
    """
    parts = [f"# {name}\n\n{about}\n\n{made}\n", block(name, tables)]
    if notes:
        parts.append("".join(f"- {note}\n" for note in notes))
    parts += [f"![{file.removesuffix('.png')}]({file})\n" for file in pictures]
    return "\n".join(parts)
