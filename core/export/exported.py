"""A loss with where it comes from, and the forms in which it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from textwrap import wrap
from types import MappingProxyType
from typing import Any

from core.analysis.simplify import simplified
from core.common.extras import needs
from core.export.latex import latex
from core.export.torch_source import torch_source
from core.losses.loss import Loss, ProgramLoss

#: Says what a stored loss is, and which version of it.
JSON_FORMAT = "loss-search loss 1"
_WIDTH = 110


@dataclass(frozen=True)
class Exported:
    """A loss to take home."""

    name: str
    """Its formula, or the name of a known one."""
    loss: Loss
    """With its space and smoothing term."""
    origin: tuple[str, ...] = ()
    """Where it comes from and what it came to, a sentence each."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """The same for scripts: metrics and settings, as JSON takes them."""

    @property
    def simple(self) -> str:
        """The simplified formula, which has the same gradient; the name of a loss that has none."""
        return str(simplified(self.loss)) if isinstance(self.loss, ProgramLoss) else self.name

    def in_simple_form(self) -> Exported:
        """Return the loss with its simplified formula; the value may differ by a number that depends on the label."""
        if not isinstance(self.loss, ProgramLoss) or self.simple == self.name:
            return self
        message = f"Simplified from {self.name}, with the same gradient."
        loss = replace(self.loss, program=simplified(self.loss))
        return Exported(self.simple, loss, (message, *self.origin), self.details)

    def about(self) -> list[str]:
        """Return what the head of a file says, title first."""
        lines = [self.name]
        if self.simple != self.name:
            lines.append(f"Simplified, with the same gradient: {self.simple}")
        lines += self._operators()
        if self.loss.scale != 1:
            lines.append(f"Multiplied by {self.loss.scale:.6g}, at which it was trained.")
        wrapped = partial(wrap, width=_WIDTH, break_on_hyphens=False, subsequent_indent="    ")
        return [piece for line in (*lines, *self.origin) for piece in wrapped(line) or [""]]

    def _operators(self) -> list[str]:
        if not isinstance(self.loss, ProgramLoss):
            return ["A function of the logit z, y_hat = sigmoid(z)."]
        loss, sentences = self.loss, []
        if "log" in self.name or "/" in self.name:
            sentences.append(
                f"log(x) is sign(x) log(|x| + eps) and 1/(x) is sign(x)/(|x| + eps), eps = {loss.smoothing:g}."
            )
        xi, most = f"{loss.space.xi:g}", f"{1 / loss.space.xi:g}"
        if loss.space.clamp == "signed":
            sentences.append(f"The magnitude of what an operator gives is kept within [{xi}, {most}].")
        elif loss.space.clamp == "paper":
            sentences.append(f"What an operator gives is kept within [{xi}, {most}].")
        return sentences


def as_sympy(exported: Exported) -> str:
    """Write a file that makes the expression."""
    needs("the form sympy", "sympy")
    from core.export.symbolic import sympy_source  # sympy takes half a second to load

    return sympy_source(exported.loss, exported.about())


def as_json(exported: Exported) -> str:
    """Write everything, for scripts."""
    loss = exported.loss
    content: dict[str, Any] = {"format": JSON_FORMAT, "name": exported.name, "latex": latex(loss)}
    content |= {} if loss.scale == 1 else {"scale": loss.scale}
    if isinstance(loss, ProgramLoss):
        simple = simplified(loss)
        content |= {
            "formula": str(loss.program),
            "complexity": loss.program.complexity,
            "simplified": {"formula": str(simple), "complexity": simple.complexity, "program": simple.to_dict()},
            "program": loss.program.to_dict(),
            "epsilon": loss.smoothing,
            "clamp": loss.space.clamp,
            "xi": loss.space.xi,
        }
    return (
        json.dumps({**content, "origin": list(exported.origin), **exported.details}, indent=2, allow_nan=False) + "\n"
    )


def as_latex(exported: Exported) -> str:
    """Write a line of mathematics under comments."""
    notes = [r"\log_{\pm}(x) is sign(x) log(|x| + eps); the sign in 1/(x \pm eps) is that of x", *exported.about()]
    equation = latex(exported.loss)
    notes = notes if r"\pm" in equation else notes[1:]
    return "".join(f"% {note}\n" for note in notes) + equation + "\n"


@dataclass(frozen=True)
class Form:
    """A row of the table of forms."""

    about: str
    write: Callable[[Exported], str]
    file: str
    """What the file is called beside others of the same loss."""


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "torch": Form(
            "a file with a torch module, needs torch only", lambda e: torch_source(e.loss, e.about()), "loss.py"
        ),
        "sympy": Form(
            "a file that makes a sympy expression and its derivative",
            as_sympy,
            "loss_sympy.py",
        ),
        "latex": Form("a line of LaTeX under comments", as_latex, "loss.tex"),
        "json": Form("everything, for scripts", as_json, "loss.json"),
    }
)
