"""Cut columns of numbers into bins, coarsely and finely (multi-granularity discretisation, AutoCross, section 4.4).

As published bins have equal widths, 10, 100, 1,000 and so on of them between the smallest and the largest number of the
training part. Quantiles are the other way: as many rows in each bin. All cuts of a column are cuts of its finest one,
the union of all edges, so a row has one code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.crosses.cross import Feature
from recommenders.data.fields.column import MISSING, FieldColumn, code_type


@dataclass(frozen=True, eq=False)
class Binning:
    """The cuts of a column of numbers. Code 0 is a missing number, code 1 + i one with i edges at or below it."""

    cuts: Mapping[Feature, np.ndarray]
    """The edges of each cut, ascending."""
    edges: np.ndarray = field(init=False)
    """Those of the finest cut."""

    def __post_init__(self) -> None:
        """Join the edges."""
        object.__setattr__(self, "edges", np.unique(np.concatenate([np.zeros(0), *self.cuts.values()])))

    @property
    def n_codes(self) -> int:
        """The number of codes of the finest cut."""
        return len(self.edges) + 2

    def codes(self, numbers: np.ndarray) -> np.ndarray:
        """Return the codes of the finest cut, uint16 or uint32 [n].

        Args:
            numbers: [n], NaN where missing.
        """
        places = 1 + np.searchsorted(self.edges, numbers, side="right")
        places[np.isnan(numbers)] = MISSING
        return places.astype(code_type(self.n_codes))

    def coarser(self, feature: Feature) -> np.ndarray:
        """Return the code of a cut for each code of the finest one, int32 [n_codes].

        Args:
            feature: one of the cuts.
        """
        within = 1 + np.searchsorted(self.cuts[feature], self.edges, side="right")
        return np.concatenate([[MISSING, 1], within]).astype(np.int32)


def find_cuts(column: FieldColumn, rows: slice, spacings: str, levels: int) -> dict[Feature, np.ndarray]:
    """Return the cuts of a column of numbers; those that cut nothing, or where others do, are left out.

    Args:
        column: with numbers.
        rows: the training part.
        spacings: those of core.crosses.cross.SPACINGS that are wanted.
        levels: the number of cuts for each spacing: 10, 100, 1,000 bins and so on.
    """
    numbers = column.values[rows]
    ordered = np.sort(numbers[np.isfinite(numbers)])
    found: dict[Feature, np.ndarray] = {}
    for spacing in spacings:
        for level in range(1, levels + 1):
            edges = _edges(ordered, spacing, 10**level)
            if len(edges) and not any(np.array_equal(edges, other) for other in found.values()):
                found[Feature(column.name, spacing, 10**level)] = edges
    return found


def _edges(ordered: np.ndarray, spacing: str, bins: int) -> np.ndarray:
    """Return the edges between bins: those that have a training row on both sides, once each."""
    if not len(ordered):
        return ordered
    low, high = ordered[0], ordered[-1]
    if spacing == "w":
        with np.errstate(over="ignore", invalid="ignore"):
            edges = low + (high - low) * (np.arange(1, bins) / bins)
        edges = edges[np.isfinite(edges)]
    else:
        edges = ordered[np.arange(1, bins) * len(ordered) // bins]
    places = np.searchsorted(ordered, edges, side="left")
    _, first = np.unique(places, return_index=True)  # two edges with no row between them are one
    kept: np.ndarray = edges[first[(places[first] > 0) & (places[first] < len(ordered))]]
    return kept


def better_half(scores: Mapping[Feature, float]) -> list[Feature]:
    """Return the better half of the cuts of a column, rounded up, in their order.

    Args:
        scores: how good each cut is, higher is better.
    """
    order: Sequence[Feature] = sorted(scores, key=lambda one: -scores[one])
    best = set(order[: (len(order) + 1) // 2])
    return [one for one in scores if one in best]
