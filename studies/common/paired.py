"""Paired tests over seeds: Wilcoxon's signed-rank test, and Holm's correction where several questions are asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import wilcoxon


def signed_rank_p(gains: Sequence[float] | np.ndarray) -> float:
    """p-value of the two-sided Wilcoxon signed-rank test.

    Args:
        gains: finite differences of pairs [n], n at least 1.

    Returns:
        1 where all are zero, of which the library knows nothing.
    """
    values = np.asarray(gains, dtype=float)
    return float(wilcoxon(values).pvalue) if values.any() else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values after Holm's step-down correction (Scandinavian Journal of Statistics 6, 1979): at most 1, in order.

    Args:
        p_values: [n], one for each question; n may be 0.
    """
    raw = np.asarray(p_values, dtype=float)
    order = np.argsort(raw)
    corrected = np.empty_like(raw)
    corrected[order] = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1)).clip(max=1.0)
    return [float(p) for p in corrected]
