"""What a reproduction is: what is measured, and how it stands beside what the paper published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias

from studies.reproduction.bench import Bench
from studies.reproduction.raw import Column, Frame
from studies.reproduction.settings import ReproduceSettings
from studies.reproduction.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # which takes a second to load

#: By file stem.
Pictures: TypeAlias = "Mapping[str, Figure]"


def _no_pictures(raw: Frame) -> Pictures:
    return {}


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """A table or figure of the paper.

    `tables`, `pictures` and `notes` are functions of the raw results alone, so that a document can be checked against a
    file, and drawn again without training. They take whatever `columns` let through.

    Raises:
        TypeError: a name, options or columns that the command cannot work with.
    """

    name: str
    """As on the command line, and of its files."""
    about: str
    """What it shows, in a sentence."""
    options: frozenset[str]
    """The fields of ReproduceSettings that it uses; others may not be given."""
    columns: Sequence[Column]
    """Of the raw results."""
    measure: Callable[[Bench], Sequence[Mapping[str, Any]]]
    """Measures the rows of the raw results: a few hundred at most."""
    tables: Callable[[Frame], list[Table]]
    """The paper, ours and the difference; what is published stands there even where nothing was measured."""
    notes: Callable[[Frame], list[str]]
    """What agrees with the paper and what does not, in sentences that follow from the numbers; may be empty."""
    pictures: Callable[[Frame], Pictures] = _no_pictures
    """Pictures by file stem."""

    def __post_init__(self) -> None:
        """Check what the command relies on."""
        unknown = self.options - {field.name for field in fields(ReproduceSettings)}
        if unknown or not self.name.isalnum() or len({column.name for column in self.columns}) != len(self.columns):
            raise TypeError(f"reproduction {self.name}: expected a plain name, known options and distinct columns")
