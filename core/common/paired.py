"""Paired tests over seeds: Wilcoxon's signed-rank test, and Holm's correction where several questions are asked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np
from scipy.stats import wilcoxon

from core.common.errors import counted


def signed_rank_p(gains: Sequence[float] | np.ndarray) -> float | None:
    """Compute the p-value of the two-sided Wilcoxon signed-rank test.

    Args:
        gains: differences of pairs [n], n at least 1.

    Returns:
        1 where all are zero, of which the library knows nothing; None where one is not finite.
    """
    values = np.asarray(gains, dtype=float)
    if not np.isfinite(values).all():
        return None
    return float(wilcoxon(values).pvalue) if values.any() else 1.0


def smallest_p(n_pairs: int) -> float:
    """Return the smallest p-value of that test: all differences of one sign, 2 of 2^n cases."""
    return 2.0 / 2.0**n_pairs


def won(gains: Sequence[float], level: float = 0.05) -> str:
    """Return in words how many pairs are better, and the p-value where so many can come below a level.

    Args:
        gains: finite differences of pairs, positive ones better [n].
        level: the level.
    """
    p = f", Wilcoxon p = {signed_rank_p(gains):.2g}" if smallest_p(len(gains)) < level else ""
    return f"better with {sum(gain > 0 for gain in gains)} of {counted(len(gains), 'seed')}{p}"


def pairs_needed(n_tests: int, level: float) -> int:
    """Return how many pairs it takes that one of so many tests can pass a level after Holm's correction.

    Args:
        n_tests: how many there are.
        level: which p-values have to be below.
    """
    return next(n for n in count(1) if smallest_p(n) * n_tests < level)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values by Holm's step-down rule (Scandinavian Journal of Statistics 6, 1979): at most 1, in order.

    Args:
        p_values: [n], one for each question; n may be 0.
    """
    raw = np.asarray(p_values, dtype=float)
    order = np.argsort(raw)
    corrected = np.empty_like(raw)
    corrected[order] = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1)).clip(max=1.0)
    return [float(p) for p in corrected]
