"""The operator table: paper, Table 2. Running, printing, parsing, masks and tests derive from it.

Departure from the paper: sign(0) is +1, so that log and reciprocal are smooth from the right of 0
(the paper does not say; with sign(0) = 0 the forms of its Table 4 would be constants at y = 0).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

#: (x, epsilon) or (x, z, epsilon) -> a tensor of the operands' broadcast shape.
Evaluate = Callable[..., Tensor]
#: Same arguments -> one partial derivative for each operand.
Differentiate = Callable[..., tuple[Tensor, ...]]


@dataclass(frozen=True)
class Operator:
    """One row of the table.

    `value` is written so that autograd through it gives `slopes`; tests compare the two.
    `template` and `precedence` say how a person writes it: an operand of lower precedence gets
    brackets (1 sums, 2 products, 3 signs, 4 powers, 5 calls and names).
    """

    name: str
    arity: int
    value: Evaluate
    slopes: Differentiate
    template: str
    precedence: int
    meaning: str
    commutative: bool = False

    def __post_init__(self) -> None:
        """Check the row when it is made, on a small batch of ordinary numbers."""
        operands = [torch.tensor([-2.0, -0.5, 0.5, 3.0]) + i for i in range(self.arity)]
        epsilon = torch.tensor(1e-6)
        if not 1 <= self.arity <= 2 or not self.name.isidentifier():
            raise ValueError(f"operator {self.name!r}: expected an identifier and an arity of 1 or 2, got {self.arity}")
        results = (self.value(*operands, epsilon), *self.slopes(*operands, epsilon))
        if len(results) != 1 + self.arity or not all(r.shape == (4,) and r.isfinite().all() for r in results):
            raise ValueError(f"operator {self.name!r}: a value and {self.arity} finite slopes of shape (4,) expected")


def sign(x: Tensor) -> Tensor:
    """-1 below zero, +1 elsewhere (zero included); no gradient flows through it."""
    return torch.where(x.detach() < 0, -1.0, 1.0).to(x.dtype)


def _magnitude(x: Tensor) -> Tensor:
    return x * sign(x)


def _share(x: Tensor, wins: Tensor, ties: Tensor) -> Tensor:
    """1 where x is chosen, 1/2 at a tie, as autograd does for maximum and minimum."""
    return wins.to(x.dtype) + 0.5 * ties.to(x.dtype)


_ROWS = (
    Operator(
        "add", 2,
        lambda x, z, e: x + z,
        lambda x, z, e: (torch.ones_like(x), torch.ones_like(z)),
        "{0} + {1}", 1, "x + z", commutative=True,
    ),
    Operator(
        "mul", 2,
        lambda x, z, e: x * z,
        lambda x, z, e: (z, x),
        "{0}*{1}", 2, "x * z", commutative=True,
    ),
    Operator(
        "max", 2,
        lambda x, z, e: torch.maximum(x, z),
        lambda x, z, e: (_share(x, x > z, x == z), _share(x, x < z, x == z)),
        "max({0}, {1})", 5, "the larger of x and z", commutative=True,
    ),
    Operator(
        "min", 2,
        lambda x, z, e: torch.minimum(x, z),
        lambda x, z, e: (_share(x, x < z, x == z), _share(x, x > z, x == z)),
        "min({0}, {1})", 5, "the smaller of x and z", commutative=True,
    ),
    Operator(
        "neg", 1,
        lambda x, e: -x,
        lambda x, e: (-torch.ones_like(x),),
        "-{0}", 3, "-x",
    ),
    Operator(
        "identity", 1,
        lambda x, e: x,
        lambda x, e: (torch.ones_like(x),),
        "{0}", 5, "x itself",
    ),
    Operator(
        "log", 1,
        lambda x, e: sign(x) * torch.log(_magnitude(x) + e),
        lambda x, e: (1 / (_magnitude(x) + e),),
        "log({0})", 5, "sign(x) log(|x| + eps)",
    ),
    Operator(
        "square", 1,
        lambda x, e: x * x,
        lambda x, e: (2 * x,),
        "{0}^2", 4, "x squared",
    ),
    Operator(
        "reciprocal", 1,
        lambda x, e: sign(x) / (_magnitude(x) + e),
        lambda x, e: (-1 / (_magnitude(x) + e) ** 2,),
        "1/({0})", 2, "sign(x) / (|x| + eps)",
    ),
)  # fmt: skip

#: name -> row, in the order of the paper's Table 2.
OPERATORS: Mapping[str, Operator] = MappingProxyType({row.name: row for row in _ROWS})
