"""One line of a loss program."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

#: The inputs of the paper's programs (section 3.3).
INPUTS = ("y_hat", "y", "1")

#: The smoothing term as an input, for formulas such as (y_hat + eps)/(y + eps).
EPSILON = "eps"

#: Every input that a program may name.
KNOWN_INPUTS = (*INPUTS, EPSILON)


class Line(NamedTuple):
    """An operator applied to earlier slots.

    `operands` are slot numbers: the inputs come first, and line i writes slot n_inputs + i.
    """

    operator: str
    operands: tuple[int, ...]


#: (operator, operands) -> Line, cached. A search keeps a hundred thousand programs at a time, which consist of a few
#: hundred distinct lines: sharing one object for each is faster to create and to garbage-collect.
line_of = lru_cache(maxsize=10_000)(Line)
