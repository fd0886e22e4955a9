"""Compare two sorted arrays of numbers, in compiled code."""

from __future__ import annotations

from core.common.jit import compiled


@compiled()
def pairs_won(below, above):
    """Count the pairs (b, a) of `below` and `above`: two for each pair with a > b, one for each tie.

    Args:
        below: numbers in ascending order [n], NaN last.
        above: numbers in ascending order [m], NaN last.
    """
    smaller = not_larger = won = 0
    for value in above:
        while smaller < len(below) and below[smaller] < value:
            smaller += 1
        while not_larger < len(below) and below[not_larger] <= value:
            not_larger += 1
        won += smaller + not_larger
    return won
