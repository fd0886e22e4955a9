"""An interaction function: elementwise programs of the vectors p of a user and q of an item.

A rating is predicted as w . f(p, q) and biases (SIF: Yao et al., arXiv 1906.12091, section 3). Here f is one program,
or two of them, `concat(f, g)`, whose vectors stand one after the other and have weights of their own. Before, every
number of p, and every number of q, may go through a scalar network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.common.errors import UserError, format_value
from core.interactions.nets import ScalarNet
from core.programs.encoded import EncodedProgram
from core.programs.functions import evaluated, operators, written
from core.programs.line import INPUTS
from core.programs.program import LossProgram

#: What formulas call the inputs of programs.
NAMES = MappingProxyType({"p": "y_hat", "q": "y"})
#: Of log, reciprocal and root: so large that their slopes near 0, where vectors begin, train.
SMOOTHING = 0.01
_CONCAT = "concat("
#: How scalar networks are written behind a formula.
_WITH, _NETS = " with ", "p = net({}), q = net({})"
_READ = re.compile(r"\s*p\s*=\s*net\(([^()]*)\)\s*,\s*q\s*=\s*net\(([^()]*)\)\s*")


@dataclass(frozen=True)
class Interaction:
    """A candidate, see Solution.

    Raises:
        UserError: there are not one or two programs, or not one or two networks of equal size.
    """

    parts: tuple[LossProgram, ...]
    """Programs whose inputs y_hat and y are p and q."""
    nets: tuple[ScalarNet, ScalarNet] | None = None
    """What numbers of p and of q go through before."""

    def __post_init__(self) -> None:
        """Check the number of programs."""
        if self.nets and self.nets[0].hidden != self.nets[1].hidden:
            raise UserError("interaction: expected as many numbers in the network of p as in that of q")
        if not 1 <= len(self.parts) <= 2:
            raise UserError(f"interaction: expected one program or two, got {len(self.parts)}")

    @classmethod
    def parse(cls, text: str) -> Interaction:
        """Read a formula of p and q, such as `max(p, q)`, or two of them: `concat(p, root(q))`.

        Behind it may stand scalar networks: `max(p, q) with p = net(NUMBERS), q = net(NUMBERS)`, see `ScalarNet`.

        Raises:
            UserError: it is none.
        """
        given, separator, behind = text.strip().partition(_WITH)
        if separator:
            if (found := _READ.fullmatch(behind)) is None:
                wanted = _NETS.format("numbers", "numbers")
                raise UserError(f"interaction: expected {wanted} behind with, got {format_value(behind)}")
            return cls(cls.parse(given).parts, (ScalarNet.parse(found[1]), ScalarNet.parse(found[2])))
        if not given.startswith(_CONCAT):
            return cls((LossProgram.parse(given, NAMES),))
        halves = _halves(given[len(_CONCAT) : -1]) if given.endswith(")") else []
        if len(halves) != 2:
            raise UserError(f"interaction: expected two formulas, as in concat(p, q), got {format_value(text)}")
        return cls(tuple(LossProgram.parse(one, NAMES) for one in halves))

    @cached_property
    def key(self) -> str:
        """See Solution."""
        return " | ".join([*(one.key for one in self.parts), *map(str, self.nets or ())])

    @property
    def complexity(self) -> int:
        """See Solution: operators, hidden units, and one for concat."""
        hidden = sum(one.hidden for one in self.nets or ())
        return sum(map(operators, self.parts)) + hidden + len(self.parts) - 1

    def __str__(self) -> str:
        """Return the formula."""
        texts = [written(one, NAMES) for one in self.parts]
        formula = texts[0] if len(texts) == 1 else f"{_CONCAT}{', '.join(texts)})"
        return formula if self.nets is None else f"{formula}{_WITH}{_NETS.format(*self.nets)}"

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
        x, y = (p, q) if self.nets is None else (one.evaluate(x) for one, x in zip(self.nets, (p, q), strict=True))
        return torch.cat([evaluated(one, x, y, SMOOTHING) for one in self.parts], dim=1)


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
