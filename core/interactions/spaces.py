"""The spaces of interaction functions, by name: those of the paper's authors, and programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from core.common.errors import UserError
from core.interactions.interaction import Interaction
from core.interactions.nets import HIDDEN, Network, ScalarNet
from core.programs.operators import PAPER_OPERATORS
from core.programs.space import OperatorSpace
from core.search.adapted import AdaptedSpace
from core.search.choices import Choices, ChoiceSpace
from core.search.decision import Decision, Kind
from core.search.space import check_genomes

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


#: What a number of a scalar network may be, in hundredths.
_HUNDREDTHS = range(-100, 101)
#: Of the space of networks: most layers, and units of one.
_LAYERS, _UNITS = 5, (2, 4, 8, 16)


def read_meeting(text: str) -> Interaction | Network:
    """Return what a person writes for a way of two vectors to meet.

    Raises:
        UserError: it is none.
    """
    return Network.parse(text) or Interaction.parse(text)


class InteractionSpace(AdaptedSpace[Interaction | Network]):
    """A space of interaction functions."""

    def parse(self, text: str) -> Interaction | Network:
        """See Space."""
        return read_meeting(text)


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

    def decode(self, genomes: np.ndarray) -> list[Interaction | Network]:
        """See Space."""
        return [self._interactions[one] for one in self.inner.decode(genomes)]

    def encode(self, candidate: Interaction | Network) -> np.ndarray:
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

    def decode(self, genomes: np.ndarray) -> list[Interaction | Network]:
        """See Space."""
        return [Interaction((one,)) for one in self.inner.decode(genomes)]

    def encode(self, candidate: Interaction | Network) -> np.ndarray:
        """See Space."""
        if isinstance(candidate, Network) or len(candidate.parts) > 1 or candidate.nets:
            raise UserError(f"interaction {candidate}: expected one program of p and q")
        return self.inner.encode(candidate.parts[0])


@dataclass(frozen=True)
class NetSpace(InteractionSpace):
    """SIF's own space: 5 ways to meet, and before, a scalar network for p and one for q, of 25 numbers each.

    Numbers are hundredths from -1 to 1, whence the published code draws those of its random search.
    """

    @cached_property
    def inner(self) -> ChoiceSpace:
        """See AdaptedSpace."""
        number = Kind("number", tuple(f"{one / 100:g}" for one in _HUNDREDTHS))
        names = [f"{side}_{i + 1}" for side in ("p", "q") for i in range(3 * HIDDEN + 1)]
        numbers = [Decision(name, number, len(number.options), ordered=True) for name in names]
        return ChoiceSpace((Decision("meeting", Kind("meeting", tuple(MEETINGS)), len(MEETINGS)), *numbers))

    @cached_property
    def meetings(self) -> tuple[Interaction, ...]:
        """The ways to meet, by themselves."""
        return tuple(Interaction.parse(_written("x", "x", name)) for name in MEETINGS)

    def decode(self, genomes: np.ndarray) -> list[Interaction | Network]:
        """See Space."""
        check_genomes(genomes, self)
        return [self._decoded(one) for one in genomes]

    def _decoded(self, genome: np.ndarray) -> Interaction:
        of_p, of_q = ((genome[1:] + _HUNDREDTHS[0]) / 100).reshape(2, -1).tolist()
        return Interaction(self.meetings[genome[0]].parts, (ScalarNet(tuple(of_p)), ScalarNet(tuple(of_q))))

    def encode(self, candidate: Interaction | Network) -> np.ndarray:
        """See Space."""
        nets, parts = (None, ()) if isinstance(candidate, Network) else (candidate.nets, candidate.parts)
        places = [i for i, one in enumerate(self.meetings) if one.parts == parts]
        if nets is None or not places:
            raise UserError(
                f"interaction {candidate}: expected p and q that meet by {', '.join(MEETINGS)}, with scalar networks"
            )
        return self.nearest(places[0], [number for net in nets for number in net.numbers])

    def nearest(self, meeting: int, numbers: Sequence[float]) -> np.ndarray:
        """Return the genome of the candidate whose numbers are nearest to given ones.

        Args:
            meeting: the number of the way to meet.
            numbers: of the network of p, then of that of q.

        Returns:
            The genome [51].

        Raises:
            UserError: not as many as there are.
        """
        if len(numbers) != len(self.decisions) - 1:
            raise UserError(f"net: expected {len(self.decisions) // 2} numbers for each side, got {len(numbers) // 2}")
        hundredths = np.rint(np.clip(np.asarray(numbers), -1, 1) * 100).astype(np.int64)
        return np.concatenate([[meeting], hundredths - _HUNDREDTHS[0]])


@dataclass(frozen=True)
class NetworkSpace(InteractionSpace):
    """Networks of [p; q] of up to 5 layers of 2, 4, 8 or 16 units, as the published comparison of spaces has them.

    There, each of 5 layers may also be left out, 3,125 ways to write 1,365 networks.
    """

    @cached_property
    def inner(self) -> ChoiceSpace:
        """See AdaptedSpace."""
        layers, units = (Kind(name, tuple(map(str, of))) for name, of in (("layers", range(6)), ("units", _UNITS)))
        each = (Decision(f"units_{i + 1}", units, len(_UNITS), ordered=True) for i in range(_LAYERS))
        return ChoiceSpace((Decision("layers", layers, _LAYERS + 1, ordered=True), *each))

    def used(self, i: int, chosen: Sequence[Tensor]) -> Tensor | None:
        """See Space: units of layers that there are."""
        return chosen[0] >= i if i else None

    def used_by_kind(self, genomes: Tensor) -> list[Tensor | None]:
        """See Space."""
        return [None, genomes[:, :1] > torch.arange(_LAYERS)]

    def counts(self, genomes: np.ndarray) -> np.ndarray:
        """See Space."""
        return genomes[:, :1] >= np.arange(len(self.decisions))

    def repaired(self, genomes: np.ndarray) -> np.ndarray:
        """See Space."""
        return np.where(self.counts(genomes), genomes, 0).astype(np.int64)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """See Space."""
        return self.repaired(self.inner.sample(n, rng))

    def decode(self, genomes: np.ndarray) -> list[Interaction | Network]:
        """See Space."""
        check_genomes(genomes, self)
        return [Network(tuple(_UNITS[k] for k in one[1 : one[0] + 1])) for one in genomes.tolist()]

    def encode(self, candidate: Interaction | Network) -> np.ndarray:
        """See Space."""
        units = candidate.units if isinstance(candidate, Network) and not candidate.has_product else None
        if units is None or len(units) > _LAYERS or not set(units) <= set(_UNITS):
            raise UserError(
                f"interaction {candidate}: expected a network of at most {_LAYERS} layers of "
                f"{', '.join(map(str, _UNITS))} units, as network(16, 8)"
            )
        places = [_UNITS.index(one) for one in units]
        return np.array([len(places), *places, *([0] * (_LAYERS - len(places)))], dtype=np.int64)
