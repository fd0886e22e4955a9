"""Print a program as a formula: `(y - y_hat)^2`, `max(y_hat, 1/(y))`.

Parsing a printed formula gives a program with the same key. The smoothing term of `log` and `1/(x)` is not
printed, see `core.programs.operators`.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.programs.line import EPSILON, Line
from core.programs.operators import OPERATORS
from core.programs.operators.writing import CALL, PRODUCT, SUM


def formula(inputs: Sequence[str], lines: Sequence[Line]) -> str:
    """Return canonical lines as a formula; an `identity` line prints as its operand.

    Args:
        inputs: names of the first slots.
        lines: the canonical lines.
    """
    texts: list[tuple[str, int]] = [(name, CALL) for name in inputs]
    for line in lines:
        texts.append(_written(line, lines, texts, len(inputs)))
    return texts[-1][0]


def _written(line: Line, lines: Sequence[Line], texts: list[tuple[str, int]], n_inputs: int) -> tuple[str, int]:
    """Return text and precedence of a line, given those of the slots before it."""

    def made_by(slot: int, operator: str) -> bool:
        return slot >= n_inputs and lines[slot - n_inputs].operator == operator

    row = OPERATORS[line.operator]
    operands = list(line.operands)
    if row.transparent:
        return texts[operands[0]]
    if row.name == "add":  # a + (-b) is written a - b
        operands.sort(key=lambda o: made_by(o, "neg"))
        if made_by(operands[1], "neg"):
            subtracted = lines[operands[1] - n_inputs].operands[0]
            return f"{_within(texts[operands[0]], SUM)} - {_within(texts[subtracted], PRODUCT)}", row.precedence
    if row.name == "mul":  # a * (1/(b)) is written a/(b), but 1/(b) alone means reciprocal
        operands.sort(key=lambda o: made_by(o, "reciprocal"))
        if made_by(operands[1], "reciprocal") and texts[operands[0]][0] != "1":
            divisor = lines[operands[1] - n_inputs].operands[0]
            below = _inside(divisor, "reciprocal", lines, texts, n_inputs)
            return f"{_within(texts[operands[0]], PRODUCT)}/({below})", row.precedence
    if row.precedence == CALL or row.name == "reciprocal":  # its own brackets hold the operands
        return row.template.format(*(_inside(o, row.name, lines, texts, n_inputs) for o in operands)), row.precedence
    # Sums and products group to the left; a sign or a power takes no bare sign or power.
    left = row.precedence + (row.arity == 1)
    bounds = (left, row.precedence + 1)
    return row.template.format(*(_within(texts[o], b) for o, b in zip(operands, bounds, strict=False))), row.precedence


def _inside(slot: int, operator: str, lines: Sequence[Line], texts: list[tuple[str, int]], n_inputs: int) -> str:
    """Return the text of an operand between the brackets that belong to its operator.

    The parser drops one `+ eps` inside `log` and `1/`, taking it for the smoothing term that these add. So a sum that
    has an `eps` term is printed with another one for the smoothing term.
    """
    smoothed = OPERATORS[operator].smoothed and _has_epsilon_term(slot, lines, texts, n_inputs)
    return f"{texts[slot][0]} + {EPSILON}" if smoothed else texts[slot][0]


def _has_epsilon_term(slot: int, lines: Sequence[Line], texts: list[tuple[str, int]], n_inputs: int) -> bool:
    pending, seen = [slot], set[int]()
    while pending:
        here = pending.pop()
        if here < n_inputs:
            if texts[here][0] == EPSILON and here != slot:
                return True
        elif lines[here - n_inputs].operator == "add" and here not in seen:
            seen.add(here)
            pending.extend(lines[here - n_inputs].operands)
    return False


def _within(text: tuple[str, int], lowest: int) -> str:
    """Return the text, in brackets if its precedence is below `lowest`."""
    return text[0] if text[1] >= lowest else f"({text[0]})"
