"""Export a set-wise loss: a torch module in a file of its own, LaTeX, JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from core.export.set_typesetting import set_latex
from core.export.statements import in_docstring
from core.programs.sets.expression import Expression
from core.programs.sets.formula import formula_of

#: Says what a stored loss is, and which version of it.
JSON_FORMAT = "loss-search set-wise loss 1"
_TORCH: Mapping[str, str] = MappingProxyType(
    {
        "add": "{0} + {1}",
        "mul": "{0} * {1}",
        "div": "{0} / {1}",
        "mean": "{0}.mean(1, keepdim=True)",
        "sum": "{0}.sum(1, keepdim=True)",
        "max": "{0}.gather(1, {0}.argmax(1, keepdim=True))",
        "log_mean_exp": "{0}.logsumexp(1, keepdim=True) - math.log({0}.shape[1])",
        "log_sum_exp": "{0}.logsumexp(1, keepdim=True)",
        "relu": "torch.relu({0})",
        "square": "{0}.square()",
        "exp": "{0}.exp()",
        "log": "{0}.log()",
        "softplus": "torch.logaddexp({0}, torch.zeros_like({0}))",
        "sigmoid": "{0}.sigmoid()",
        "tanh": "{0}.tanh()",
        "atan": "{0}.atan()",
    }
)
_MODULE = '''"""{about}

Written by loss-search; needs torch only.
"""

import math

import torch
from torch import Tensor, nn


def per_example(positive: Tensor, negatives: Tensor) -> Tensor:
    """The loss [B] of positive scores [B] and the scores of their negatives [B, N]."""
    p, n = positive[:, None], negatives
{lines}
    return {last}[:, 0]


class Loss(nn.Module):
    """{title}

    Args:
        reduction: "mean", "sum" or "none" (a number for each positive).
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"reduction: expected mean, sum or none, got {{reduction!r}}")
        self.reduction = reduction

    def forward(self, positive: Tensor, negatives: Tensor) -> Tensor:
        """The loss of scores: positives [B] and their negatives, [B, N] or [N] where all have the same."""
        if negatives.ndim == 1:
            negatives = negatives.expand(len(positive), -1)
        if positive.ndim != 1 or negatives.ndim != 2 or len(positive) != len(negatives) or not negatives.shape[1]:
            shapes = f"{{tuple(positive.shape)}} and {{tuple(negatives.shape)}}"
            raise ValueError(f"scores: expected positives [B] and negatives [B, N] with N > 0, got {{shapes}}")
        values = per_example(positive, negatives)
        return values if self.reduction == "none" else getattr(values, self.reduction)()
'''


def as_torch(loss: Expression, about: Sequence[str] = ()) -> str:
    """Return a file with a torch module `Loss`, equal in value and gradient.

    Args:
        loss: of p and n, with numbers for all constants.
        about: what the head of the file says, a line each.
    """
    names, lines = dict[Expression, str](), list[str]()
    last = _statement(loss, names, lines)
    needs_math = any("math." in line for line in lines)
    module = _MODULE if needs_math else _MODULE.replace("import math\n\n", "")
    head = in_docstring("\n".join([formula_of(loss), *about]))
    return module.format(about=head, title=in_docstring(formula_of(loss)), lines="\n".join(lines), last=last)


def _statement(one: Expression, names: dict[Expression, str], lines: list[str]) -> str:
    """Add the lines that compute an expression; return what to call it."""
    if not one.name:
        return repr(one.number)
    if not one.operands:
        return "float(n.shape[1])" if one.name == "count" else one.name
    if one not in names:
        operands = [_statement(each, names, lines) for each in one.operands]
        operands = [f"({each})" if each.startswith("-") else each for each in operands]
        names[one] = f"v{len(names)}"
        lines.append(f"    {names[one]} = {_TORCH[one.name].format(*operands)}")
    return names[one]


def as_latex(loss: Expression, about: Sequence[str] = ()) -> str:
    """Return a line of LaTeX under comments: p is the positive score, n_j those of N negatives.

    Args:
        loss: with numbers for all constants.
        about: comments, a line each.
    """
    return "".join(f"% {line}\n" for line in (formula_of(loss), *about)) + set_latex(loss) + "\n"


def as_json(loss: Expression, about: Sequence[str] = ()) -> str:
    """Return everything for scripts.

    Args:
        loss: with numbers for all constants.
        about: where it comes from, a sentence each.
    """
    content = {"format": JSON_FORMAT, "formula": formula_of(loss), "latex": set_latex(loss), "tree": _tree(loss)}
    return json.dumps({**content, "origin": list(about)}, indent=2, allow_nan=False) + "\n"


def _tree(one: Expression) -> object:
    """Return an expression as nested lists: an operation and its operands, the name of an input, or a number."""
    if not one.operands:
        return one.name or one.number
    return [one.name, *map(_tree, one.operands)]


#: name of the form -> what writes it, and what the file is called beside others of the same loss.
SET_FORMS: Mapping[str, tuple[Callable[[Expression, Sequence[str]], str], str]] = MappingProxyType(
    {"torch": (as_torch, "loss.py"), "latex": (as_latex, "loss.tex"), "json": (as_json, "loss.json")}
)
