"""An interaction function, or a network, as a file that needs torch only."""

from __future__ import annotations

from core.interactions.interaction import NAMES, SMOOTHING, Interaction
from core.interactions.nets import Network, ScalarNet
from core.programs.operators import OPERATORS
from core.programs.program import LossProgram

_FILE = '''"""{formula}: how the vectors of a user and of an item meet, found by loss-search."""

import torch
from torch import Tensor, nn
{functions}

class Interaction(nn.Module):
    """{formula}

    A rating is predicted as (weights * Interaction()(p, q)).sum(-1), the mean of all ratings,
    and biases of user and item where the model has them.
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
_NET = """

def net(x: Tensor, a: list[float], b: list[float], c: list[float], e: float) -> Tensor:
    \"\"\"Return c . tanh(a x + b) + e of every number x.\"\"\"
    units = torch.tensor([a, b, c], dtype=x.dtype, device=x.device)
    return torch.tanh(x[..., None] * units[0] + units[1]) @ units[2] + e
"""
_NETWORK = '''"""{formula}: a network in which the vectors of a user and of an item meet, found by loss-search."""

import torch
from torch import Tensor, nn


class Interaction(nn.Module):
    """{formula}, to be trained with the vectors.

    A rating is predicted as (weights * Interaction(d)(p, q)).sum(-1), the mean of all ratings,
    and biases of user and item where the model has them.

    Args:
        d: the length of a vector.
    """

    def __init__(self, d: int) -> None:
        super().__init__()
        units = [2 * d{units}]
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in zip(units[:-1], units[1:]))

    def forward(self, p: Tensor, q: Tensor) -> Tensor:
        """Return the last layer [..., units] of vectors p of users and q of items [..., d]."""
        x = torch.cat([p, q], dim=-1)
        for layer in self.layers:
            x = torch.tanh(layer(x){product})
        return x
'''


def interaction_file(interaction: Interaction | Network) -> str:
    """Return the text of a file with the class `Interaction`, a torch module."""
    if isinstance(interaction, Network):
        units = ["d"] if interaction.has_product else interaction.units
        written = "".join(f", {one}" for one in units)
        return _NETWORK.format(formula=interaction, units=written, product=" + p * q" * interaction.has_product)
    statements, results = list[str](), list[str]()
    if interaction.nets:
        statements += [f"{x} = net({x}, {_numbers(one)})" for x, one in zip("pq", interaction.nets, strict=True)]
    for program in interaction.parts:
        results.append(_statements(program, statements))
    whole = results[0] if len(results) == 1 else f"torch.cat([{', '.join(results)}], dim=-1)"
    if any("eps" in one for one in statements):
        statements.insert(0, f"eps = {SMOOTHING}")
    body = "\n".join(f"        {one}" for one in [*statements, f"return {whole}"])
    functions = (_NET if interaction.nets else "") + (_SIGN if "sign(" in body else "")
    title = f"{Interaction(interaction.parts)}{' of numbers that go through networks' if interaction.nets else ''}"
    return _FILE.format(formula=title, functions=functions, parts=len(interaction.parts), body=body)


def _numbers(net: ScalarNet) -> str:
    """Return the arguments of `net` behind the first."""
    n = net.hidden
    groups = (list(net.numbers[i * n : (i + 1) * n]) for i in range(3))
    return ", ".join(map(str, (*groups, net.numbers[-1])))


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
