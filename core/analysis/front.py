"""The Pareto front of score against complexity."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def pareto_front(entries: Iterable[T], complexity: Callable[[T], int], score: Callable[[T], float | None]) -> list[T]:
    """Return the entries for which no entry with at most as many operators scores at least as well.

    Args:
        entries: in any order; of two with equal score and complexity the first stays.
        complexity: number of operators.
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
