"""The search space of loss programs: paper, sections 3.3 and 5.1.4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from core.common.errors import UserError, unknown_name
from core.programs.hashing import COMMUTATIVE, IDEMPOTENT, ORDERED, TRANSPARENT, hash_programs
from core.programs.line import EPSILON, INPUTS, KNOWN_INPUTS, Line, line_of
from core.programs.operators import OPERATORS, PAPER_OPERATORS
from core.programs.probes import Probes
from core.programs.program import LossProgram
from core.programs.screening import draw_all
from core.search.decision import Decision, Kind
from core.search.space import MOST_DRAWN, Space, check_genomes

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
#: How much lower a positive rate may be on probes than on the pairs of the validation check.
_SLACK = 0.1


@dataclass(frozen=True)
class OperatorSpace(Space[LossProgram]):
    """The programs of given inputs, operators and length, and how their operators are clamped and smoothed.

    Raises:
        UserError: an unknown operator, input or clamp rule, or numbers out of range.
    """

    inputs: tuple[str, ...] = INPUTS
    """Names of the first slots."""
    operators: tuple[str, ...] = PAPER_OPERATORS
    """The operators to choose from."""
    max_variables: int = 10
    """The length of the variable set, inputs included (section 5.1.4)."""
    xi: float = 1e-6
    """The bounds of the clamp are xi and 1/xi; also the default smoothing term of log and reciprocal."""
    clamp: str = "signed"
    """How the result of every operator is clamped: signed, paper or none, see CLAMPS."""
    min_positive_rate: float | None = None
    """That of a strict validation check: what it would refuse is not viable. None: everything is."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for what, names, known in (("operator", self.operators, OPERATORS), ("input", self.inputs, KNOWN_INPUTS)):
            for name in names:
                if name not in known:
                    raise unknown_name(what, name, known)
            if len(set(names)) != len(names):
                raise UserError(f"operator space: expected distinct {what}s, got {', '.join(names)}")
        if self.clamp not in CLAMPS:
            raise unknown_name("clamp rule", self.clamp, CLAMPS)
        if not self.operators or len(self.inputs) < 2:
            raise UserError(
                "operator space: expected at least one operator and two inputs, "
                f"got {len(self.operators)} and {len(self.inputs)}"
            )
        if not 1 <= self.n_lines <= _MOST_LINES:
            least, most = len(self.inputs) + 1, len(self.inputs) + _MOST_LINES
            raise UserError(f"max_variables: expected {least} to {most}, got {self.max_variables}")
        if not 0 < self.xi < 1:
            raise UserError(f"xi: expected a number between 0 and 1, got {self.xi}")
        if not 0 <= (self.min_positive_rate or 0) <= 1:
            raise UserError(f"min_positive_rate: expected 0 to 1, got {self.min_positive_rate}")

    @property
    def n_lines(self) -> int:
        """Number of lines of a sampled program."""
        return self.max_variables - len(self.inputs)

    @cached_property
    def arities(self) -> tuple[int, ...]:
        """The arity of every operator, in the order of `operators`."""
        return tuple(OPERATORS[name].arity for name in self.operators)

    @cached_property
    def _is_binary(self) -> Tensor:
        return torch.tensor(self.arities) == 2

    @cached_property
    def _slots(self) -> Tensor:
        return torch.arange(self.max_variables)

    @cached_property
    def _is_slot(self) -> Tensor:
        """Which slots there are in each line [n_lines, slots]."""
        return self._slots < len(self.inputs) + torch.arange(self.n_lines)[:, None]

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """See Space: operator, first operand and second operand of each line."""
        slots = (*self.inputs, *(f"v{i}" for i in range(self.n_lines)))
        operator, first, second = Kind("operator", self.operators), Kind("first", slots), Kind("second", slots)
        decisions: list[Decision] = []
        for i in range(self.n_lines):
            n_slots = len(self.inputs) + i
            decisions.append(Decision(f"op_{i}", operator, len(self.operators)))
            decisions += (Decision(f"a_{i}", first, n_slots), Decision(f"b_{i}", second, n_slots))
        return tuple(decisions)

    def open(self, i: int, chosen: Sequence[Tensor]) -> Tensor | None:
        """See Space: the second operand differs from the first (section 3.3)."""
        if i % 3 != 2:
            return None
        return self._slots[: self.decisions[i].size] != chosen[i - 1][:, None]

    def used(self, i: int, chosen: Sequence[Tensor]) -> Tensor | None:
        """See Space: the second operand counts only for binary operators."""
        return self._is_binary[chosen[i - 2]] if i % 3 == 2 else None

    def open_by_kind(self, genomes: Tensor) -> list[Tensor | None]:
        """See Space."""
        return [None, None, self._is_slot & (self._slots != genomes[:, 1::3, None])]

    def used_by_kind(self, genomes: Tensor) -> list[Tensor | None]:
        """See Space."""
        return [None, None, self._is_binary[genomes[:, ::3]]]

    def repaired(self, genomes: np.ndarray) -> np.ndarray:
        """See Space; a second operand equal to the first is replaced by the next slot."""
        fixed = genomes.reshape(len(genomes), self.n_lines, 3).astype(np.int64)
        operator, first, second = fixed[..., 0], fixed[..., 1], fixed[..., 2]
        following = (second + 1) % (len(self.inputs) + np.arange(self.n_lines))
        binary = np.where(second == first, following, second)
        fixed[..., 2] = np.where(np.array(self.arities)[operator] == 1, first == 0, binary)
        return fixed.reshape(genomes.shape)

    def counts(self, genomes: np.ndarray) -> np.ndarray:
        """See Space: those of the lines that the last line, the loss, depends on."""
        programs, n_inputs = genomes.reshape(len(genomes), self.n_lines, 3), len(self.inputs)
        is_binary = np.array(self.arities)[programs[..., 0]] == 2
        live = np.zeros((len(genomes), self.max_variables), dtype=bool)  # the slots
        live[:, -1] = True
        for i in range(self.n_lines - 1, -1, -1):
            own = np.flatnonzero(live[:, n_inputs + i])
            live[own, programs[own, i, 1]] = True
            both = own[is_binary[own, i]]
            live[both, programs[both, i, 2]] = True
        counted = np.repeat(live[:, n_inputs:, None], 3, axis=2)
        counted[..., 2] &= is_binary
        return counted.reshape(genomes.shape)

    @cached_property
    def cuts(self) -> tuple[int, ...]:
        """See Space: between lines.

        A line refers to inputs and earlier lines only, so programs can exchange their tails. They could not exchange
        subtrees, which may not fit into the bounded number of variables.
        """
        return tuple(range(3, 3 * self.n_lines, 3))

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """See Space: every operator, and every pair of distinct operands, is equally likely."""
        programs = np.empty((n, self.n_lines, 3), dtype=np.int64)
        draw_all(_seed(rng), np.array(self.arities), len(self.inputs), programs)
        return programs.reshape(n, 3 * self.n_lines)

    def drawn(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """See Space; in compiled code."""
        if self.min_positive_rate is None:
            return self.sample(n, rng)
        programs = self._probes.drawn(_seed(rng), n, MOST_DRAWN * n, self.min_positive_rate - _SLACK)
        return programs.reshape(n, 3 * self.n_lines)

    def viable(self, genomes: np.ndarray) -> np.ndarray:
        """See Space: a check on some 48 pairs, where the validation check has 2,000 and the last word."""
        if self.min_positive_rate is None:
            return super().viable(genomes)
        programs = genomes.reshape(len(genomes), self.n_lines, 3)
        return self._probes.passes(programs, self.min_positive_rate - _SLACK)

    @cached_property
    def _probes(self) -> Probes:
        return Probes(self)

    def features(self, genomes: np.ndarray) -> np.ndarray:
        """See Space: gradients with respect to the logit, see `Probes.features`.

        A Gaussian process that has seen 300 of 8,087 losses orders 3,000 others by them as their trainings do, with a
        rank correlation of .9 (docs/results.md).
        """
        return self._probes.features(genomes.reshape(len(genomes), self.n_lines, 3))

    def hashes(self, genomes: np.ndarray) -> np.ndarray:
        """See Space; equal for programs with the same canonical form."""
        found, programs = np.empty(len(genomes), dtype=np.uint64), genomes.reshape(len(genomes), self.n_lines, 3)
        hash_programs(programs, np.array(self.arities), self._folding, len(self.inputs), found)
        return found

    @cached_property
    def _folding(self) -> np.ndarray:
        rows = [OPERATORS[name] for name in self.operators]
        rules = [(row.transparent, row.idempotent, row.commutative) for row in rows]
        return np.select(list(np.array(rules).T), (TRANSPARENT, IDEMPOTENT, COMMUTATIVE), ORDERED)

    def decode(self, genomes: np.ndarray) -> list[LossProgram]:
        """See Space."""
        check_genomes(genomes, self)
        return [self.program(rows) for rows in genomes.reshape(len(genomes), self.n_lines, 3).tolist()]

    def program(self, rows: Sequence[Sequence[int]]) -> LossProgram:
        """Return the program of valid rows, without the checks of the constructor, which takes three times as long.

        Args:
            rows: number of the operator and two slots of each line; the second slot of a unary operator is not read.
        """
        operators, arities = self.operators, self.arities
        return LossProgram.trusted(
            tuple([line_of(operators[row[0]], tuple(row[1 : 1 + arities[row[0]]])) for row in rows]), self.inputs
        )

    def encode(self, candidate: LossProgram) -> np.ndarray:
        """See Space. A shorter program is padded with `identity` lines, so that the last slot still holds its loss."""
        problem = self._outside(candidate)
        if problem:
            raise UserError(f"program {candidate}: {problem}")
        genome: list[int] = []
        for operator, operands in self._spelled(candidate):
            genome += (self.operators.index(operator), *operands, *(0,) * (2 - len(operands)))
        while len(genome) < 3 * self.n_lines:
            genome += (self.operators.index("identity"), len(self.inputs) + len(genome) // 3 - 1, 0)
        (found,) = self.repaired(np.array([genome], dtype=np.int64))
        return np.asarray(found)

    def parse(self, text: str) -> LossProgram:
        """See Space: parses a formula."""
        return LossProgram.parse(text).canonical

    def __contains__(self, program: LossProgram) -> bool:
        """Return whether a searcher of this space could have proposed the program."""
        return self._outside(program) is None

    def _outside(self, program: LossProgram) -> str | None:
        if program.inputs != self.inputs:
            return f"expected the inputs {self.inputs}, got {program.inputs}"
        lines = self._spelled(program)
        twice = " (operands are distinct, section 3.3, so that what is one twice is copied)"
        if len(lines) > self.n_lines:
            copied = "" if len(lines) == len(program.lines) else twice
            return f"expected at most {self.n_lines} lines, got {len(lines)}{copied}"
        if len(lines) < self.n_lines and "identity" not in self.operators:
            return f"expected {self.n_lines} lines (there is no identity to fill up with), got {len(lines)}"
        for operator, _ in lines:
            if operator not in self.operators:
                copied = "" if operator != "identity" or lines == list(program.lines) else twice
                return f"expected operators out of {', '.join(self.operators)}, got {operator}{copied}"
        return None

    def _spelled(self, program: LossProgram) -> list[Line]:
        """Return the lines of a program in which a slot that is both operands of an operator has a copy."""
        n_inputs, lines, copies = len(program.inputs), list[Line](), dict[int, int]()
        slots = list(range(n_inputs))
        for operator, operands in program.lines:
            first, *others = [slots[operand] for operand in operands]
            if others == [first]:
                if first not in copies:
                    copies[first] = n_inputs + len(lines)
                    is_repeated = "identity" not in self.operators and first >= n_inputs
                    lines.append(lines[first - n_inputs] if is_repeated else Line("identity", (first,)))
                others = [copies[first]]
            slots.append(n_inputs + len(lines))
            lines.append(Line(operator, (first, *others)))
        return lines


#: Handcrafted formulas are run as written: no clamp, and `eps` may be named.
HANDCRAFTED_SPACE = OperatorSpace(inputs=(*INPUTS, EPSILON), max_variables=16, clamp="none")


def _seed(rng: np.random.Generator) -> np.uint64:
    """Draw the seed of a generator of compiled code."""
    (seed,) = rng.integers(2**64, size=1, dtype=np.uint64)
    return np.uint64(seed)
