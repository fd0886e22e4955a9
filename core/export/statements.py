"""A program as statements, `v0 = log(y_hat + EPSILON)`, in whichever language the templates are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.analysis.ranges import BoundedLine, bounded_lines
from core.losses.loss import ProgramLoss
from core.programs.line import Line
from core.programs.printing import SMOOTHED, formula

#: A comment with the formula of a line is left out where it would be longer.
_LONGEST_COMMENT = 70


@dataclass(frozen=True)
class Language:
    """How lines are written.

    Smoothed operators have three templates: for any operand, with `+` for one that is never below zero and with `-`
    for one that always is.
    """

    templates: Mapping[str, str]
    """operator -> text, {0} and {1} the operands."""
    inputs: Mapping[str, str]
    """input -> name."""
    clamp: str = "clamp({0})"
    """A result that the clamp may change."""


@dataclass(frozen=True)
class Written:
    """A program in a language."""

    statements: tuple[str, ...]
    """One for each operator."""
    result: str
    """The name that holds the loss."""
    helpers: frozenset[str]
    """Which of clamp, log and reciprocal are needed in their general form."""
    inputs: frozenset[str]
    """The inputs that occur."""


def written(loss: ProgramLoss, language: Language) -> Written:
    """The canonical lines as statements, each with its formula beside it."""
    program = loss.program.canonical
    names = [language.inputs[name] for name in program.inputs]
    statements, helpers = list[str](), set[str]()
    for i, bounded in enumerate(bounded_lines(loss)):
        operands = [names[o] for o in bounded.line.operands]
        if bounded.line.operator == "identity":
            names.append(operands[0])
            continue
        template = template_of(bounded)
        text = language.templates[template].format(*operands)
        if template in SMOOTHED:
            helpers.add(template)
        if bounded.clamped:
            helpers.add("clamp")
            text = language.clamp.format(text)
        names.append(f"v{i}")
        statements.append(f"v{i} = {text}{_comment(program.inputs, program.lines[: i + 1])}")
    used = {program.inputs[o] for line in program.lines for o in line.operands if o < len(program.inputs)}
    return Written(tuple(statements), names[-1], frozenset(helpers), frozenset(used))


def docstring(about: Sequence[str]) -> str:
    """Lines as the text at the head of a file; the first of them is its title."""
    lines = [in_docstring(line).rstrip() for line in about]
    text = lines[0] if len(lines) == 1 else "\n".join([lines[0], "", *lines[1:], ""])
    return f'"""{text}"""\n'


def in_docstring(text: str) -> str:
    """Text that may stand in a docstring."""
    return text.replace("\\", "\\\\").replace('"""', "'''")


def template_of(bounded: BoundedLine) -> str:
    """The operator, with the side of zero that the operand of a smoothed one keeps to."""
    name, (low, high) = bounded.line.operator, bounded.operands[0]
    if name not in SMOOTHED:
        return name
    return name + ("+" if low >= 0 else "-" if high < 0 else "")


def _comment(inputs: tuple[str, ...], lines: tuple[Line, ...]) -> str:
    text = formula(inputs, lines)
    return f"  # {text}" if len(lines) > 1 and len(text) <= _LONGEST_COMMENT else ""
