"""What a reproduction is: what is measured, and how it stands beside what the paper published, in tables as text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, TypeAlias

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from studies.reproduction.mml.paper import OTHER
from studies.reproduction.paper import DATASETS, MODELS
from studies.reproduction.raw import Column, Frame
from studies.reproduction.settings import ReproduceSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # which takes a second to load

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


Picture: TypeAlias = "Figure"
#: As a page writes what is written in small letters here, and what another paper's tables have.
_NAMES: Mapping[str, str] = {
    **MODELS,
    **DATASETS,
    **{"simplex": "SimpleX", "yelp18": "Yelp18", "gowalla": "Gowalla"},
    **{f"yelp18{OTHER}": "Yelp18, another split", f"gowalla{OTHER}": "Gowalla, another split"},
}


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """A table or figure of the paper.

    `rows`, `sentences` and `draw` are functions of the raw results alone, so that a document can be checked against a
    file, and drawn again without training. They take whatever `columns` let through.

    Raises:
        TypeError: a name, options or columns that the command cannot work with.
    """

    name: str
    """As on the command line, and of its files."""
    about: str
    """What it shows, in a sentence."""
    options: frozenset[str]
    """The fields of its settings that it uses; others may not be given."""
    columns: Sequence[Column]
    """Of the raw results."""
    measure: Callable[[Any], Sequence[Mapping[str, Any]]]
    """Measures the rows of the raw results, with its bench: a few hundred at most."""
    rows: Mapping[str, Callable[[Frame], Iterable[Mapping[str, str]]]]
    """Title -> rows of a table: the paper, ours and the difference; what is published stands there even where nothing
    was measured. A table without rows is left out."""
    sentences: Callable[[Frame], Iterable[str]] = lambda raw: ()
    """What agrees with the paper and what does not, in sentences that follow from the numbers."""
    published: Sequence[tuple[str, str]] = ()
    """The pairs of model and data set that the paper has."""
    draw: Callable[[Frame], Picture] | None = None
    """Draws the rows of one data set, and of one model where there is a column for it."""
    settings: type[Any] = ReproduceSettings
    """What the command takes for it: a dataclass of settings, see `studies.reproduce.FAMILIES`."""

    def __post_init__(self) -> None:
        """Check what the command relies on."""
        unknown = self.options - {field.name for field in fields(self.settings)}
        is_plain = re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.name)
        if unknown or not is_plain or len({column.name for column in self.columns}) != len(self.columns):
            raise TypeError(f"reproduction {self.name}: expected a plain name, known options and distinct columns")

    def tables(self, raw: Frame) -> list[Table]:
        """The tables that have rows."""
        made = [(title, list(rows(raw))) for title, rows in self.rows.items()]
        return [Table.of(title, rows) for title, rows in made if rows]

    def pictures(self, raw: Frame) -> dict[str, Picture]:
        """By file stem: one for each model, where there are several, and data set; of one, under the name alone."""
        if self.draw is None:
            return {}
        pairs = groups(raw, *(name for name in ("model", "dataset") if name in raw.columns))
        return {self.name if len(pairs) == 1 else "-".join((self.name, *pair)): self.draw(one) for pair, one in pairs}

    def notes(self, raw: Frame) -> list[str]:
        """The sentences, and one or two on what the paper has and these results have not; may be empty."""
        measured = set(zip(raw["model"], raw["dataset"], strict=True)) if self.published else set()
        measured |= {(model, dataset.removesuffix(OTHER)) for model, dataset in measured}  # which is told elsewhere
        missing = [pair for pair in dict.fromkeys(self.published) if pair not in measured]
        others = [" on ".join(named(*pair).values()) for pair in missing if pair[1] != "electronics"]
        notes = list(self.sentences(raw))
        if len(others) < len(missing):
            given = "Electronics has to be given: --data reviews_Electronics_5.json.gz."
            notes.append(f"{given} Without it the paper stands alone.")
        if others:
            notes.append(f"Not measured here: {', '.join(others)}.")
        return notes


def named(model: str, dataset: str) -> dict[str, str]:
    """The two as the paper writes them, by the columns of tables."""
    return {"model": _NAMES.get(model, model), "data": _NAMES.get(dataset, dataset)}


def groups(raw: Frame, *columns: str) -> list[tuple[tuple[Any, ...], Frame]]:
    """The rows of equal values in these columns, in the order in which they first appear."""
    return list(raw.groupby(list(columns), sort=False))
