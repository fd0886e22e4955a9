"""Optimisers of vectors, by row of the registry. What each computes is a contract that ships with the back ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from core.common.errors import UserError
from core.common.specification import Specification, make_registered


@dataclass(frozen=True)
class Optimiser:
    """Settings of an optimiser besides its learning rate.

    Raises:
        UserError: a setting is out of range.
    """

    code: ClassVar[int]
    """Its number in compiled code."""
    about: ClassVar[str]
    """A phrase for --help."""

    def _check(self, **ranges: tuple[float, float]) -> None:
        for name, (low, high) in ranges.items():
            if not low <= (value := getattr(self, name)) <= high:
                raise UserError(f"optimiser: {name}: expected {low:g} to {high:g}, got {value:g}")


@dataclass(frozen=True)
class SGD(Optimiser):
    """Plain stochastic gradient descent."""

    code: ClassVar[int] = 0
    about: ClassVar[str] = "plain gradient descent"


@dataclass(frozen=True)
class Adam(Optimiser):
    """Kingma and Ba, ICLR 2015, as torch has it: rows without a gradient go on moving by their momentum."""

    code: ClassVar[int] = 1
    about: ClassVar[str] = "Adam as torch's: rows without a gradient go on moving by their momentum"

    beta1: float = 0.9
    """Decay of the mean of gradients."""
    beta2: float = 0.999
    """Decay of the mean of their squares."""
    epsilon: float = 1e-8
    """Added to the root of the latter."""

    def __post_init__(self) -> None:
        """Check the settings."""
        self._check(beta1=(0, 0.99), beta2=(0.9, 0.99999), epsilon=(1e-16, 1))
        if self.beta1**2 >= self.beta2:
            raise UserError(f"optimiser: expected beta1^2 < beta2, got {self.beta1:g} and {self.beta2:g}")


@dataclass(frozen=True)
class SparseAdam(Adam):
    """Adam whose moments and rows change only where there is a gradient, as torch's SparseAdam."""

    code: ClassVar[int] = 2
    about: ClassVar[str] = "Adam that leaves rows without a gradient alone, as torch's"


@dataclass(frozen=True)
class RowWiseAdam(SparseAdam):
    """SparseAdam with one second moment for a row, the mean over its elements, so that a step keeps its direction."""

    code: ClassVar[int] = 4
    about: ClassVar[str] = "the same with one second moment for each row, so that steps keep the gradient's direction"

    beta1: float = 0.0
    """Decay of the mean of gradients. Those of a row may be long ago: .9 costs BSL on Gowalla .003 Recall@20."""


@dataclass(frozen=True)
class Adagrad(Optimiser):
    """Duchi, Hazan and Singer, JMLR 2011, as torch has it."""

    code: ClassVar[int] = 3
    about: ClassVar[str] = "Adagrad as torch's"

    epsilon: float = 1e-10
    """Added to the root of the sum of squares."""

    def __post_init__(self) -> None:
        """Check the settings."""
        self._check(epsilon=(1e-16, 1))


OPTIMISERS: Mapping[str, type[Optimiser]] = MappingProxyType(
    {"rowwise-adam": RowWiseAdam, "sparse-adam": SparseAdam, "adam": Adam, "adagrad": Adagrad, "sgd": SGD}
)


@dataclass(frozen=True)
class OptimiserSpec(Specification):
    """See Specification."""

    kind: ClassVar[str] = "optimiser"
    example: ClassVar[str] = "adam"


def parse_optimiser(text: str) -> Optimiser:
    """Return the optimiser that a line such as `adam:beta2=.99` names.

    Raises:
        UserError: an unknown name or setting, or a value out of range.
    """
    return make_registered(OptimiserSpec.parse(text), OPTIMISERS)
