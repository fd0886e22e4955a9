"""Parse and print the user's choice of operators."""

from __future__ import annotations

from core.common.errors import UserError, unknown_name
from core.programs.operators import OPERATORS, PAPER_OPERATORS


def chosen_operators(text: str) -> tuple[str, ...]:
    """Return the operators that a text chooses, in the order of the table.

    Args:
        text: `+exp,-log` adds to and removes from the operators of the paper, `add,mul,log` replaces them, an empty
            text keeps them.

    Raises:
        UserError: an unknown name, no operator left, or a mix of names with and without a sign.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    signed = [word for word in words if word[0] in "+-"]
    if signed and signed != words:
        raise UserError(f"operators: expected either +NAME and -NAME or a list of names, got {text!r}")
    names = {word.lstrip("+-"): word[0] != "-" for word in words}
    for name in names:
        if name not in OPERATORS:
            raise unknown_name("operator", name, OPERATORS)
    wanted = dict.fromkeys(PAPER_OPERATORS if signed or not words else (), True) | names
    chosen = tuple(name for name in OPERATORS if wanted.get(name, False))
    if not chosen:
        raise UserError(f"operators: expected at least one, but {text!r} leaves none; known: {', '.join(OPERATORS)}")
    return chosen


def operators_text(operators: tuple[str, ...]) -> str:
    """Return the shortest text that chooses these operators; empty for those of the paper."""
    plain = ",".join(operators)
    added = [f"+{name}" for name in operators if name not in PAPER_OPERATORS]
    changes = ",".join([*added, *(f"-{name}" for name in PAPER_OPERATORS if name not in operators)])
    return min(changes, plain, key=len)
