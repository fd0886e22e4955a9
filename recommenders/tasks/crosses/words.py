"""Buckets of features and crosses in words: `age/q10 in [25, 30)`, `colour = red`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from core.crosses.cross import Cross, Feature
from recommenders.data.fields.column import FIRST, MISSING, UNSEEN
from recommenders.tasks.crosses.design import Encoder

#: Digits that edges are written with: the fewest by which those of a cut differ.
_DIGITS = (3, 4, 6, 9, 17)


class Words:
    """Says which values a bucket has.

    Args:
        encoder: of the features.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder, self._edges = encoder, dict[Feature, list[str]]()

    def of_feature(self, feature: Feature, bucket: int) -> str:
        """Return the values of a bucket of a feature.

        Args:
            feature: which.
            bucket: its number, see `Encoder.bucket_of`.
        """
        if bucket == MISSING:
            return f"{feature} missing"
        if feature.column in self._encoder.binnings:
            return f"{feature} {self._interval(feature, bucket)}"
        categories = self._encoder.columns[feature.column].categories
        if bucket == UNSEEN:
            return f"{feature} unseen"
        return f"{feature} = {categories[bucket - FIRST]}" if categories is not None else f"{feature} #{bucket}"

    def of_cross(self, cross: Cross, buckets: Iterable[int], keys: np.ndarray | None) -> list[str]:
        """Return the values of buckets of a feature or cross, in order.

        Args:
            cross: which.
            buckets: their numbers.
            keys: of all its buckets, see `design.Member` [size].
        """
        if len(cross) == 1:
            return [self.of_feature(cross.features[0], one) for one in buckets]
        if keys is None or self._encoder.is_mixed(cross):
            return [f"{cross} #{one}" for one in buckets]
        return [" & ".join(self._digits(cross, int(keys[one]))) for one in buckets]

    def _digits(self, cross: Cross, key: int) -> list[str]:
        found = list[str]()
        for feature in reversed(cross.features):
            key, bucket = divmod(key, self._encoder.size(feature))
            found.insert(0, self.of_feature(feature, bucket))
        return found

    def _interval(self, feature: Feature, bucket: int) -> str:
        if feature not in self._edges:
            edges = self._encoder.binnings[feature.column].cuts[feature].tolist()
            written = ([_short(edge, n) for edge in edges] for n in _DIGITS)
            self._edges[feature] = next(one for one in written if len(set(one)) == len(edges))
        edges = self._edges[feature]
        if not edges:
            return "there"
        if bucket == 1:
            return f"< {edges[0]}"
        return f">= {edges[-1]}" if bucket > len(edges) else f"in [{edges[bucket - 2]}, {edges[bucket - 1]})"


def _short(number: float, digits: int) -> str:
    """Return a number with so many digits, and all of those before the point."""
    if not 1e-4 <= abs(number) < 1e15:
        return f"{number:.{digits}g}"
    whole = len(str(int(abs(number))))
    return np.format_float_positional(number, precision=max(digits, whole), fractional=False, unique=False, trim="-")
