"""The rows of the operator table."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.programs.operators.writing import CALL, Form, Range

#: (x, epsilon) or (x, z, epsilon) -> a tensor of the operands' broadcast shape.
Evaluate = Callable[..., Tensor]
#: Same arguments -> one partial derivative for each operand.
Differentiate = Callable[..., tuple[Tensor, ...]]
#: (x, dx, z, dz, epsilon) -> (value, tangent) of one example; an operator with one operand ignores z and dz.
Scalar = Callable[[float, float, float, float, float], tuple[float, float]]


@dataclass(frozen=True)
class Operator:
    """One row of the table: the complete definition of an operator.

    Raises:
        ValueError: the parts of the row contradict each other.
    """

    name: str
    arity: int
    """1 or 2."""
    meaning: str
    """What it computes, in a few words, with operands x and z."""
    value: Evaluate
    """The value in torch; autograd through it has to give `derivatives`."""
    derivatives: Differentiate
    """The partial derivatives in torch."""
    scalar: Scalar
    """Value and tangent in compiled code, by functions of Python's `math` that compilers for CPUs and GPUs support.
    Constants are written `constant(1, x)`, see `core.common.jit`, so that float32 stays float32."""
    forms: tuple[Form, ...]
    """How exports write it: by the first form that fits the bounds of the operands. The last form fits always."""
    interval: Callable[..., Range] | None = None
    """(epsilon, bounds of every operand) -> bounds of the result. None: the operator is increasing in every operand,
    so that the bounds of the operands give those of the result."""
    template: str = ""
    """Its form in formulas, with the operands as {0} and {1}; name(x, z) unless given."""
    precedence: int = CALL
    """Precedence of the template."""
    commutative: bool = False
    """Whether its operands can be swapped."""
    smoothed: bool = False
    """Whether it adds the smoothing term to the magnitude of its operand."""
    idempotent: bool = False
    """Whether it equals its operand if both operands are the same."""
    transparent: bool = False
    """Whether it always equals its operand: it is folded away and not clamped."""
    in_paper: bool = False
    """Whether it is in Table 2 of the paper, and so used unless the user chooses other operators."""

    def __post_init__(self) -> None:
        """Check the row when it is made, on a small batch of ordinary numbers."""
        if not 1 <= self.arity <= 2 or not self.name.isidentifier():
            raise ValueError(f"operator {self.name!r}: expected an identifier and an arity of 1 or 2, got {self.arity}")
        operands = ", ".join(f"{{{i}}}" for i in range(self.arity))
        object.__setattr__(self, "template", self.template or f"{self.name}({operands})")
        self._check_numbers()
        if not self.forms or not self.forms[-1].fits(*[(-math.inf, math.inf)] * self.arity):
            raise ValueError(f"operator {self.name!r}: expected a last form that fits operands of any bounds")

    def _check_numbers(self) -> None:
        operands = [torch.tensor([-2.0, -0.5, 0.5, 3.0], dtype=torch.float64) + i for i in range(self.arity)]
        epsilon = 1e-6
        value, derivatives = self.value(*operands, epsilon), self.derivatives(*operands, epsilon)
        results = (value, *derivatives)
        if len(derivatives) != self.arity or not all(r.shape == (4,) and r.isfinite().all() for r in results):
            raise ValueError(
                f"operator {self.name!r}: expected a value and {self.arity} derivatives, finite and of shape (4,), "
                f"got shapes {[tuple(r.shape) for r in results]}"
            )
        for numbers in zip(*(t.tolist() for t in (*operands, *results)), strict=True):
            (x, *z), (expected, *partials) = numbers[: self.arity], numbers[self.arity :]
            tangent = math.fsum(partial * given for partial, given in zip(partials, (1.0, 0.5), strict=False))
            found = self.scalar(x, 1.0, z[0] if z else 0.0, 0.5, epsilon)
            if not all(map(_close, found, (expected, tangent))):
                raise ValueError(
                    f"operator {self.name!r}: expected `scalar` to agree with `value` and `derivatives`, which give "
                    f"{(expected, tangent)} for the operands {numbers[: self.arity]}, got {found}"
                )
            low, high = self.bounds(epsilon, *((x - 0.25, x + 0.25) for x in numbers[: self.arity]))
            if not low <= expected <= high:
                raise ValueError(f"operator {self.name!r}: expected bounds around {expected}, got {(low, high)}")

    def bounds(self, epsilon: float, *operands: Range) -> Range:
        """Return the bounds of the result.

        Args:
            epsilon: the smoothing term.
            operands: bounds of every operand.
        """
        if self.interval is not None:
            return self.interval(epsilon, *operands)
        low, high = (self.scalar(x, 0.0, z, 0.0, epsilon)[0] for x, z in zip(operands[0], operands[-1], strict=True))
        return low, high

    def form(self, *operands: Range) -> Form:
        """Return the first form that fits the bounds of the operands."""
        return next(form for form in self.forms if form.fits(*operands))


def _close(found: float, expected: float) -> bool:
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12)
