"""The operator table: the operators of the paper (Table 2) and optional ones.

A row defines an operator completely; everything else derives from it: execution in torch and in compiled code,
bounds, folding, printing, parsing, exports, options and tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from core.programs.operators.arithmetic import ADD, IDENTITY, MAX, MIN, MUL, NEG, SQUARE
from core.programs.operators.operator import Operator
from core.programs.operators.optional import OPTIONAL
from core.programs.operators.smoothed import LOG, RECIPROCAL, sign

__all__ = ["OPERATORS", "PAPER_OPERATORS", "Operator", "sign"]

_ROWS = (
    *(ADD, MUL, MAX, MIN, NEG, IDENTITY, LOG, SQUARE, RECIPROCAL),  # in the order of the paper's Table 2
    *OPTIONAL,
)

#: name -> row.
OPERATORS: Mapping[str, Operator] = MappingProxyType({row.name: row for row in _ROWS})
#: The operators of the paper: those of candidates, unless the user chooses others.
PAPER_OPERATORS = tuple(name for name, row in OPERATORS.items() if row.in_paper)
