"""An interaction function: elementwise programs of the vectors p of a user and q of an item.

A rating is predicted as w . f(p, q) and biases (SIF: Yao et al., arXiv 1906.12091, section 3). Here f is one program,
or two of them, `concat(f, g)`, whose vectors stand one after the other and have weights of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.common.errors import UserError, format_value
from core.programs.encoded import EncodedProgram
from core.programs.functions import evaluated, operators, written
from core.programs.line import INPUTS
from core.programs.program import LossProgram

#: What formulas call the inputs of programs.
NAMES = MappingProxyType({"p": "y_hat", "q": "y"})
#: Of log, reciprocal and root: so large that their slopes near 0, where vectors begin, train.
SMOOTHING = 0.01
_CONCAT = "concat("


@dataclass(frozen=True)
class Interaction:
    """A candidate, see Solution.

    Raises:
        UserError: there are not one or two programs.
    """

    parts: tuple[LossProgram, ...]
    """Programs whose inputs y_hat and y are p and q."""

    def __post_init__(self) -> None:
        """Check the number of programs."""
        if not 1 <= len(self.parts) <= 2:
            raise UserError(f"interaction: expected one program or two, got {len(self.parts)}")

    @classmethod
    def parse(cls, text: str) -> Interaction:
        """Read a formula of p and q, such as `max(p, q)`, or two of them: `concat(p, root(q))`.

        Raises:
            FormulaError: it is none.
        """
        given = text.strip()
        if not given.startswith(_CONCAT):
            return cls((LossProgram.parse(given, NAMES),))
        halves = _halves(given[len(_CONCAT) : -1]) if given.endswith(")") else []
        if len(halves) != 2:
            raise UserError(f"interaction: expected two formulas, as in concat(p, q), got {format_value(text)}")
        return cls(tuple(LossProgram.parse(one, NAMES) for one in halves))

    @cached_property
    def key(self) -> str:
        """See Solution."""
        return " | ".join(one.key for one in self.parts)

    @property
    def complexity(self) -> int:
        """See Solution: operators, and one for concat."""
        return sum(map(operators, self.parts)) + len(self.parts) - 1

    def __str__(self) -> str:
        """Return the formula."""
        texts = [written(one, NAMES) for one in self.parts]
        return texts[0] if len(texts) == 1 else f"{_CONCAT}{', '.join(texts)})"

    def to_dict(self) -> dict[str, Any]:
        """See Solution."""
        return {"formula": str(self)}

    @cached_property
    def encoded(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Each part for compiled code, twice: as it is, and with p and q exchanged, for the other derivative."""
        return tuple((self._lines(one, INPUTS), self._lines(one, ("y", "y_hat", "1"))) for one in self.parts)

    @staticmethod
    def _lines(program: LossProgram, inputs: tuple[str, ...]) -> np.ndarray:
        return EncodedProgram.of_lines(inputs, program.canonical.lines, SMOOTHING, "none", 1e-6).lines

    def evaluate(self, p: Tensor, q: Tensor) -> Tensor:
        """Return f(p, q) in torch, for autograd.

        Args:
            p: vectors of users [B, d].
            q: vectors of items [B, d].

        Returns:
            [B, parts * d].
        """
        return torch.cat([evaluated(one, p, q, SMOOTHING) for one in self.parts], dim=1)


def _halves(text: str) -> list[str]:
    """Return what commas outside of brackets separate."""
    found, depth = [""], 0
    for sign in text:
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and not depth:
            found.append("")
        else:
            found[-1] += sign
    return found
