"""The Pareto front of score against complexity, and who leads."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def pareto_front(entries: Iterable[T], complexity: Callable[[T], int], score: Callable[[T], float | None]) -> list[T]:
    """Return the entries for which no entry of at most the same complexity scores at least as well.

    Args:
        entries: in any order; of two with equal score and complexity the first stays.
        complexity: of an entry, such as its number of operators.
        score: higher is better; entries without a finite one are left out.

    Returns:
        By ascending complexity, and so by ascending score.
    """
    finite = [(entry, value) for entry in entries if (value := score(entry)) is not None and math.isfinite(value)]
    front: list[T] = []
    best = -math.inf
    for entry, value in sorted(finite, key=lambda one: (complexity(one[0]), -one[1])):
        if value > best:
            front.append(entry)
            best = value
    return front


def leading(
    entries: Sequence[T], score: Callable[[T], float], complexity: Callable[[T], int], at_most: int, simpler: int
) -> tuple[list[T], list[T]]:
    """Return the entries with the best scores, and the best of those that are simpler.

    Args:
        entries: of equally good ones the first leads.
        score: higher is better.
        complexity: of an entry, such as its number of operators.
        at_most: how many of the best.
        simpler: how many more, out of the Pareto front of score and complexity.

    Returns:
        Both from the best on.
    """
    order = sorted(entries, key=lambda one: -score(one))
    front = [one for one in pareto_front(order, complexity, score) if one not in order[:at_most]]
    return order[:at_most], front[::-1][:simpler]
