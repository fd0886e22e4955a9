"""Successive halving (Jamieson and Talwalkar, AISTATS 2016): of candidates that are trained together the best go on.

After a first, short training the best share of them is trained further, after that the best of those, and so on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def rungs(most: int, factor: int) -> list[int]:
    """Return the epochs after which candidates are compared, ascending, the last one the most.

    Args:
        most: epochs of a whole training, at least 1.
        factor: each training but the last is a factor shorter than the next one; 1: there is one training.
    """
    found = [most]
    while factor > 1 and found[0] >= factor:
        found.insert(0, found[0] // factor)
    return found


def survivors(scores: Sequence[float], factor: int) -> list[int]:
    """Return the numbers of the best share of candidates, ascending: one in so many, rounded up.

    Args:
        scores: of those that were trained equally long, higher is better; what is not finite is the worst. Of equal
            ones the first goes on.
        factor: one in so many.
    """
    ranked = sorted(range(len(scores)), key=lambda i: -scores[i] if math.isfinite(scores[i]) else math.inf)
    return sorted(ranked[: math.ceil(len(scores) / factor)])
