"""Rows as codes, and the members of a set of crosses as tables of weights over codes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from core.crosses.cross import Cross, Feature
from recommenders.data.fields.column import FieldColumn
from recommenders.tasks.crosses.binning import Binning
from recommenders.tasks.crosses.kernel import add_digit

#: A cross with more combinations in the training part is hashed into so many buckets. Keys are below the second number.
MOST_BUCKETS, _LARGEST_KEY = 2**20, 2**62


@dataclass(frozen=True, eq=False)
class Coded:
    """A code for each row."""

    codes: np.ndarray
    """[n] uint16 or uint32."""
    n_codes: int
    """The number of codes."""


@dataclass(frozen=True, eq=False)
class Member:
    """A member of a set of crosses: a feature or a cross, with a weight for each bucket."""

    cross: Cross
    """The feature or cross."""
    rows: Coded
    """The codes of rows; several members may have the same."""
    bucket_of: np.ndarray
    """[n_codes] int32, the bucket of each code; `size` where it has none, and so no weight."""
    size: int
    """The number of buckets."""
    keys: np.ndarray | None = None
    """Of a cross: the key of each bucket, ascending, see `Encoder.keys`; None where buckets are hashed."""


class Encoder:
    """Encodes rows as codes, and combinations of codes as keys; fitted on training rows.

    Args:
        columns: what was fitted; values do not matter, categories do.
        binnings: of columns of numbers, by name.
    """

    def __init__(self, columns: Sequence[FieldColumn], binnings: Mapping[str, Binning]) -> None:
        self.columns = {one.name: FieldColumn(one.name, one.values[:0], one.categories) for one in columns}
        self.binnings = dict(binnings)

    def features(self) -> list[Feature]:
        """Return the features of all columns: categories as they are, numbers by their cuts."""
        found: list[Feature] = []
        for name in self.columns:
            found += self.binnings[name].cuts if name in self.binnings else [Feature(name)]
        return found

    def coded(self, column: FieldColumn, rows: slice) -> Coded:
        """Return the codes of some rows of a column.

        Args:
            column: with the categories that were fitted.
            rows: which.
        """
        binning = self.binnings.get(column.name)
        if binning is None:
            return Coded(column.values[rows], column.n_codes)
        return Coded(binning.codes(column.values[rows]), binning.n_codes)

    def bucket_of(self, feature: Feature) -> np.ndarray:
        """Return the bucket of a feature for each code of its column, int32 [n_codes]."""
        binning = self.binnings.get(feature.column)
        if binning is None:
            return np.arange(self.columns[feature.column].n_codes, dtype=np.int32)
        return binning.coarser(feature)

    def size(self, feature: Feature) -> int:
        """Return the number of buckets of a feature."""
        binning = self.binnings.get(feature.column)
        return self.columns[feature.column].n_codes if binning is None else len(binning.cuts[feature]) + 2

    def is_mixed(self, cross: Cross) -> bool:
        """Tell whether keys of a cross are too large for mixed radix, so that they are mixed to random ones."""
        return math.prod(map(self.size, cross.features)) >= _LARGEST_KEY

    def n_keys(self, cross: Cross) -> int:
        """Return the number that keys of a cross are below."""
        return min(math.prod(map(self.size, cross.features)), _LARGEST_KEY)

    def keys(self, cross: Cross, codes: Mapping[str, Coded]) -> np.ndarray:
        """Return a number for each row that tells combinations apart, int64 [n].

        The buckets of the features are the digits of a number, the last feature's the last one. Where that is no number
        of 62 bits, they are mixed to one, and two of a billion combinations are the same once in a few times.

        Args:
            cross: the features.
            codes: of rows, by column.
        """
        is_mixed = self.is_mixed(cross)
        found = np.zeros(len(codes[cross.features[0].column].codes), np.int64)
        for feature in cross.features:
            own, bucket_of = codes[feature.column].codes, self.bucket_of(feature)
            if is_mixed:
                found = mixed(found, bucket_of[own])
            else:
                add_digit(own, bucket_of, self.size(feature), found)
        return found


def mixed(keys: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return random numbers of 62 bits, a function of two others [n] (SplitMix64, see `core.common.splitmix`).

    Args:
        keys: [n].
        codes: [n].
    """
    state = keys.astype(np.uint64) + (codes.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    return ((state ^ (state >> np.uint64(31))) >> np.uint64(2)).astype(np.int64)


def hashed(keys: np.ndarray) -> np.ndarray:
    """Return the buckets of keys where there are too many of them, below MOST_BUCKETS [n].

    Args:
        keys: see `Encoder.keys` [n].
    """
    return mixed(keys, np.zeros_like(keys)) % MOST_BUCKETS


def feature_member(feature: Feature, encoder: Encoder, rows: Coded) -> Member:
    """Return the member of a single feature.

    Args:
        feature: which.
        encoder: of its column.
        rows: codes of the column.
    """
    return Member(Cross((feature,)), rows, encoder.bucket_of(feature), encoder.size(feature))


def cross_member(cross: Cross, encoder: Encoder, codes: Mapping[str, Coded], n_fit: int) -> Member:
    """Return the member of a cross: a bucket for each combination that training rows have.

    Args:
        cross: which.
        encoder: of its columns.
        codes: of rows, by column.
        n_fit: the number of training rows, which come first.
    """
    keys = encoder.keys(cross, codes)
    known = np.unique(keys[:n_fit])
    if len(known) > MOST_BUCKETS:
        found = hashed(keys).astype(np.uint32)
        return Member(cross, Coded(found, MOST_BUCKETS), np.arange(MOST_BUCKETS, dtype=np.int32), MOST_BUCKETS)
    size = len(known)
    places = find_keys(keys, known).astype(np.uint16 if size < 2**16 else np.uint32)
    return Member(cross, Coded(places, size + 1), np.arange(size + 1, dtype=np.int32), size, known)


def find_keys(keys: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the places of keys among known ones, the number of known ones where it is none of them [n].

    Args:
        keys: [n].
        known: ascending.
    """
    places = np.searchsorted(known, keys)
    places[places == len(known)] = 0
    return np.where(known[places] == keys, places, len(known)) if len(known) else np.zeros(len(keys), np.int64)


def bytes_of(member: Member) -> int:
    """Return the memory that the member of a cross takes."""
    keys = 0 if member.keys is None else member.keys.nbytes
    return member.rows.codes.nbytes + member.bucket_of.nbytes + keys


def counts_of(member: Member, n_fit: int) -> np.ndarray:
    """Return the training rows of each bucket of a member, int64 [size].

    Args:
        member: which.
        n_fit: the number of training rows, which come first.
    """
    by_code = np.bincount(member.rows.codes[:n_fit], minlength=member.rows.n_codes)
    return np.bincount(member.bucket_of, by_code, minlength=member.size + 1)[: member.size].astype(np.int64)


def spread_of(weights: np.ndarray, counts: np.ndarray) -> float:
    """Return the standard deviation of the weights that rows have.

    Args:
        weights: of buckets [n].
        counts: the rows of each bucket [n].
    """
    share = counts / max(1, counts.sum())
    mean = float(weights @ share)
    return float(np.sqrt(np.square(weights - mean) @ share))


class Design:
    """The members of a set, whose weights stand one behind the other.

    Args:
        members: in the order of their weights.
        label: of rows, 0 or 1 [n].
        n_fit: the number of training rows, which come first.
    """

    def __init__(self, members: Sequence[Member], label: np.ndarray, n_fit: int) -> None:
        self.members, self.label, self.n_fit = tuple(members), label, n_fit
        self.offsets = [0, *accumulate(one.size for one in self.members)]
        grouped: dict[int, list[int]] = {}
        for place, one in enumerate(self.members):
            grouped.setdefault(id(one.rows), []).append(place)
        self.groups = list(grouped.values())
        """The places of members that have the same codes."""

    @property
    def n_weights(self) -> int:
        """The number of weights of all members."""
        return self.offsets[-1]

    def rows(self, group: int) -> Coded:
        """Return the codes of the members of a group."""
        return self.members[self.groups[group][0]].rows

    def table(self, group: int, weights: np.ndarray) -> np.ndarray:
        """Return what the members of a group add to the score of a row, for each code [n_codes].

        Args:
            group: its number.
            weights: of all members [n_weights].
        """
        found = np.zeros(self.rows(group).n_codes)
        for place in self.groups[group]:
            own = np.append(weights[self.offsets[place] : self.offsets[place + 1]], 0.0)
            found += own[self.members[place].bucket_of]
        return found

    def gather(self, group: int, by_code: np.ndarray, found: np.ndarray) -> None:
        """Add up what codes have, for each bucket of the members of a group.

        Args:
            group: its number.
            by_code: a number for each code [n_codes].
            found: numbers for all weights [n_weights]; those of the group are filled.
        """
        for place in self.groups[group]:
            one = self.members[place]
            sums = np.bincount(one.bucket_of, by_code, minlength=one.size + 1)
            found[self.offsets[place] : self.offsets[place + 1]] = sums[: one.size]
