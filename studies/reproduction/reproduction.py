"""What a reproduction is: what is measured, and how it stands beside what the paper published."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias

from studies.reproduction.mml.paper import OTHER
from studies.reproduction.paper import DATASETS, MODELS
from studies.reproduction.raw import Column, Frame
from studies.reproduction.settings import ReproduceSettings
from studies.reproduction.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # which takes a second to load

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
