"""Programs as functions of two things that are neither prediction nor label."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from core.programs.operators import OPERATORS
from core.programs.printing import formula
from core.programs.program import LossProgram


def evaluated(program: LossProgram, first: Tensor, second: Tensor, smoothing: float) -> Tensor:
    """Return what a program gives, for autograd, too.

    Args:
        program: of the inputs y_hat, y and 1.
        first: in place of y_hat, of any shape.
        second: in place of y, of the same shape.
        smoothing: of log, reciprocal and root.
    """
    slots = [first, second, torch.ones_like(first)]
    for operator, operands in program.lines:
        slots.append(OPERATORS[operator].value(*(slots[one] for one in operands), smoothing))
    return slots[-1]


def written(program: LossProgram, names: Mapping[str, str]) -> str:
    """Return the formula of a program.

    Args:
        program: it.
        names: what formulas call inputs -> the input that this is.
    """
    name_of = {of: name for name, of in names.items()}
    return formula([name_of.get(name, name) for name in program.inputs], program.canonical.lines)


def operators(program: LossProgram) -> int:
    """Return the number of operators that do anything."""
    return sum(not OPERATORS[line.operator].transparent for line in program.canonical.lines)
