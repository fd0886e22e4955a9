"""Evaluate many programs at once, value and gradient in one pass of forward-mode differentiation.

Only d loss / d y_hat is needed: the derivative of one output by one input. Forward mode costs no more than reverse
mode here, stores nothing for a backward pass, and computes parts that programs share once: every slot is a dual number
(value, tangent). Slots of equal depth and operator are computed together, whichever program they belong to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from core.losses.loss import ProgramLoss
from core.programs.clamp import clamp, clamp_derivative
from core.programs.line import EPSILON
from core.programs.operators import OPERATORS


@dataclass(frozen=True)
class _Slot:
    """A distinct expression; equal ones share a slot. `owner` is the row of y_hat that it depends on, if any."""

    operator: str
    children: tuple[int, ...]
    owner: int | None
    depth: int
    epsilon: float
    clamp: str
    xi: float

    @property
    def group(self) -> tuple[int, str, bool, str, float]:
        """Slots of one group are computed together."""
        return (self.depth, self.operator, self.owner is not None, self.clamp, self.xi)


@dataclass(frozen=True)
class _Group:
    operator: str
    operands: tuple[Tensor, ...]  # one index of rows [G] for each operand
    epsilon: Tensor  # [G, 1]
    clamp: str
    xi: float
    varies: bool  # with y_hat
    start: int
    stop: int


class BatchedPrograms:
    """K programs, evaluated together.

    Args:
        losses: the K programs with their spaces, smoothing terms and scales.
        shared: whether all programs get the same y_hat [B] instead of a row of [K, B] each; then subexpressions that
            programs share are computed once.
        device: where to compute.
        dtype: float32 or float64.
    """

    def __init__(
        self, losses: Sequence[ProgramLoss], *, shared: bool, device: torch.device, dtype: torch.dtype
    ) -> None:
        self._n_owners = 1 if shared else len(losses)
        builder = _Builder(self._n_owners)
        roots = [builder.add(0 if shared else k, loss) for k, loss in enumerate(losses)]
        row_of, self._groups = builder.groups(device, dtype)
        self._constants = torch.tensor(builder.constants, device=device, dtype=dtype)[:, None]  # [C, 1]
        self._roots = torch.tensor([row_of[root] for root in roots], device=device)
        self._n_rows = len(row_of)
        scales = torch.tensor([[loss.scale] for loss in losses], device=device, dtype=dtype)  # [K, 1]
        self._scales = scales if any(loss.scale != 1 for loss in losses) else None

    def __call__(self, y_hat: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the losses and their gradients d loss / d y_hat, both [K, B].

        Args:
            y_hat: predictions [K, B], or [B] if `shared`.
            y: labels [B].
        """
        width = y_hat.shape[-1]
        values = y_hat.new_empty(self._n_rows, width)
        tangents = y_hat.new_zeros(self._n_rows, width)
        n = self._n_owners
        values[:n] = y_hat
        values[n] = y
        values[n + 1 : n + 1 + len(self._constants)] = self._constants
        tangents[:n] = 1
        for group in self._groups:
            _compute(group, values, tangents)
        values, tangents = values.index_select(0, self._roots), tangents.index_select(0, self._roots)
        return (values, tangents) if self._scales is None else (values * self._scales, tangents * self._scales)


def _compute(group: _Group, values: Tensor, tangents: Tensor) -> None:
    """Fill the rows of one group."""
    operator = OPERATORS[group.operator]
    operands = [values.index_select(0, rows) for rows in group.operands]
    result = operator.value(*operands, group.epsilon)
    clamped = clamp(result, group.clamp, group.xi)
    values[group.start : group.stop] = clamped
    if not group.varies:
        return
    derivatives = operator.derivatives(*operands, group.epsilon)
    tangent = derivatives[0] * tangents.index_select(0, group.operands[0])
    for derivative, rows in zip(derivatives[1:], group.operands[1:], strict=True):
        tangent = tangent + derivative * tangents.index_select(0, rows)
    if group.clamp != "none":
        tangent = tangent * clamp_derivative(result, clamped)
    tangents[group.start : group.stop] = tangent


class _Builder:
    """Collects the distinct slots of many programs: the rows of y_hat, y, 1, smoothing terms, then operators."""

    def __init__(self, n_owners: int) -> None:
        self.n_owners = n_owners
        self.constants: list[float] = [1.0]
        self._slots: list[_Slot] = []
        self._numbers: dict[tuple[object, ...], int] = {}
        # Slots get negative numbers for leaves, so that constants can still be added.
        self._leaves: dict[object, int] = {}

    def _leaf(self, what: object) -> int:
        return self._leaves.setdefault(what, -1 - len(self._leaves))

    def add(self, owner: int, loss: ProgramLoss) -> int:
        """Add a program for a row of y_hat; return the number of the slot that holds its loss."""
        epsilon, space = loss.smoothing, loss.space
        slots: list[tuple[int, int | None, int]] = []  # number, owner, depth
        for name in loss.program.inputs:
            if name == "y_hat":
                slots.append((self._leaf(("y_hat", owner)), owner, 0))
            elif name == EPSILON:
                slots.append((self._leaf((EPSILON, epsilon)), None, 0))
            else:
                slots.append((self._leaf(name), None, 0))
        for operator, operands in loss.program.canonical.lines:
            if OPERATORS[operator].transparent:  # only when the whole loss is an input
                slots.append(slots[operands[0]])
                continue
            children = tuple(slots[o][0] for o in operands)
            needs = owner if any(slots[o][1] is not None for o in operands) else None
            depth = 1 + max(slots[o][2] for o in operands)
            key = (operator, children, epsilon, space.clamp, space.xi)
            number = self._numbers.setdefault(key, len(self._slots))
            if number == len(self._slots):
                self._slots.append(_Slot(operator, children, needs, depth, epsilon, space.clamp, space.xi))
            slots.append((number, needs, depth))
        return slots[-1][0]

    def groups(self, device: torch.device, dtype: torch.dtype) -> tuple[dict[int, int], list[_Group]]:
        """Return the row of every slot, and the groups of slots in the order of computation."""
        row_of = {self._leaf(("y_hat", owner)): owner for owner in range(self.n_owners)}
        row_of[self._leaf("y")] = self.n_owners
        row_of[self._leaf("1")] = self.n_owners + 1
        for what, number in self._leaves.items():
            if isinstance(what, tuple) and what[0] == EPSILON:
                row_of[number] = len(row_of)
                self.constants.append(what[1])
        order = sorted(range(len(self._slots)), key=lambda i: self._slots[i].group)
        groups = []
        for (_, operator, varies, rule, xi), members in groupby(order, key=lambda i: self._slots[i].group):
            numbers, start = list(members), len(row_of)
            row_of.update((number, start + i) for i, number in enumerate(numbers))
            columns = zip(*(self._slots[i].children for i in numbers), strict=True)
            operands = tuple(torch.tensor([row_of[c] for c in column], device=device) for column in columns)
            epsilon = torch.tensor([[self._slots[i].epsilon] for i in numbers], device=device, dtype=dtype)
            groups.append(_Group(operator, operands, epsilon, rule, xi, varies, start, len(row_of)))
        return row_of, groups
