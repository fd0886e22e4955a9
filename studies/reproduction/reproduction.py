"""The interface of a reproduction: what is measured, and how it stands beside what the paper published."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from studies.reproduction.bench import Bench
from studies.reproduction.raw import Column, Frame
from studies.reproduction.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # which takes a second to load

#: By file stem.
Pictures: TypeAlias = "Mapping[str, Figure]"


class Reproduction(ABC):
    """A table or figure of the paper.

    `tables`, `pictures` and `notes` are functions of the raw results alone, so that a document can be checked against a
    file, and drawn again without training. They take whatever `columns` let through.
    """

    name: ClassVar[str]
    """As on the command line, and of its files."""
    about: ClassVar[str]
    """What it shows, in a sentence."""
    options: ClassVar[frozenset[str]]
    """The fields of ReproduceSettings that it uses; others may not be given."""
    columns: ClassVar[Sequence[Column]]
    """Of the raw results."""

    @abstractmethod
    def measure(self, bench: Bench) -> Frame:
        """The raw results: a few hundred rows at most."""

    @abstractmethod
    def tables(self, raw: Frame) -> list[Table]:
        """The paper, ours and the difference; what is published stands there even where nothing was measured."""

    @abstractmethod
    def pictures(self, raw: Frame) -> Pictures:
        """Pictures by file stem; may be empty."""

    @abstractmethod
    def notes(self, raw: Frame) -> list[str]:
        """What agrees with the paper and what does not, in sentences that follow from the numbers; may be empty."""
