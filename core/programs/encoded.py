"""Programs encoded as numbers, for compiled code: `core.programs.interpreter` runs them without compiling anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from core.programs.line import EPSILON, Line
from core.programs.operators import OPERATORS

#: The operators in the order of their numbers.
OPERATIONS = tuple(OPERATORS)
#: The losses that compiled code knows in closed form, as a function of the logit.
CLOSED_FORMS = ("BCE", "MSE", "hinge", "focal")
#: Clamp rules, see `core.programs.space.CLAMPS`.
CLAMP_RULES = ("none", "paper", "signed")
#: The slots that every encoded program begins with.
SLOTS = ("y_hat", "y", "1", EPSILON)


class EncodedProgram(NamedTuple):
    """A loss as bytecode: numbers that compiled code takes as they stand."""

    lines: np.ndarray
    """[n_lines, 3] int32: operation and two operands (the second 0 where there is none). Slots 0 to 3 are SLOTS,
    line i writes slot 4 + i. A closed form is a single line with its own number after the operations."""
    rule: int
    """The number of the clamp rule."""
    constants: np.ndarray
    """[4]: smoothing term, least and largest magnitude that the clamp leaves, scale of the loss; float64 at first."""

    def astype(self, dtype: DTypeLike) -> EncodedProgram:
        """Return the same program with constants of the type of the numbers that it runs on."""
        return self._replace(constants=self.constants.astype(dtype))

    @classmethod
    def of_lines(
        cls, inputs: Sequence[str], lines: Sequence[Line], epsilon: float, clamp: str, xi: float, scale: float = 1.0
    ) -> EncodedProgram:
        """Encode a program."""
        slots = [SLOTS.index(name) for name in inputs]
        rows = []
        for operator, operands in lines:
            first = slots[operands[0]]
            rows.append((_NUMBERS[operator], first, slots[operands[1]] if len(operands) > 1 else 0))
            slots.append(len(SLOTS) + len(rows) - 1)
        return cls(np.array(rows, dtype=np.int32), CLAMP_RULES.index(clamp), np.array([epsilon, xi, 1 / xi, scale]))

    @classmethod
    def closed_form(cls, name: str, scale: float = 1.0) -> EncodedProgram:
        """Encode one of CLOSED_FORMS."""
        number = len(OPERATIONS) + CLOSED_FORMS.index(name)
        constants = np.array([0.0, 0.0, np.inf, scale])
        return cls(np.array([[number, 0, 0]], dtype=np.int32), CLAMP_RULES.index("none"), constants)


_NUMBERS = {name: number for number, name in enumerate(OPERATIONS)}
