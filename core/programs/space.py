"""The space of programs that a search draws from: paper, sections 3.3 and 5.1.4."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np

from core.common.errors import UserError, unknown_name
from core.programs.line import EPSILON, INPUTS, KNOWN_INPUTS, line_of
from core.programs.operators import OPERATORS, PAPER_OPERATORS
from core.programs.program import LossProgram

#: Rule -> what it does to the result x of every operator but `identity`.
CLAMPS: Mapping[str, str] = MappingProxyType(
    {
        "signed": "the magnitude of x is brought into [xi, 1/xi] and its sign kept",
        "paper": "x is brought into [xi, 1/xi], to the letter: negative numbers become xi",
        "none": "x is left as it is; handcrafted losses are run so",
    }
)

#: Twelve lines written out have at most 4,095 operators, the most that a program may have.
_MOST_LINES = 12


@dataclass(frozen=True)
class OperatorSpace:
    """What a candidate may be made of, and how its operators behave.

    Raises:
        UserError: an unknown operator, input or clamp rule, or numbers out of range.
    """

    inputs: tuple[str, ...] = INPUTS
    """What the first slots hold."""
    operators: tuple[str, ...] = PAPER_OPERATORS
    """The operators to choose from."""
    max_variables: int = 10
    """The length of the variable set, inputs included (section 5.1.4)."""
    xi: float = 1e-6
    """Bounds the clamp, and is the smoothing term of log and reciprocal unless another is given."""
    clamp: str = "signed"
    """What happens to the result of every operator: signed, paper or none."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in self.operators:
            if name not in OPERATORS:
                raise unknown_name("operator", name, OPERATORS)
        for name in self.inputs:
            if name not in KNOWN_INPUTS:
                raise unknown_name("input", name, KNOWN_INPUTS)
        if len(set(self.inputs)) != len(self.inputs):
            raise UserError(f"operator space: distinct inputs expected, got {', '.join(self.inputs)}")
        if self.clamp not in CLAMPS:
            raise unknown_name("clamp rule", self.clamp, CLAMPS)
        if not self.operators or len(self.inputs) < 2:
            raise UserError("operator space: at least one operator and two inputs expected")
        if not 1 <= self.n_lines <= _MOST_LINES:
            least, most = len(self.inputs) + 1, len(self.inputs) + _MOST_LINES
            raise UserError(f"max_variables: expected {least} to {most}, got {self.max_variables}")
        if not 0 < self.xi < 1:
            raise UserError(f"xi: expected a number between 0 and 1, got {self.xi}")

    @property
    def n_lines(self) -> int:
        """How many lines a sampled program has."""
        return self.max_variables - len(self.inputs)

    @cached_property
    def arities(self) -> tuple[int, ...]:
        """The arity of every operator, in the order of `operators`."""
        return tuple(OPERATORS[name].arity for name in self.operators)

    def program(self, choices: np.ndarray) -> LossProgram:
        """The program of `choices` [n_lines, 3]: operator number, first and second operand.

        The second operand of an operator with one operand is ignored.

        Raises:
            UserError: an operand that does not exist yet, or no lines.
        """
        return self._program(choices.astype(np.int64, casting="safe", copy=False).tolist())

    def _program(self, rows: list[list[int]]) -> LossProgram:
        """The program of rows, checked on the way: the constructor takes three times as long."""
        operators, arities = self.operators, self.arities
        lines, is_valid = [], 1 <= len(rows) <= self.n_lines
        for n_slots, (operator, first, second) in enumerate(rows, start=len(self.inputs)):
            operands = (first, second) if arities[operator] == 2 else (first,)
            for operand in operands:
                is_valid = is_valid and 0 <= operand < n_slots
            lines.append(line_of(operators[operator], operands))
        make = LossProgram.trusted if is_valid else LossProgram  # the constructor says what is wrong
        return make(tuple(lines), self.inputs)

    def choices(self, program: LossProgram) -> np.ndarray:
        """The inverse of `program()`: [n_lines, 3], a missing second operand written as 0.

        A shorter program is continued by `identity` lines, which keep its loss in the last slot.

        Raises:
            UserError: the program is not in this space.
        """
        problem = self._outside(program)
        if problem:
            raise UserError(f"program {program}: {problem}")
        rows = [(self.operators.index(op), *operands, *(0,) * (2 - len(operands))) for op, operands in program.lines]
        while len(rows) < self.n_lines:
            rows.append((self.operators.index("identity"), len(self.inputs) + len(rows) - 1, 0))
        return np.array(rows, dtype=np.int64)

    def __contains__(self, program: LossProgram) -> bool:
        """Whether a searcher of this space could have proposed the program."""
        return self._outside(program) is None

    def _outside(self, program: LossProgram) -> str | None:
        if program.inputs != self.inputs:
            return f"expected the inputs {self.inputs}, got {program.inputs}"
        if len(program.lines) > self.n_lines:
            return f"expected at most {self.n_lines} lines, got {len(program.lines)}"
        if len(program.lines) < self.n_lines and "identity" not in self.operators:
            return f"expected {self.n_lines} lines (there is no identity to fill up with), got {len(program.lines)}"
        for operator, operands in program.lines:
            if operator not in self.operators:
                return f"expected operators out of {', '.join(self.operators)}, got {operator}"
            if len(set(operands)) != len(operands):
                return f"expected distinct operands (section 3.3), got {operator} of the same slot twice"
        return None

    def sample(self, n: int, rng: np.random.Generator) -> list[LossProgram]:
        """N programs: every operator, and every set of distinct operands, equally likely."""
        choices = np.empty((n, self.n_lines, 3), dtype=np.int64)
        choices[..., 0] = rng.integers(len(self.operators), size=(n, self.n_lines))
        n_slots = len(self.inputs) + np.arange(self.n_lines)
        choices[..., 1] = rng.integers(n_slots, size=(n, self.n_lines))
        second = rng.integers(n_slots - 1, size=(n, self.n_lines))
        choices[..., 2] = second + (second >= choices[..., 1])
        return [self._program(rows) for rows in choices.tolist()]


#: Handcrafted formulas are run as written: no clamp, and `eps` may be named.
HANDCRAFTED_SPACE = OperatorSpace(inputs=(*INPUTS, EPSILON), max_variables=16, clamp="none")
