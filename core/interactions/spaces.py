"""The spaces of interaction functions, by name: those of the paper's authors, and programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from types import MappingProxyType

import numpy as np

from core.common.errors import UserError
from core.interactions.interaction import Interaction
from core.programs.operators import PAPER_OPERATORS
from core.programs.space import OperatorSpace
from core.search.adapted import AdaptedSpace
from core.search.choices import Choices, ChoiceSpace
from core.search.decision import Decision, Kind

#: Lines of a program, at most, as of losses.
_MOST_LINES = 12
#: What becomes of a vector before the two meet, as a formula of it: three functions (magnitude, its root, square), each
#: as it is, negative, and with the sign of the number.
SIDES: Mapping[str, str] = MappingProxyType(
    {
        "x": "{0}",
        "|x|": "max({0}, -{0})",
        "-|x|": "-max({0}, -{0})",
        "root": "root({0})",
        "|root|": "root(max({0}, -{0}))",
        "-|root|": "-root(max({0}, -{0}))",
        "x|x|": "{0}*max({0}, -{0})",
        "square": "{0}^2",
        "-square": "-{0}^2",
    }
)
#: How they meet.
MEETINGS: Mapping[str, str] = MappingProxyType(
    {
        "plus": "{0} + {1}",
        "multiply": "({0})*({1})",
        "max": "max({0}, {1})",
        "min": "min({0}, {1})",
        "concat": "concat({0}, {1})",
    }
)


class InteractionSpace(AdaptedSpace[Interaction]):
    """A space of interaction functions."""

    def parse(self, text: str) -> Interaction:
        """See Space."""
        return Interaction.parse(text)


@dataclass(frozen=True)
class FunctionSpace(InteractionSpace):
    """The 405 functions of the code before the paper's: 9 for each side, and 5 ways to meet.

    Departure: their sign(0) is 0, ours comes to the same because all functions but the root are 0 there and the root is
    smoothed (see `core.interactions.interaction`).
    """

    @cached_property
    def inner(self) -> ChoiceSpace:
        """See AdaptedSpace."""
        side, meeting = Kind("side", tuple(SIDES)), Kind("meeting", tuple(MEETINGS))
        sides = (Decision("p", side, len(SIDES)), Decision("q", side, len(SIDES)))
        return ChoiceSpace((*sides, Decision("meeting", meeting, len(MEETINGS))))

    @cached_property
    def _interactions(self) -> Mapping[Choices, Interaction]:
        every = map(Choices, product(SIDES, SIDES, MEETINGS))
        return {one: Interaction.parse(_written(*one.names)) for one in every}

    @cached_property
    def _choices(self) -> Mapping[str, Choices]:
        return {interaction.key: one for one, interaction in self._interactions.items()}

    def decode(self, genomes: np.ndarray) -> list[Interaction]:
        """See Space."""
        return [self._interactions[one] for one in self.inner.decode(genomes)]

    def encode(self, candidate: Interaction) -> np.ndarray:
        """See Space."""
        if (found := self._choices.get(candidate.key)) is None:
            raise UserError(
                f"interaction {candidate}: expected one of p and q as {', '.join(SIDES)} that meet by "
                f"{', '.join(MEETINGS)}"
            )
        return self.inner.encode(found)


def _written(p: str, q: str, meeting: str) -> str:
    return MEETINGS[meeting].format(SIDES[p].format("p"), SIDES[q].format("q"))


@dataclass(frozen=True)
class ProgramSpace(InteractionSpace):
    """Programs of p, q and 1 by operators of losses.

    Raises:
        UserError: a number of lines or operators that cannot be.
    """

    lines: int = 5
    """Lines of a program, of which those that the last one needs count."""
    operators: tuple[str, ...] = PAPER_OPERATORS
    """What there is to choose from."""

    def __post_init__(self) -> None:
        """Check lines and operators."""
        if not 1 <= self.lines <= _MOST_LINES:
            raise UserError(f"lines: expected 1 to {_MOST_LINES}, got {self.lines}")
        self.inner  # noqa: B018  # which checks the operators

    @cached_property
    def inner(self) -> OperatorSpace:
        """See AdaptedSpace."""
        return OperatorSpace(operators=self.operators, max_variables=3 + self.lines, clamp="none")

    def decode(self, genomes: np.ndarray) -> list[Interaction]:
        """See Space."""
        return [Interaction((one,)) for one in self.inner.decode(genomes)]

    def encode(self, candidate: Interaction) -> np.ndarray:
        """See Space."""
        if len(candidate.parts) > 1:
            raise UserError(f"interaction {candidate}: expected one program, got two")
        return self.inner.encode(candidate.parts[0])
