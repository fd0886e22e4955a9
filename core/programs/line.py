"""One line of a loss program."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

#: The inputs that every program of the paper starts from (section 3.3).
INPUTS = ("y_hat", "y", "1")

#: The smoothing term as an input of its own, for formulas such as (y_hat + eps)/(y + eps).
EPSILON = "eps"

#: Every input that a program may name.
KNOWN_INPUTS = (*INPUTS, EPSILON)


class Line(NamedTuple):
    """An operator applied to earlier slots.

    `operands` are slot numbers: the inputs come first, line i writes the slot after them and
    after the i lines before it.
    """

    operator: str
    operands: tuple[int, ...]


#: The line of an operator and its operands. The programs of a search share their few hundred lines, and a
#: hundred thousand programs are kept at a time: one object for each is quicker to make and to collect.
line_of = lru_cache(maxsize=10_000)(Line)
