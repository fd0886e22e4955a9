"""What is recommended, whatever users like of it: how many different items, and how popular ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.common.errors import UserError


@dataclass(frozen=True)
class Exposure:
    """Numbers about lists of recommended items."""

    coverage: float
    """The share of all items that are in a list, from 0 to 1."""
    gini: float
    """The Gini coefficient of how many lists items are in, over all items: 0 where all are in as many, near 1 where few
    items fill all lists."""
    popularity: float
    """The average recommendation popularity (ARP): the mean over users of how many users have an item of their list in
    the training part."""


def measure_exposure(top: np.ndarray, popularity: np.ndarray) -> Exposure:
    """Measure lists of recommended items.

    Args:
        top: [N, k] items, -1 where a list is shorter; see `Ranks.top`.
        popularity: [n_items] how many users have each item in the training part.

    Raises:
        UserError: there are no lists.
    """
    listed = top >= 0
    if not listed.any():
        raise UserError("exposure: expected lists of recommended items, got none; rank items with top of 1 or more")
    times = np.sort(np.bincount(top[listed], minlength=len(popularity)))
    n, place = len(times), np.arange(1, len(times) + 1)
    gini = float(((2 * place - n - 1) * times).sum()) / (n * int(times.sum()))
    known = np.where(listed, popularity[np.where(listed, top, 0)], 0).sum(axis=1)
    lengths = listed.sum(axis=1)
    some = lengths > 0
    return Exposure(float((times > 0).mean()), gini, float((known[some] / lengths[some]).mean()))
