"""The spaces of rules of weight decay: a level for each group of rows, or a formula."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.common.errors import UserError
from core.decays.rules import DecayRule, Law, Levels
from core.programs.operators import PAPER_OPERATORS
from core.programs.space import OperatorSpace
from core.search.adapted import AdaptedSpace
from core.search.choices import Choices, ChoiceSpace
from core.search.decision import Decision, Kind

#: Most groups of a side, and most lines of a formula.
_MOST_GROUPS, _MOST_LINES = 32, 12
#: The sides, for names of decisions.
_SIDES = ("user", "item")


@dataclass(frozen=True)
class LevelSpace(AdaptedSpace[DecayRule]):
    """A level for each group of users and each group of items.

    Raises:
        UserError: a number of groups that cannot be, or levels that are not at least two different numbers.
    """

    levels: tuple[float, ...]
    """What there is to choose from."""
    n_groups: int = 4
    """Groups of a side."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 1 <= self.n_groups <= _MOST_GROUPS:
            raise UserError(f"groups: expected 1 to {_MOST_GROUPS}, got {self.n_groups}")
        if len(set(self.levels)) < 2:
            raise UserError(f"decays: expected at least two different numbers to choose from, got {self.levels}")

    @cached_property
    def inner(self) -> ChoiceSpace:
        """See AdaptedSpace."""
        options = tuple(f"{one:g}" for one in sorted(set(self.levels)))
        kinds = [Kind(f"decay of {side}s", options) for side in _SIDES]
        return ChoiceSpace(
            tuple(
                Decision(f"{side}_{i + 1}", kind, len(options), ordered=True)
                for side, kind in zip(_SIDES, kinds, strict=True)
                for i in range(self.n_groups)
            )
        )

    def decode(self, genomes: np.ndarray) -> list[DecayRule]:
        """See Space."""
        n = self.n_groups
        return [Levels(one.names[:n], one.names[n:]) for one in self.inner.decode(genomes)]

    def encode(self, candidate: DecayRule) -> np.ndarray:
        """See Space."""
        if not isinstance(candidate, Levels):
            raise UserError(f"decays {candidate}: expected levels of groups, such as {self._example}")
        if (len(candidate.users), len(candidate.items)) != (self.n_groups, self.n_groups):
            raise UserError(f"decays {candidate}: expected {self.n_groups} of users and of items, as {self._example}")
        return self.inner.encode(Choices(tuple(f"{float(one):g}" for one in (*candidate.users, *candidate.items))))

    @property
    def _example(self) -> str:
        one = " ".join([f"{max(self.levels):g}"] * self.n_groups)
        return str(Levels.parse(f"{one} | {one}"))

    def parse(self, text: str) -> DecayRule:
        """See Space."""
        return Levels.parse(text)


@dataclass(frozen=True)
class LawSpace(AdaptedSpace[DecayRule]):
    """Formulas of a row's frequency and of how far a training is, by operators of losses.

    Raises:
        UserError: a number of lines that cannot be.
    """

    lines: int = 4
    """Lines of a formula, of which those that the last one needs count."""

    def __post_init__(self) -> None:
        """Check the lines."""
        if not 1 <= self.lines <= _MOST_LINES:
            raise UserError(f"lines: expected 1 to {_MOST_LINES}, got {self.lines}")

    @cached_property
    def inner(self) -> OperatorSpace:
        """See AdaptedSpace."""
        return OperatorSpace(operators=(*PAPER_OPERATORS, "root"), max_variables=3 + self.lines, clamp="none")

    def decode(self, genomes: np.ndarray) -> list[DecayRule]:
        """See Space."""
        return [Law(one) for one in self.inner.decode(genomes)]

    def encode(self, candidate: DecayRule) -> np.ndarray:
        """See Space."""
        if not isinstance(candidate, Law):
            raise UserError(f"decays {candidate}: expected a formula of n and e, such as 1/(root(n))")
        return self.inner.encode(candidate.program)

    def parse(self, text: str) -> DecayRule:
        """See Space."""
        return Law.parse(text)
