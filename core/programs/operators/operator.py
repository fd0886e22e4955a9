"""What a row of the operator table has to say."""

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
    """One row of the table: all that is known of an operator.

    Raises:
        ValueError: the parts of the row do not fit together.
    """

    name: str
    arity: int
    """1 or 2."""
    meaning: str
    """In a few words, with operands x and z."""
    value: Evaluate
    """In torch, written so that autograd through it gives `derivatives`."""
    derivatives: Differentiate
    """In torch: partial derivatives."""
    scalar: Scalar
    """The same for compiled code, in terms of Python's math that compilers for CPUs and GPUs take. Constants are
    written `constant(1, x)`, see `core.common.jit`, so that float32 stays float32."""
    forms: tuple[Form, ...]
    """How it is written; of several the first that fits, and the last one fits always."""
    interval: Callable[..., Range] | None = None
    """(epsilon, bounds of every operand) -> bounds of the result; where it is missing, the operator falls in no
    operand, and its ends are those of the result."""
    template: str = ""
    """In a formula, with the operands as {0} and {1}: name(x, z) unless given."""
    precedence: int = CALL
    """Of the template."""
    commutative: bool = False
    """Whether operands may change places."""
    smoothed: bool = False
    """Whether it adds the smoothing term to the magnitude of its operand."""
    idempotent: bool = False
    """Whether it folds to its operand where both are the same."""
    transparent: bool = False
    """Whether it is its operand: it folds away and is not clamped."""
    in_paper: bool = False
    """Whether it is of Table 2, and so searched with unless other operators are asked for."""

    def __post_init__(self) -> None:
        """Check the row when it is made, on a small batch of ordinary numbers."""
        if not 1 <= self.arity <= 2 or not self.name.isidentifier():
            raise ValueError(f"operator {self.name!r}: expected an identifier and an arity of 1 or 2, got {self.arity}")
        operands = ", ".join(f"{{{i}}}" for i in range(self.arity))
        object.__setattr__(self, "template", self.template or f"{self.name}({operands})")
        self._check_numbers()
        if not self.forms or not self.forms[-1].fits(*[(-math.inf, math.inf)] * self.arity):
            raise ValueError(f"operator {self.name!r}: a last form that fits operands of any bounds expected")

    def _check_numbers(self) -> None:
        operands = [torch.tensor([-2.0, -0.5, 0.5, 3.0], dtype=torch.float64) + i for i in range(self.arity)]
        epsilon = 1e-6
        value, derivatives = self.value(*operands, epsilon), self.derivatives(*operands, epsilon)
        results = (value, *derivatives)
        if len(derivatives) != self.arity or not all(r.shape == (4,) and r.isfinite().all() for r in results):
            raise ValueError(
                f"operator {self.name!r}: a value and {self.arity} finite derivatives of shape (4,) expected"
            )
        for numbers in zip(*(t.tolist() for t in (*operands, *results)), strict=True):
            (x, *z), (expected, *partials) = numbers[: self.arity], numbers[self.arity :]
            tangent = math.fsum(partial * given for partial, given in zip(partials, (1.0, 0.5), strict=False))
            found = self.scalar(x, 1.0, z[0] if z else 0.0, 0.5, epsilon)
            if not all(map(_close, found, (expected, tangent))):
                raise ValueError(
                    f"operator {self.name!r}: expected {(expected, tangent)} of its scalar as of value and "
                    f"derivatives, got {found} for the operands {numbers[: self.arity]}"
                )
            low, high = self.bounds(epsilon, *((x - 0.25, x + 0.25) for x in numbers[: self.arity]))
            if not low <= expected <= high:
                raise ValueError(f"operator {self.name!r}: expected bounds around {expected}, got {(low, high)}")

    def bounds(self, epsilon: float, *operands: Range) -> Range:
        """Bounds of the result, given those of the operands."""
        if self.interval is not None:
            return self.interval(epsilon, *operands)
        low, high = (self.scalar(x, 0.0, z, 0.0, epsilon)[0] for x, z in zip(operands[0], operands[-1], strict=True))
        return low, high

    def form(self, *operands: Range) -> Form:
        """How it is written, given the bounds of its operands."""
        return next(form for form in self.forms if form.fits(*operands))


def _close(found: float, expected: float) -> bool:
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12)
