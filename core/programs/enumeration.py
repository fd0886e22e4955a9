"""Enumerate a space of programs: every loss of at most so many operators, each once, the simplest form of it.

Two programs are the same loss where their gradients d loss / d y_hat agree on probes: predictions across (0, 1) with
both labels, with the smallest and with a large smoothing term. So what is counted does not depend on how it is written.

The operands of an operator may be equal, as in y_hat + y_hat: section 3.3 of the paper forbids it, but a line that
copies y_hat gets round that.

Programs are grown line by line. A state is the set of functions that the lines compute so far, wherever they stand and
however they are written: states with the same functions go on alike, so one of them does. That is what makes a few
million programs of some hundred million. Functions are compared by value and gradient on the probes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np

from core.common.errors import UserError
from core.common.seeding import numpy_rng
from core.programs.operators import OPERATORS
from core.programs.probes import Probes, Seen
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace

#: With 5 operators there are some hundred thousand losses, found in minutes; with 6 some ten million.
MOST_OPERATORS = 5
#: Programs that are evaluated at once: 50 MB of values and gradients.
_AT_ONCE = 20_000
#: A gradient of less than this everywhere is none.
_NO_GRADIENT = 1e-9
#: Gradients so near to each other, the largest number being 1, have the same direction: the clamp makes 1.000001 of
#: some 1.
_SAME_DIRECTION = 1e-5


@dataclass(frozen=True)
class Enumerated:
    """All losses of a space that have a gradient, in the order of their number of operators."""

    space: OperatorSpace
    lines: np.ndarray
    """[n, most operators, 3] int16: number in `space.operators` and two slots of each line, as in LossProgram (the
    second is 0 for unary operators); -1 where a loss has fewer lines."""
    sizes: np.ndarray
    """Number of operators of each loss [n]."""
    gradients: np.ndarray
    """d loss / d y_hat on the probes [n, B] float64, see Probes."""
    same_direction: np.ndarray
    """For each loss, the number of the first one that differs from it by hardly more than a positive factor [n]."""

    def __len__(self) -> int:
        """Return the number of losses."""
        return len(self.sizes)

    def program(self, i: int) -> LossProgram:
        """Return loss number i."""
        return self.space.program(self.lines[i, : self.sizes[i]].tolist())


def enumerate_losses(space: OperatorSpace, most: int, report: Callable[[int, int], None] | None = None) -> Enumerated:
    """Return all losses of at most so many operators.

    Args:
        space: inputs, operators and clamp; its number of variables does not matter.
        most: operators of a loss, 1 to MOST_OPERATORS.
        report: told the number of operators that is being enumerated, and how many losses there are so far.

    Raises:
        UserError: another number of operators.
    """
    if not 1 <= most <= MOST_OPERATORS:
        raise UserError(f"size: expected 1 to {MOST_OPERATORS} operators, got {most}")
    grower, states = _Grower(space), _first_state(space)
    for size in range(1, most + 1):
        if report is not None:
            report(size, grower.n_losses)
        states = grower.grown(states, keep=size < most)
    return grower.enumerated(most)


@dataclass
class _States:
    """States of the same number of lines."""

    lines: np.ndarray
    """[n, lines, 3], as in Enumerated."""
    functions: np.ndarray
    """Numbers of the functions in the slots [n, inputs + lines]."""


def _first_state(space: OperatorSpace) -> _States:
    return _States(np.empty((1, 0, 3), dtype=np.int16), np.arange(len(space.inputs))[None])


class _Grower:
    """Adds lines to states, and collects the losses that come up."""

    def __init__(self, space: OperatorSpace) -> None:
        self._space = space
        self._probes = Probes(space)
        self._functions, self._losses = Seen(), Seen()
        self._found: list[tuple[np.ndarray, np.ndarray]] = []
        self.n_losses = 0
        names = [name for name in space.operators if not OPERATORS[name].transparent]
        names.sort(key=lambda name: OPERATORS[name].arity)  # y_hat^2 before y_hat*y_hat
        self._operators = [(space.operators.index(name), OPERATORS[name]) for name in names]
        self._functions.number(self._probes.inputs())

    def _next_lines(self, n_slots: int) -> np.ndarray:
        """Return every line that may follow where there are so many slots [m, 3]; operands may be equal, as in x + x.

        A genome says that with a line for `identity`, which is no operator of the loss.
        """
        lines = []
        for number, operator in self._operators:
            for a in range(n_slots):
                if operator.arity == 1:
                    lines.append((number, a, 0))
                    continue
                lines += [(number, a, b) for b in range(a if operator.commutative else 0, n_slots)]
        return np.array(lines, dtype=np.int16)

    def grown(self, states: _States, keep: bool) -> _States:
        """Return the states with one line more, after collecting what the new lines are as losses.

        Args:
            states: of one number of lines.
            keep: whether the new states are wanted; else none are returned.
        """
        following = self._next_lines(states.functions.shape[1])
        step = max(1, _AT_ONCE // len(following))
        lines, functions, known = list[np.ndarray](), list[np.ndarray](), set[bytes]()
        for first in range(0, len(states.lines), step):
            before = np.repeat(states.lines[first : first + step], len(following), axis=0)
            old = np.repeat(states.functions[first : first + step], len(following), axis=0)
            added = np.tile(following, (len(before) // len(following), 1))
            programs = np.concatenate([before, added[:, None]], axis=1)
            vectors, gradients = self._probes.evaluated(programs)
            self._collect(programs, vectors, gradients)
            if not keep:
                continue
            numbers, _ = self._functions.number(vectors)
            is_new = ~(old == numbers[:, None]).any(axis=1)
            grown = np.concatenate([old, numbers[:, None]], axis=1)[is_new]
            for program, state, key in zip(programs[is_new], grown, np.sort(grown, axis=1), strict=True):
                if (name := key.tobytes()) not in known:
                    known.add(name)
                    lines.append(program)
                    functions.append(state)
        none = np.empty((0, states.lines.shape[1] + 1, 3), dtype=np.int16)
        return _States(np.stack(lines) if lines else none, np.array(functions))

    def _collect(self, programs: np.ndarray, vectors: np.ndarray, gradients: np.ndarray) -> None:
        """Keep those programs that are new losses: finite, with a gradient that was not seen before."""
        with np.errstate(invalid="ignore"):
            is_loss = np.isfinite(vectors).all(axis=1) & (np.abs(gradients).max(axis=1) > _NO_GRADIENT)
        programs, gradients = programs[is_loss], gradients[is_loss]
        _, is_first = self._losses.number(gradients)
        self._found.append((programs[is_first], gradients[is_first]))
        self.n_losses += int(is_first.sum())

    def enumerated(self, most: int) -> Enumerated:
        """Return what was collected.

        Args:
            most: operators of the largest.
        """
        lines = np.full((self.n_losses, most, 3), -1, dtype=np.int16)
        sizes, at = np.empty(self.n_losses, dtype=np.int64), count()
        for programs, _ in self._found:
            for program in programs:
                i = next(at)
                lines[i, : len(program)], sizes[i] = program, len(program)
        gradients = np.concatenate([one for _, one in self._found])
        units = gradients / np.abs(gradients).max(axis=1)[:, None]
        return Enumerated(self._space, lines, sizes, gradients, _first_near(units))


def _first_near(units: np.ndarray) -> np.ndarray:
    """Return for each vector [n, B] the number of the first that is near it and near no earlier one [n]."""
    projected = units @ numpy_rng("enumeration", "projection").standard_normal(units.shape[1])
    order, slack = np.argsort(projected, kind="stable"), _SAME_DIRECTION * units.shape[1] * 4
    ends = (np.searchsorted(projected[order], projected + side) for side in (-slack, slack))
    found = np.arange(len(units))
    for i, (low, high) in enumerate(zip(*ends, strict=True)):
        if high - low > 1:
            near = order[low:high]
            near = near[(near < i) & (found[near] == near)]
            near = near[np.abs(units[near] - units[i]).max(axis=1, initial=0) <= _SAME_DIRECTION]
            found[i] = near.min(initial=i)
    return found
