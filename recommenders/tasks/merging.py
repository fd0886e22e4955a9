"""Comparing two ordered rows of numbers, as machine code."""

from __future__ import annotations

from core.common.jit import compiled


@compiled()
def pairs_won(below, above):
    """Count the pairs (b, a) of `below` and `above`: two for each with a > b, one for each tie.

    Args:
        below: [n], ascending, NaN last.
        above: [m], the same.
    """
    smaller = not_larger = won = 0
    for value in above:
        while smaller < len(below) and below[smaller] < value:
            smaller += 1
        while not_larger < len(below) and below[not_larger] <= value:
            not_larger += 1
        won += smaller + not_larger
    return won
