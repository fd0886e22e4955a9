"""What all losses of rankings have: a name, a formula, where it comes from, and constants that are checked."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, Self

from core.common.region import Range
from core.losses.setwise.constants import (
    check_constant,
    constant_as_text,
    coordinates_of,
    tuned_ranges,
    with_coordinates,
)


@dataclass(frozen=True)
class RankingLoss(ABC):
    """A loss that recommenders are trained with on rankings: a SetLoss or a VectorLoss. Its fields are its constants.

    A subclass is a frozen dataclass whose fields come from `core.losses.setwise.constants`, so that they are checked.

    Raises:
        UserError: a constant is of the wrong type or out of its range.
    """

    name: ClassVar[str]
    """What a line calls it."""
    formula: ClassVar[str]
    """The loss as text; see `core.losses.setwise` for the letters."""
    source: ClassVar[str]
    """The paper, with equation or section."""
    published: ClassVar[str]
    """What published code does otherwise, or what differs here from the paper."""
    scores: ClassVar[Literal["cosine", "any"]] = "any"
    """Whether margins and targets presuppose scores in [-1, 1], or any score will do."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Optional fields of SetScores that the trainer has to give."""

    def __post_init__(self) -> None:
        """Check every constant."""
        for field in fields(self):
            check_constant(f"loss {self.name}", field, getattr(self, field.name))

    @property
    def ranges(self) -> Mapping[str, Range]:
        """The regions in which its constants are tuned, by the names of coordinates."""
        return tuned_ranges(self)

    @property
    def coordinates(self) -> Mapping[str, float]:
        """The loss as a point in the region that is tuned, see `core.losses.setwise.constants.coordinates_of`."""
        return coordinates_of(self)

    def coordinates_as(self, other: RankingLoss) -> Mapping[str, float] | None:
        """Return the point at which this loss is another one; None if it is nowhere.

        Args:
            other: with a number for each of its constants.
        """
        return other.coordinates if type(other) is type(self) else None

    def explained(self, name: str, point: Mapping[str, float]) -> str:
        """Return what to say of a coordinate that is out of its region, beside its name and the region.

        Args:
            name: of the coordinate.
            point: all coordinates.
        """
        return ""

    def moved(self, values: Mapping[str, float]) -> Self:
        """Return it elsewhere in the region that is tuned, its new constants with few digits.

        Args:
            values: by the names of coordinates; some of them.

        Raises:
            UserError: one is out of its range.
        """
        return with_coordinates(self, values)

    def __str__(self) -> str:
        """Return a line with every constant, from which `parse_ranking_loss` makes an equal loss."""
        constants = [f"{one.name}={constant_as_text(getattr(self, one.name))}" for one in fields(self)]
        return ":".join([self.name, *constants])
