"""An interaction function as a file that needs torch only."""

from __future__ import annotations

from core.interactions.interaction import NAMES, SMOOTHING, Interaction
from core.programs.operators import OPERATORS
from core.programs.program import LossProgram

_FILE = '''"""{formula}: how the vectors of a user and of an item meet, found by loss-search."""

import torch
from torch import Tensor, nn

eps = {smoothing}
{sign}

class Interaction(nn.Module):
    """{formula}

    A rating is predicted as (weights * Interaction()(p, q)).sum(-1) and biases of user and item.
    """

    parts = {parts}
    """The result has so many times as many numbers as a vector."""

    def forward(self, p: Tensor, q: Tensor) -> Tensor:
        """Return [..., parts * d] of vectors p of users and q of items [..., d]."""
{body}
'''
_SIGN = '''

def sign(x: Tensor) -> Tensor:
    """Return -1 where x is negative and +1 elsewhere."""
    return torch.where(x < 0, -1.0, 1.0).to(x.dtype)

'''


def interaction_file(interaction: Interaction) -> str:
    """Return the text of a file with the class `Interaction`, a torch module."""
    statements, results = list[str](), list[str]()
    for program in interaction.parts:
        results.append(_statements(program, statements))
    whole = results[0] if len(results) == 1 else f"torch.cat([{', '.join(results)}], dim=-1)"
    body = "\n".join(f"        {one}" for one in [*statements, f"return {whole}"])
    sign = _SIGN if "sign(" in body else ""
    return _FILE.format(formula=interaction, smoothing=SMOOTHING, sign=sign, parts=len(interaction.parts), body=body)


def _statements(program: LossProgram, statements: list[str]) -> str:
    """Add the lines of a program; return the name of its result."""
    lines, name_of = program.canonical.lines, {of: name for name, of in NAMES.items()}
    names = [name_of.get(one, "torch.ones_like(p)") for one in program.inputs]
    for operator, operands in lines:
        row, given = OPERATORS[operator], [names[one] for one in operands]
        if row.transparent:
            names.append(given[0])
            continue
        names.append(f"v{len(statements)}")
        statements.append(f"{names[-1]} = {row.forms[-1].torch.format(*given)}")
    return names[-1]
