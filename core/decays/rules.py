"""Rules of weight decay for the rows of the tables of users and items.

A rule says what the decay of a row is, each time that a batch names it, by how often the row is in the training part.
Those that say how rows differ and not how large decays are (`Law`, `Power`) are tried with several sizes, each of which
is then the mean over all namings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch

from core.common.errors import UserError, format_value
from core.programs.functions import evaluated, operators, written
from core.programs.program import LossProgram

#: What formulas of laws call the inputs of programs: how often a row is in the training part, of the mean over the rows
#: of its side; and how far a training is, from 0 to 1.
NAMES = MappingProxyType({"n": "y_hat", "e": "y"})
#: Of log, reciprocal and root.
SMOOTHING = 0.01
#: Between the levels of users and those of items.
_BETWEEN = "|"


class DecayRule(ABC):
    """See Solution. `str` is what a person writes for it."""

    is_relative: ClassVar[bool] = True
    """Whether it says only how rows differ."""

    @property
    def key(self) -> str:
        """See Solution."""
        return str(self)

    @property
    def complexity(self) -> int:
        """See Solution."""
        return 1

    def to_dict(self) -> dict[str, Any]:
        """See Solution."""
        return {"rule": str(self)}

    @abstractmethod
    def decays(self, frequency: np.ndarray, side: int, progress: float) -> np.ndarray:
        """Return the decay of every row of a side [n] float64; relative ones need no scale.

        Args:
            frequency: how often each is in the training part [n].
            side: 0: users; 1: items.
            progress: how far the training is, from 0 to 1.
        """

    @property
    def changes(self) -> bool:
        """Whether decays change in the course of a training."""
        return False


@dataclass(frozen=True)
class Levels(DecayRule):
    """A decay for each group of users and each group of items, from the rarest to the most frequent.

    Raises:
        UserError: no levels, or others than numbers from 0 to 10.
    """

    users: tuple[str, ...]
    """As they are written."""
    items: tuple[str, ...]
    """Likewise."""
    is_relative: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the levels."""
        for name in ("users", "items"):
            if not getattr(self, name) or not all(_is_level(one) for one in getattr(self, name)):
                raise UserError(
                    f"decays of {name}: expected a number from 0 to 10 for each group, got "
                    f"{format_value(' '.join(getattr(self, name)))}"
                )

    @classmethod
    def parse(cls, text: str) -> Levels:
        """Read levels such as `0.01 0.003 | 0.03 0.01`: of users and of items.

        Raises:
            UserError: they are none.
        """
        sides = text.split(_BETWEEN)
        if len(sides) != 2:
            raise UserError(f"decays: expected those of users, a {_BETWEEN}, and those of items, got {text!r}")
        return cls(*(tuple(one.split()) for one in sides))

    @property
    def key(self) -> str:
        """See Solution: 0.010 is 0.01."""
        return str(Levels(*(tuple(f"{float(one):g}" for one in side) for side in (self.users, self.items))))

    @property
    def complexity(self) -> int:
        """See Solution: the number of different decays."""
        return len({*map(float, self.users), *map(float, self.items)})

    def __str__(self) -> str:
        """Return the levels."""
        return f"{' '.join(self.users)} {_BETWEEN} {' '.join(self.items)}"

    def decays(self, frequency: np.ndarray, side: int, progress: float) -> np.ndarray:
        """See DecayRule."""
        own = np.array([float(one) for one in (self.users, self.items)[side]])
        found: np.ndarray = own[groups(frequency, len(own))]
        return found


@dataclass(frozen=True)
class Law(DecayRule):
    """A formula of n, a row's frequency by the mean one of its side, and e, how far a training is; of any sign."""

    program: LossProgram

    @classmethod
    def parse(cls, text: str) -> Law:
        """Read a formula such as `1/(n)` or `e*root(n)`.

        Raises:
            FormulaError: it is none.
        """
        return cls(LossProgram.parse(text, NAMES))

    @property
    def key(self) -> str:
        """See Solution."""
        return self.program.key

    @property
    def complexity(self) -> int:
        """See Solution: operators."""
        return operators(self.program)

    @cached_property
    def changes(self) -> bool:
        """See DecayRule."""
        given = np.array([0.5, 2.0])
        return not np.array_equal(self.decays(given, 0, 0.2), self.decays(given, 0, 0.7), equal_nan=True)

    def __str__(self) -> str:
        """Return the formula."""
        return written(self.program, NAMES)

    def decays(self, frequency: np.ndarray, side: int, progress: float) -> np.ndarray:
        """See DecayRule."""
        n = torch.from_numpy(frequency / max(frequency.mean(), 1e-300))
        found: np.ndarray = evaluated(self.program, n, torch.full_like(n, progress), SMOOTHING).abs().numpy()
        return found


@dataclass(frozen=True)
class Power(DecayRule):
    """A power of the frequency: that of iALS where it is -1 to 0 (Rendle et al., arXiv 2110.14037, section 3.2).

    There a row has one decay, c * frequency^nu, in an epoch; here one for each time that it is named, so that the same
    is frequency^(nu - 1).
    """

    exponent: float

    def __str__(self) -> str:
        """Return it as a power of n."""
        return f"n^{self.exponent:g}"

    def decays(self, frequency: np.ndarray, side: int, progress: float) -> np.ndarray:
        """See DecayRule; rows that are in no training pair count as if they were in one."""
        found: np.ndarray = np.maximum(frequency, 1.0) ** self.exponent
        return found


def groups(frequency: np.ndarray, n: int) -> np.ndarray:
    """Return the group of every row [n_rows], from 0, the rarest, so that each has about as many training pairs.

    Rows that are as frequent are in one group.

    Args:
        frequency: how often each row is in the training part.
        n: the number of groups.
    """
    there, at, counts = np.unique(frequency, return_inverse=True, return_counts=True)
    pairs = there * counts
    before = np.cumsum(pairs) - pairs / 2  # the middle of those that are as frequent
    found: np.ndarray = np.minimum((n * before / max(pairs.sum(), 1)).astype(np.int64), n - 1)[at]
    return found


def _is_level(text: str) -> bool:
    try:
        return 0 <= float(text) <= 10
    except ValueError:
        return False
