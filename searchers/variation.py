"""Programs as rows of choices that evolution can cut and change.

A genome is a list of rows (operator number, first operand, second operand), one for each line. Row i may refer
to the inputs and to rows before it, so exchanging the tails of two genomes always gives valid programs, which
exchanging subtrees does not within a bounded number of variables.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from core.programs.program import LossProgram
from core.programs.space import OperatorSpace

#: Operator number, first and second operand. The second one is distinct from the first, and kept even where the
#: operator takes one operand: it is there again when the operator changes.
Row = tuple[int, int, int]

_MOST_TRIES = 50


def rows_of(program: LossProgram, space: OperatorSpace) -> list[Row]:
    """The genome of a program of the space."""
    rows = []
    for operator, first, second in space.choices(program).tolist():
        rows.append((operator, first, second if second != first else (first + 1) % 2))
    return rows


def program_of(rows: Sequence[Row], space: OperatorSpace) -> LossProgram:
    """The program of a genome."""
    return space.program(np.array(rows, dtype=np.int64))


def live_rows(rows: Sequence[Row], space: OperatorSpace) -> list[int]:
    """The numbers of the rows that the last one, the loss, depends on, in order."""
    n_inputs = len(space.inputs)
    live = {len(rows) - 1}
    for i in range(len(rows) - 1, -1, -1):
        if i in live:
            operands = rows[i][1 : 1 + space.arities[rows[i][0]]]
            live |= {operand - n_inputs for operand in operands if operand >= n_inputs}
    return sorted(live)


def mutated(rows: Sequence[Row], space: OperatorSpace, rng: random.Random) -> list[Row]:
    """A copy in which rows that matter are redrawn, part by part, until it is another loss.

    Two thirds of all single changes hit dead rows or fold away, and would be trained for nothing.
    """
    key = program_of(rows, space).key
    changed = list(rows)
    for _ in range(_MOST_TRIES):
        i = rng.choice(live_rows(changed, space))
        changed[i] = _redrawn(changed[i], len(space.inputs) + i, space, rng)
        if program_of(changed, space).key != key:
            break
    return changed


def _redrawn(row: Row, n_slots: int, space: OperatorSpace, rng: random.Random) -> Row:
    """The row with another operator, or another operand that its operator takes; operands may change places."""
    operator, first, second = row
    part = rng.randrange(1 + space.arities[operator])
    slot = rng.randrange(n_slots)
    if part == 0:
        return rng.randrange(len(space.operators)), first, second
    if part == 1:
        return operator, slot, first if slot == second else second
    return operator, second if slot == first else first, slot
