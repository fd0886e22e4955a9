"""Networks in an interaction: a small one of one number (SIF), and any that two vectors meet in (NCF, Deep & Wide)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.common.errors import UserError, format_value

#: Hidden units of a scalar network, as published.
HIDDEN = 8
#: Layers of a network, and units of one, at most.
MOST_LAYERS, MOST_UNITS = 16, 1024
_NETWORK = re.compile(r"network\(([^()]*)\)")


@dataclass(frozen=True)
class ScalarNet:
    """g(x) = c . tanh(a x + b) + e, for every number x of a vector: SIF's "shared nonlinear transformation".

    Raises:
        UserError: numbers that are not those of a network, or not finite.
    """

    numbers: tuple[float, ...]
    """a, b and c of each hidden unit, then e [3 * hidden + 1]."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        if len(self.numbers) % 3 != 1 or len(self.numbers) < 4:
            wanted = f"3 numbers for each hidden unit and one more, as {3 * HIDDEN + 1}"
            raise UserError(f"net: expected {wanted}, got {len(self.numbers)}")
        if not all(map(math.isfinite, self.numbers)):
            raise UserError("net: expected finite numbers")

    @classmethod
    def parse(cls, text: str) -> ScalarNet:
        """Read numbers with blanks between them.

        Raises:
            UserError: they are none, or too few.
        """
        try:
            numbers = tuple(map(float, text.split()))
        except ValueError:
            raise UserError(f"net: expected numbers with blanks between them, got {format_value(text)}") from None
        return cls(numbers)

    @property
    def hidden(self) -> int:
        """Units."""
        return len(self.numbers) // 3

    def __str__(self) -> str:
        """Return the numbers."""
        return " ".join(f"{one:g}" for one in self.numbers)

    def evaluate(self, x: Tensor) -> Tensor:
        """Return g of every number of x, in the shape of x, for autograd."""
        return through(torch.tensor(self.numbers, dtype=x.dtype), x)


def through(numbers: Tensor, x: Tensor) -> Tensor:
    """Return what a scalar network gives for every number, for autograd, of its numbers too.

    Args:
        numbers: see `ScalarNet` [3 * hidden + 1].
        x: of any shape.
    """
    a, b, c = numbers[:-1].reshape(3, -1)
    found: Tensor = torch.tanh(x[..., None] * a + b) @ c + numbers[-1]
    return found


@dataclass(frozen=True)
class Network:
    """A candidate, see Solution: f(p, q) is the last layer of a network of [p; q], trained with the vectors.

    h_0 = [p; q], h_l = tanh(W_l h_(l-1) + b_l).

    Raises:
        UserError: too many layers, or units that cannot be.
    """

    units: tuple[int, ...] = ()
    """Of each layer; without any, f(p, q) is [p; q]."""
    has_product: bool = False
    """Whether there is one layer of as many units as a vector has numbers, which the product of p and q is added to:
    tanh(p * q + W [p; q]), what SIF's comparison calls NCF."""

    def __post_init__(self) -> None:
        """Check the layers."""
        if len(self.units) > MOST_LAYERS or not all(1 <= one <= MOST_UNITS for one in self.units):
            raise UserError(
                f"network: expected at most {MOST_LAYERS} layers of 1 to {MOST_UNITS:,} units, got {list(self.units)}"
            )

    @classmethod
    def parse(cls, text: str) -> Network | None:
        """Read `NCF` or units, as in `network(16, 8)`; None: it is not meant to be a network.

        Raises:
            UserError: units that cannot be.
        """
        given = text.strip()
        if given == str(NCF):
            return NCF
        if (found := _NETWORK.fullmatch(given)) is None:
            return None
        numbers = [one.strip() for one in found[1].split(",")] if found[1].strip() else []
        if not all(one.isdecimal() and len(one) < 6 for one in numbers):
            raise UserError(f"network: expected units of layers, as in network(16, 8), got {format_value(text)}")
        return cls(tuple(map(int, numbers)))

    def __str__(self) -> str:
        """Return what a person writes for it."""
        return "NCF" if self.has_product else f"network({', '.join(map(str, self.units))})"

    @cached_property
    def key(self) -> str:
        """See Solution."""
        return str(self)

    @property
    def complexity(self) -> int:
        """See Solution: layers."""
        return 1 if self.has_product else len(self.units)

    def to_dict(self) -> dict[str, Any]:
        """See Solution."""
        return {"formula": str(self)}

    def shape(self, d: int) -> np.ndarray:
        """Return the units of [p; q] and of each layer, for vectors of d numbers: [1 + layers]."""
        return np.array([2 * d, *([d] if self.has_product else self.units)], dtype=np.int64)

    def evaluate(self, numbers: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return f(p, q) in torch, for autograd.

        Args:
            numbers: W_1 [2 d, units], b_1 [units] and so on, one behind the other.
            p: vectors of users [B, d].
            q: vectors of items [B, d].

        Returns:
            [B, units of the last layer].
        """
        x, at, shape = torch.cat([p, q], dim=1), 0, self.shape(p.shape[1]).tolist()
        for before, now in pairwise(shape):
            weight = numbers[at : at + before * now].reshape(before, now)
            at += (before + 1) * now
            added = p * q if self.has_product else 0.0
            x = torch.tanh(x @ weight + numbers[at - now : at] + added)
        return x


def count(shape: Sequence[int]) -> int:
    """Return how many numbers a network of these units has."""
    return sum((before + 1) * now for before, now in pairwise(shape))


#: Neural collaborative filtering as SIF compares with it.
NCF = Network(has_product=True)
#: The deep part of Deep & Wide; biases of users and items are its wide part.
DEEP = Network((16, 8))
