"""What is searched for, as decisions: all that a searcher needs to know of it.

A genome is an array [D] of int64, the number of the chosen option for each of D decisions in order. Which options are
open, and whether a decision counts at all, may depend on the decisions before it. Genomes are passed about in normal
form: what is chosen is open, and a decision that does not count holds its first open option, so two genomes are equal
where the candidates are.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from torch import Tensor

from core.common.errors import UserError, format_value


class Solution(Protocol):
    """A candidate of any space; `str` writes it for a person."""

    @property
    def key(self) -> str:
        """Solutions with the same key are the same; one line of text."""

    @property
    def complexity(self) -> int:
        """How much of it there is, such as its number of operators: less is better, all else being equal."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for storage."""


C = TypeVar("C", bound=Solution)


@dataclass(frozen=True)
class Kind:
    """What decisions choose among. A policy learns one head for a kind, and one embedding for an option's name.

    So decisions are of one kind where what is good for one is likely to be good for the others, as the operators of
    all lines of a program are; other decisions have kinds of their own, whatever their options are called.

    Raises:
        UserError: two options of one name, or a name with blanks in it or none.
    """

    name: str
    options: tuple[str, ...]
    """All options that a decision of this kind may ever have: distinct words."""

    def __post_init__(self) -> None:
        """Check the options."""
        if len(set(self.options)) != len(self.options) or any(name.split() != [name] for name in self.options):
            raise UserError(
                f"options of {self.name}: expected distinct names without blanks, got {format_value(self.options)}"
            )


@dataclass(frozen=True)
class Decision:
    """One choice on the way to a candidate.

    Raises:
        UserError: no option, or more than its kind has.
    """

    name: str
    """Distinct within a space, such as op_3."""
    kind: Kind
    """What it chooses among."""
    size: int
    """It has the first `size` options of its kind."""
    ordered: bool = False
    """Whether neighbouring options are alike, as numbers are."""

    def __post_init__(self) -> None:
        """Check the size."""
        if not 1 <= self.size <= len(self.kind.options):
            raise UserError(f"decision {self.name}: expected 1 to {len(self.kind.options)} options, got {self.size}")

    @property
    def options(self) -> tuple[str, ...]:
        """The names of its options."""
        return self.kind.options[: self.size]


class Space(ABC, Generic[C]):
    """Where candidates come from. Immutable; draws come from the generators that are passed in."""

    @property
    @abstractmethod
    def decisions(self) -> tuple[Decision, ...]:
        """The decisions [D], in the order in which a policy takes them."""

    @cached_property
    def sizes(self) -> np.ndarray:
        """How many options each decision has [D]."""
        return np.array([decision.size for decision in self.decisions])

    @abstractmethod
    def open(self, i: int, chosen: Sequence[Tensor]) -> Tensor | None:
        """Return which options of decision i are open.

        Args:
            i: the decision.
            chosen: what n genomes have chosen, [n] for each decision before it; there may be more.

        Returns:
            A mask [n, size], at least one option open in each row; None where all options always are.
        """

    @abstractmethod
    def used(self, i: int, chosen: Sequence[Tensor]) -> Tensor | None:
        """Return whether decision i counts in n genomes, see `open`: a mask [n]; None where it always does."""

    @abstractmethod
    def repaired(self, genome: Sequence[int]) -> np.ndarray:
        """Return the normal form [D] of any choice of options, closed ones among them."""

    @abstractmethod
    def sites(self, genome: np.ndarray) -> list[tuple[int, ...]]:
        """Return what evolution may change in a genome [D]: groups of decisions that count, at least one group."""

    @abstractmethod
    def redrawn(self, genome: np.ndarray, site: tuple[int, ...], rng: random.Random) -> np.ndarray:
        """Return a copy of a genome [D] in which one decision of a site is drawn anew, and what is open stays so.

        Decisions that do not count may keep any option, to be there again when they count: `repaired` gives the
        normal form.
        """

    @property
    @abstractmethod
    def cuts(self) -> tuple[int, ...]:
        """The numbers of decisions before which two genomes may be cut to exchange what follows."""

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw n genomes [n, D] in normal form: the baseline that every searcher has to beat."""

    @abstractmethod
    def decode(self, genomes: np.ndarray) -> list[C]:
        """Return the candidates of genomes [n, D].

        Raises:
            UserError: one of them is no genome of this space.
        """

    @abstractmethod
    def encode(self, candidate: C) -> np.ndarray:
        """Return the genome [D] of a candidate, in normal form.

        Of a decoded candidate it is the genome that it came from, of any other one a genome with the same key.

        Raises:
            UserError: the candidate is not in this space; says why.
        """

    @abstractmethod
    def parse(self, text: str) -> C:
        """Read a candidate that a person has written; `encode` tells whether it is in this space.

        Raises:
            UserError: it is none; says why.
        """


def check_genomes(genomes: np.ndarray, space: Space[Any]) -> None:
    """Refuse what is no array of genomes of a space [n, D], each number that of an option.

    Raises:
        UserError: it is none.
    """
    sizes = space.sizes
    if genomes.ndim != 2 or genomes.shape[1] != len(sizes) or genomes.dtype.kind != "i":
        raise UserError(f"genomes: expected {len(sizes)} whole numbers each, got {format_value(genomes.tolist())}")
    wrong = (genomes < 0) | (genomes >= sizes)
    if wrong.any():
        row, i = np.argwhere(wrong)[0]
        name = space.decisions[i].name
        raise UserError(f"genome: {name}: expected an option 0 to {sizes[i] - 1}, got {genomes[row, i]}")
