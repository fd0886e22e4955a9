"""Simplify programs: find a shorter one with the same gradient.

Searched programs contain parts without effect: a constant added at the end, the square of 1, a maximum that is
always the same operand. Algebraic rules would have to respect smoothing and clamps. Instead, every slot is replaced by
every earlier one, and a shorter program is kept if its gradient is the same on a grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from core.losses.loss import ProgramLoss
from core.losses.running import run_programs
from core.programs.line import Line
from core.programs.program import LossProgram

#: Gradients are the same if they differ by no more than this share of the expected one.
_TOLERANCE = 1e-9
#: Longer programs are not simplified: there would be too much to try. Searched ones have at most twelve lines.
_MOST_LINES = 24
#: Includes labels between 0 and 1, close together: a program that is equal for 0 and 1 only is a different loss, and a
#: maximum may be one operand for most labels and the other for few.
_LABELS = (0.0, 0.06, 0.13, 0.21, 0.29, 0.37, 0.44, 0.5, 0.58, 0.66, 0.74, 0.81, 0.88, 0.95, 1.0)


@lru_cache(maxsize=10_000)
def simplified(loss: ProgramLoss) -> LossProgram:
    """Return the simplest program found with the same d loss / d y_hat; the canonical program itself if there is none.

    The values of the two may differ by a constant that depends on the label. The scale of the loss does not matter.
    """
    program, y_hat, y = loss.program.canonical, *_grid()
    expected = _gradients(loss, [program], y_hat, y)[0]
    if len(program.lines) > _MOST_LINES or not np.isfinite(expected).all():
        return program
    while not _is_input(program):
        shorter = _shorter(program)
        gradients = _gradients(loss, shorter, y_hat, y)
        same = [one for one, gradient in zip(shorter, gradients, strict=True) if _equal(gradient, expected)]
        if not same:
            break
        program = min(same, key=lambda one: (one.complexity, len(str(one)), one.key))
    return program


def _shorter(program: LossProgram) -> list[LossProgram]:
    """Return the shorter programs that arise if one slot is replaced by an earlier one."""
    n_inputs, found = len(program.inputs), dict[str, LossProgram]()
    for replaced in range(n_inputs, n_inputs + len(program.lines)):
        for by in range(replaced):
            candidate = LossProgram.trusted(_replaced(program, replaced, by), program.inputs).canonical
            if candidate.complexity < program.complexity or _is_input(candidate):
                found.setdefault(candidate.key, candidate)
    found.pop(program.key, None)
    return list(found.values())


def _is_input(program: LossProgram) -> bool:
    return program.lines[-1].operator == "identity"


def _replaced(program: LossProgram, slot: int, by: int) -> tuple[Line, ...]:
    """Return the lines with a slot replaced by another, also as the result of the program."""
    lines = tuple(Line(name, tuple(by if o == slot else o for o in operands)) for name, operands in program.lines)
    is_last = slot == len(program.inputs) + len(program.lines) - 1
    return (*lines, Line("identity", (by,))) if is_last else lines


def _gradients(loss: ProgramLoss, programs: Sequence[LossProgram], y_hat: Tensor, y: Tensor) -> np.ndarray:
    """Return d loss / d y_hat of n programs [n, B]."""
    if not programs:
        return np.empty((0, len(y)))
    with np.errstate(all="ignore"):
        return run_programs([ProgramLoss(one, loss.space, loss.epsilon) for one in programs], y_hat, y)[1]


def _equal(gradient: np.ndarray, expected: np.ndarray) -> bool:
    with np.errstate(all="ignore"):
        return bool((np.abs(gradient - expected) <= _TOLERANCE * np.abs(expected)).all())


@lru_cache(maxsize=1)
def _grid() -> tuple[Tensor, Tensor]:
    """Return predictions [B] and labels [B]: the whole range, denser near 0, 1 and the label, for every label."""
    near = torch.logspace(-12, -0.5, 116, dtype=torch.float64)
    inner = torch.linspace(0, 1, 241, dtype=torch.float64)
    labels = torch.tensor(_LABELS, dtype=torch.float64)
    pairs = []
    for label in labels:
        around = torch.cat([label - near[::6], label + near[::6]])
        y_hat = torch.cat([near, 1 - near, inner, around[(around >= 0) & (around <= 1)]]).unique()
        pairs.append((y_hat, label.expand_as(y_hat)))
    y_hats, ys = zip(*pairs, strict=True)
    return torch.cat(y_hats), torch.cat(ys)
