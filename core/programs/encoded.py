"""Programs encoded as numbers (bytecode), which `core.programs.interpreter` runs without compiling anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from core.programs.line import EPSILON, Line
from core.programs.operators import OPERATORS

#: The operators in the order of their numbers.
OPERATIONS = tuple(OPERATORS)
#: The losses that compiled code has in closed form, as functions of the logit.
CLOSED_FORMS = ("BCE", "MSE", "hinge", "focal")
#: Clamp rules, see `core.programs.space.CLAMPS`.
CLAMP_RULES = ("none", "paper", "signed")
#: The first slots of every encoded program.
SLOTS = ("y_hat", "y", "1", EPSILON)


class EncodedProgram(NamedTuple):
    """A loss as bytecode."""

    lines: np.ndarray
    """[n_lines, 3] int32: operation and two operands (the second is 0 for unary operations). Slots 0 to 3 are SLOTS,
    line i writes slot 4 + i. A closed form is a single line whose operation is numbered after OPERATIONS."""
    rule: int
    """Index in CLAMP_RULES."""
    constants: np.ndarray
    """[4]: smoothing term, lower and upper bound of the clamp, scale of the loss; float64 unless converted."""

    def astype(self, dtype: DTypeLike) -> EncodedProgram:
        """Return the same program with constants of another type: that of the arrays that it will run on."""
        return self._replace(constants=self.constants.astype(dtype))

    @classmethod
    def of_lines(
        cls, inputs: Sequence[str], lines: Sequence[Line], epsilon: float, clamp: str, xi: float, scale: float = 1.0
    ) -> EncodedProgram:
        """Encode a program.

        Args:
            inputs: names of the first slots, out of SLOTS.
            lines: the canonical lines.
            epsilon: smoothing term of log and reciprocal, and the value of `eps`.
            clamp: one of CLAMP_RULES.
            xi: the clamp's bounds are xi and 1/xi.
            scale: factor of the loss.
        """
        slots = [SLOTS.index(name) for name in inputs]
        rows = []
        for operator, operands in lines:
            first = slots[operands[0]]
            rows.append((_NUMBERS[operator], first, slots[operands[1]] if len(operands) > 1 else 0))
            slots.append(len(SLOTS) + len(rows) - 1)
        return cls(np.array(rows, dtype=np.int32), CLAMP_RULES.index(clamp), np.array([epsilon, xi, 1 / xi, scale]))

    @classmethod
    def closed_form(cls, name: str, scale: float = 1.0) -> EncodedProgram:
        """Encode a loss in closed form.

        Args:
            name: one of CLOSED_FORMS.
            scale: factor of the loss.
        """
        number = len(OPERATIONS) + CLOSED_FORMS.index(name)
        constants = np.array([0.0, 0.0, np.inf, scale])
        return cls(np.array([[number, 0, 0]], dtype=np.int32), CLAMP_RULES.index("none"), constants)


_NUMBERS = {name: number for number, name in enumerate(OPERATIONS)}
