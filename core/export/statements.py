"""Write a program as statements such as `v0 = torch.log(y_hat + eps)`, in torch or sympy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.analysis.ranges import bounded_lines
from core.losses.loss import ProgramLoss
from core.programs.line import Line
from core.programs.operators import OPERATORS
from core.programs.operators.writing import Form
from core.programs.printing import formula

#: Maximum length of the formula in the comment behind a line; longer ones are left out.
_LONGEST_COMMENT = 70


@dataclass(frozen=True)
class Language:
    """The language in which statements are written."""

    write: Callable[[Form, Sequence[str]], str]
    """(form of an operator, names of its operands) -> expression."""
    inputs: Mapping[str, str]
    """Input of a program -> its name in the language."""
    clamp: str = "clamp({0})"
    """The call of the clamp, with its argument as {0}."""


@dataclass(frozen=True)
class Written:
    """A program as statements."""

    statements: tuple[str, ...]
    """One for each operator."""
    result: str
    """Name of the variable that holds the loss."""
    is_clamped: bool
    """Whether the clamp occurs."""
    inputs: frozenset[str]
    """The inputs that occur."""


def written(loss: ProgramLoss, language: Language) -> Written:
    """Write the canonical lines of a loss as statements, each with its formula as a comment.

    Args:
        loss: the loss.
        language: the language to write.
    """
    program, lines = loss.program.canonical, bounded_lines(loss)
    names, statements = [language.inputs[name] for name in program.inputs], list[str]()
    for i, bounded in enumerate(lines):
        operands = [names[o] for o in bounded.line.operands]
        if OPERATORS[bounded.line.operator].transparent:
            names.append(operands[0])
            continue
        text = language.write(bounded.form, operands)
        if bounded.clamped:
            text = language.clamp.format(text)
        names.append(f"v{i}")
        statements.append(f"v{i} = {text}{_comment(program.inputs, program.lines[: i + 1])}")
    used = {program.inputs[o] for line in program.lines for o in line.operands if o < len(program.inputs)}
    return Written(tuple(statements), names[-1], any(line.clamped for line in lines), frozenset(used))


def docstring(about: Sequence[str]) -> str:
    """Return lines as the module docstring of a file; the first one is the title."""
    lines = [in_docstring(line).rstrip() for line in about]
    text = lines[0] if len(lines) == 1 else "\n".join([lines[0], "", *lines[1:], ""])
    return f'"""{text}"""\n'


def in_docstring(text: str) -> str:
    """Return a text with backslashes and triple quotes escaped, for use in a docstring."""
    return text.replace("\\", "\\\\").replace('"""', "'''")


def _comment(inputs: tuple[str, ...], lines: tuple[Line, ...]) -> str:
    text = formula(inputs, lines)
    return f"  # {text}" if len(lines) > 1 and len(text) <= _LONGEST_COMMENT else ""
