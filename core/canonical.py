"""Folding a program to the form that decides whether two programs are the same.

Folded: dead lines, `identity`, the order of operands of commutative operators, repeated lines, and the
larger or smaller of a line and itself. All of it keeps value and gradient exactly under every clamp, so
running, printing, comparing and counting all use this form.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.line import KNOWN_INPUTS, Line
from core.operators import OPERATORS


class _Nodes:
    """Hash-consed expressions: equal ones get the same number."""

    def __init__(self, inputs: Sequence[str]) -> None:
        self.operators: list[str] = list(inputs)
        self.children: list[tuple[int, ...]] = [() for _ in inputs]
        # Leaves first and in one order, then small before large, then by their text: an order
        # that depends on what an expression is and not on where it was written.
        self.order: list[tuple[int, int, str]] = [(0, KNOWN_INPUTS.index(name), name) for name in inputs]
        self._numbers: dict[tuple[str, tuple[int, ...]], int] = {}

    def add(self, operator: str, children: tuple[int, ...]) -> int:
        if OPERATORS[operator].commutative and self.order[children[0]] > self.order[children[1]]:
            children = children[::-1]
        found = self._numbers.setdefault((operator, children), len(self.operators))
        if found == len(self.operators):
            self.operators.append(operator)
            self.children.append(children)
            size = 1 + sum(self.order[c][0] for c in children)
            text = f"{operator}({','.join(self.order[c][2] for c in children)})"
            self.order.append((size, 0, text))
        return found


def fold(inputs: Sequence[str], lines: Sequence[Line]) -> tuple[Line, ...]:
    """The canonical lines of a program, in the order of a walk from the loss down.

    A program that is one of its inputs keeps a single `identity` line.
    """
    nodes = _Nodes(inputs)
    slots = list(range(len(inputs)))
    for operator, operands in lines:
        children = tuple(slots[o] for o in operands)
        # An input is not clamped as a line is, so max(y, y) is not y.
        is_itself = operator in ("max", "min") and children[0] == children[1] >= len(inputs)
        folds = is_itself or operator == "identity"
        slots.append(children[0] if folds else nodes.add(operator, children))
    return _emit(nodes, slots[-1], len(inputs))


def _emit(nodes: _Nodes, root: int, n_inputs: int) -> tuple[Line, ...]:
    """Lines for `root`, operands before operators, left before right (no recursion)."""
    if root < n_inputs:
        return (Line("identity", (root,)),)
    slot_of = {i: i for i in range(n_inputs)}
    lines: list[Line] = []
    stack = [root]
    while stack:
        node = stack[-1]
        waiting = [c for c in nodes.children[node] if c not in slot_of]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        stack.pop()
        if node not in slot_of:
            slot_of[node] = n_inputs + len(lines)
            lines.append(Line(nodes.operators[node], tuple(slot_of[c] for c in nodes.children[node])))
    return tuple(lines)
