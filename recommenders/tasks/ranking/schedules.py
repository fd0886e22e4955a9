"""Learning rates from epoch to epoch. To add a schedule, write a class and a row."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from core.common.errors import UserError
from core.common.specification import Specification, make_registered


@dataclass(frozen=True)
class Schedule(ABC):
    """A factor of the learning rate for every epoch. Its fields are its settings.

    Raises:
        UserError: a setting is out of range.
    """

    about: ClassVar[str]
    """A phrase for --help."""
    reloads_best: ClassVar[bool] = False
    """Whether training goes on from the parameters of the best epoch where the rate falls."""

    @abstractmethod
    def factor(self, epoch: int, epochs: int, scores: Sequence[float]) -> float:
        """Return the factor of an epoch.

        Args:
            epoch: its number, from 0.
            epochs: the number of all epochs.
            scores: of the epochs before that were evaluated, higher is better.
        """


@dataclass(frozen=True)
class Cosine(Schedule):
    """See Schedule."""

    about: ClassVar[str] = "down to nothing along half a cosine"

    def factor(self, epoch: int, epochs: int, scores: Sequence[float]) -> float:
        """See Schedule."""
        return (1 + math.cos(math.pi * epoch / epochs)) / 2


@dataclass(frozen=True)
class Constant(Schedule):
    """See Schedule."""

    about: ClassVar[str] = "the same all the time"

    def factor(self, epoch: int, epochs: int, scores: Sequence[float]) -> float:
        """See Schedule."""
        return 1.0


@dataclass(frozen=True)
class Plateau(Schedule):
    """See Schedule. As RecZoo has it (match_model.py), which is worth a tenth of recall to CCL there."""

    about: ClassVar[str] = "less after every epoch that is not better than all before, which begins from the best one"
    reloads_best: ClassVar[bool] = True

    by: float = 0.1
    """What the rate is multiplied by."""
    least: float = 0.01
    """The smallest factor."""
    better: float = 1e-6
    """By how much a score has to be better."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if not (0 < self.by < 1 and 0 < self.least <= 1 and self.better >= 0):
            raise UserError("schedule plateau: expected by and least between 0 and 1, and better from 0")

    def factor(self, epoch: int, epochs: int, scores: Sequence[float]) -> float:
        """See Schedule."""
        best, falls = -math.inf, 0
        for score in scores:
            falls += not score > best + self.better
            best = max(best, score)
        return max(self.least, self.by**falls)


SCHEDULES: Mapping[str, type[Schedule]] = MappingProxyType({"cosine": Cosine, "constant": Constant, "plateau": Plateau})


@dataclass(frozen=True)
class ScheduleSpec(Specification):
    """See Specification."""

    kind: ClassVar[str] = "schedule"
    example: ClassVar[str] = "cosine"


def parse_schedule(text: str) -> Schedule:
    """Return the schedule that a line such as `plateau:by=.5` names.

    Raises:
        UserError: an unknown name or setting, or a value out of range.
    """
    return make_registered(ScheduleSpec.parse(text), SCHEDULES)
