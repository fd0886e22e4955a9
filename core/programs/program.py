"""A loss as a straight-line program: paper, section 3.3 and Figure 2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from core.common.errors import UserError, format_value
from core.programs.canonical import fold
from core.programs.line import EPSILON, INPUTS, KNOWN_INPUTS, Line
from core.programs.operators import OPERATORS
from core.programs.parsing import LOSS_NAMES, FormulaError, parse_lines
from core.programs.printing import formula

#: A program written out as a formula may not have more operators than this.
MAX_WRITTEN_SIZE = 4_096


@dataclass(frozen=True)
class LossProgram:
    """An immutable straight-line program whose last slot is the per-example loss.

    The first slots hold the inputs, by default y_hat, y and 1; line i writes slot n_inputs + i. A program is valid by
    construction.

    Raises:
        UserError: unknown inputs or operators, a wrong number of operands, an operand that does
            not exist yet, no lines, or a program too large to be written out.
    """

    lines: tuple[Line, ...]
    inputs: tuple[str, ...] = INPUTS

    def __post_init__(self) -> None:
        """Check everything that later code relies on."""
        inputs = _checked_inputs(self.inputs)
        lines = tuple(_as_line(i, line) for i, line in enumerate(_items("program lines", self.lines)))
        if not lines:
            raise UserError("program: expected at least one line, got none")
        sizes = [0] * len(inputs)
        for i, line in enumerate(lines):
            _check_line(i, line, n_slots=len(sizes))
            sizes.append(1 + sum(sizes[o] for o in line.operands))
            if sizes[-1] > MAX_WRITTEN_SIZE:
                raise UserError(f"program: expected at most {MAX_WRITTEN_SIZE} operators when written out, got more")
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "lines", lines)

    @classmethod
    def parse(cls, text: str, names: Mapping[str, str] = LOSS_NAMES) -> LossProgram:
        """Parse a formula such as `max(y_hat, y) - log(y_hat)`.

        Args:
            text: the formula.
            names: what it may name -> the input that this is.

        Raises:
            FormulaError: the text is not a formula; has the position of the mistake.
        """
        inputs, lines = parse_lines(text, names)
        try:
            return cls(lines, inputs)
        except UserError as error:  # its parts repeat so often that it is too large
            raise FormulaError(text, 0, str(error)) from None

    @classmethod
    def trusted(cls, lines: tuple[Line, ...], inputs: tuple[str, ...]) -> LossProgram:
        """Return a program of lines that the caller knows to be valid, without the checks, which take most of the time.

        Args:
            lines: a tuple that the constructor would keep unchanged.
            inputs: likewise.
        """
        program = object.__new__(cls)
        program.__dict__.update(lines=lines, inputs=inputs)
        return program

    @cached_property
    def canonical(self) -> LossProgram:
        """The canonical form of the program: the same function, see `core.programs.canonical`."""
        return LossProgram.trusted(fold(self.inputs, self.lines), self.inputs)

    @cached_property
    def key(self) -> str:
        """The canonical lines as text: two programs with the same key are the same function."""
        return "; ".join([_call(line, self.inputs) for line in self.canonical.lines])

    @property
    def complexity(self) -> int:
        """Number of operators, that is of canonical lines."""
        return len(self.canonical.lines)

    @property
    def is_smoothed(self) -> bool:
        """Whether the smoothing term occurs in the program."""
        lines = self.canonical.lines
        used = {self.inputs[o] for line in lines for o in line.operands if o < len(self.inputs)}
        return EPSILON in used or any(OPERATORS[line.operator].smoothed for line in lines)

    def __str__(self) -> str:
        """Return the formula of the program."""
        return formula(self.inputs, self.canonical.lines)

    def to_dict(self) -> dict[str, Any]:
        """Return inputs and lines by name, for storage; `from_dict` reads them back exactly."""
        names = [*self.inputs, *(f"v{i}" for i in range(len(self.lines)))]
        lines = [[operator, *(names[o] for o in operands)] for operator, operands in self.lines]
        return {"inputs": list(self.inputs), "lines": lines}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> LossProgram:
        """Build a program from what `to_dict` returned.

        Raises:
            UserError: the mapping has another form, or the program is not valid.
        """
        if not isinstance(stored, Mapping) or not all(key in stored for key in ("inputs", "lines")):
            raise UserError(f"stored program: expected a mapping with inputs and lines, got {format_value(stored)}")
        inputs = tuple(_names("inputs", stored["inputs"]))
        slots = {name: i for i, name in enumerate(inputs)}
        lines: list[Line] = []
        for i, line in enumerate(_items("stored program: lines", stored["lines"])):
            operator, *operands = _names(f"line {i}", line) or [""]
            unknown = next((name for name in operands if name not in slots), None)
            if unknown is not None:
                raise UserError(
                    f"stored program: line {i}: expected inputs or earlier lines such as v0, got "
                    f"{format_value(unknown)}"
                )
            lines.append(Line(operator, tuple([slots[name] for name in operands])))
            slots[f"v{i}"] = len(inputs) + i
        return cls(tuple(lines), inputs)


@lru_cache(maxsize=10_000)
def _call(line: Line, inputs: tuple[str, ...]) -> str:
    """Return a line by name, such as add(y, v0). Cached, since the programs of a search share most short lines."""
    n = len(inputs)
    return f"{line.operator}({', '.join(inputs[o] if o < n else f'v{o - n}' for o in line.operands)})"


def _items(where: str, given: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(given, list | tuple):
        raise UserError(f"{where}: expected a list, got {format_value(given)}")
    return given


def _names(where: str, stored: Any) -> list[str]:
    if not isinstance(stored, list | tuple) or not all(isinstance(name, str) for name in stored):
        raise UserError(f"stored program: {where}: expected a list of names, got {format_value(stored)}")
    return list(stored)


def _checked_inputs(given: Any) -> tuple[str, ...]:
    if given in (INPUTS, KNOWN_INPUTS):
        return tuple(given)
    inputs = tuple(_items("program inputs", given))
    if not inputs or not all(name in KNOWN_INPUTS for name in inputs) or len(set(inputs)) != len(inputs):
        raise UserError(
            f"program inputs: expected distinct names out of {', '.join(KNOWN_INPUTS)}, got {format_value(inputs)}"
        )
    return inputs


def _as_line(i: int, given: Any) -> Line:
    if type(given) is Line and type(given.operands) is tuple:
        return given
    if len(_items(f"program line {i}", given)) != 2:
        raise UserError(f"program line {i}: expected an operator and its operands, got {format_value(given)}")
    operator, operands = given
    return Line(operator, tuple(_items(f"program line {i}", operands)))


def _check_line(i: int, line: Line, n_slots: int) -> None:
    operator = OPERATORS.get(line.operator) if isinstance(line.operator, str) else None
    if operator is None:
        raise UserError(f"program line {i}: expected one of {', '.join(OPERATORS)}, got {format_value(line.operator)}")
    if len(line.operands) != operator.arity:
        raise UserError(f"program line {i}: {operator.name} takes {operator.arity} operands, got {len(line.operands)}")
    for operand in line.operands:
        if type(operand) is not int or not 0 <= operand < n_slots:
            raise UserError(
                f"program line {i}: expected operands out of slots 0 to {n_slots - 1}, got {format_value(operand)}"
            )
