"""Fold a program to its canonical form, by which programs are compared.

Folding removes dead lines, `identity`, repeated lines, and the maximum or minimum of a line and itself, and sorts the
operands of commutative operators. All of this keeps value and gradient exactly under every clamp, so running,
printing, comparing and counting all use the canonical form.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

from core.programs.line import KNOWN_INPUTS, Line, line_of
from core.programs.operators import OPERATORS

_COMMUTATIVE = frozenset(name for name, row in OPERATORS.items() if row.commutative)
_IDEMPOTENT = frozenset(name for name, row in OPERATORS.items() if row.idempotent)
_TRANSPARENT = frozenset(name for name, row in OPERATORS.items() if row.transparent)
#: Below 0; the rank of an expression with operators is how many it has.
_LEAF_RANKS = {name: i - len(KNOWN_INPUTS) for i, name in enumerate(KNOWN_INPUTS)}


class _Nodes:
    """Hash-consed expressions: equal ones get the same number."""

    def __init__(self, inputs: Sequence[str]) -> None:
        self.nodes: list[tuple[str, tuple[int, ...]]] = [(name, ()) for name in inputs]  # operator and children
        # Leaves first and in one order, then small before large, then by their text: an order
        # that depends on what an expression is and not on where it was written.
        self._ranks = [_LEAF_RANKS[name] for name in inputs]
        self._texts = list(inputs)
        self._numbers: dict[tuple[str, tuple[int, ...]], int] = {}

    def add(self, operator: str, children: tuple[int, ...]) -> int:
        if operator in _COMMUTATIVE and self._is_before(children[1], children[0]):
            children = children[::-1]
        node = (operator, children)
        number = self._numbers.setdefault(node, len(self.nodes))
        if number == len(self.nodes):
            self.nodes.append(node)
            size = 1
            for child in children:
                if self._ranks[child] > 0:
                    size += self._ranks[child]
            self._ranks.append(size)
        return number

    def _is_before(self, one: int, other: int) -> bool:
        rank, other_rank = self._ranks[one], self._ranks[other]
        if rank != other_rank or one == other:
            return rank < other_rank
        return self._text(one) < self._text(other)

    def _text(self, number: int) -> str:
        """Return an expression written out; made lazily, from the leaves up, since chains may be long."""
        for operator, children in self.nodes[len(self._texts) : number + 1]:
            self._texts.append(f"{operator}({','.join([self._texts[c] for c in children])})")
        return self._texts[number]


def fold(inputs: Sequence[str], lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return the canonical lines of a program, in depth-first order from the loss down.

    A program that equals one of its inputs keeps a single `identity` line.

    Args:
        inputs: names of the first slots.
        lines: the program; the last line is the loss.
    """
    expressions, n_inputs = _Nodes(inputs), len(inputs)
    node_of = list(range(n_inputs + len(lines)))
    for slot, (operator, operands) in compress(enumerate(lines, n_inputs), _live(lines, n_inputs)):
        children = tuple([node_of[o] for o in operands])
        # An input is not clamped as a line is, so max(y, y) is not y.
        is_itself = operator in _IDEMPOTENT and children[0] == children[1] >= n_inputs
        folds = is_itself or operator in _TRANSPARENT
        node_of[slot] = children[0] if folds else expressions.add(operator, children)
    return _emit(expressions.nodes, node_of[-1], n_inputs)


def _live(lines: Sequence[Line], n_inputs: int) -> list[bool]:
    """Return for each line whether the last line depends on it; the last line counts too."""
    live = [False] * (n_inputs + len(lines))
    live[-1] = True
    for slot in range(len(live) - 1, n_inputs - 1, -1):
        if live[slot]:
            for operand in lines[slot - n_inputs].operands:
                live[operand] = True
    return live[n_inputs:]


def _emit(nodes: Sequence[tuple[str, tuple[int, ...]]], root: int, n_inputs: int) -> tuple[Line, ...]:
    """Return the lines of the expression `root`, operands before operators, left before right, without recursion."""
    if root < n_inputs:
        return (Line("identity", (root,)),)
    slot_of = {i: i for i in range(n_inputs)}
    lines: list[Line] = []
    stack = [root]
    while stack:
        operator, children = nodes[stack[-1]]
        for child in children:
            if child not in slot_of:
                stack.append(child)
                break
        else:
            slot_of[stack.pop()] = n_inputs + len(lines)
            lines.append(line_of(operator, tuple([slot_of[c] for c in children])))
    return tuple(lines)
