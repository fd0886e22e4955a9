"""A cross: some columns of a table looked at together, so that every combination of their values has a weight.

Luo et al., AutoCross: Automatic Feature Crossing for Tabular Data in Real-World Applications, KDD 2019, section 3. A
number is cut into bins first, as coarsely as the feature says (multi-granularity discretisation, section 4.4).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from core.common.errors import UserError, format_value

#: Ways to place the bins of a number: of equal width, as published, or with as many rows each (quantiles).
SPACINGS = ("w", "q")
#: The most bins of a number, so that their codes take two bytes.
MOST_BINS = 10_000
#: What stands between the features of a cross, and between crosses.
_TIMES, _NEXT = "x", ";"
_PLAIN = re.compile(r'[^\s"/;]+')
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_FEATURE = re.compile(rf'\s*(?P<name>{_QUOTED}|[^\s"/;]+)(?:/(?P<spacing>[a-z])(?P<bins>[0-9]{{1,9}}))?')
_BETWEEN = re.compile(rf"\s*(?:(?P<times>{_TIMES})(?=\s)|(?P<next>{_NEXT})|$)")


@dataclass(frozen=True, order=True)
class Feature:
    """A column as it is, or a column of numbers cut into bins.

    Raises:
        UserError: there are no such bins.
    """

    column: str
    """The name of the column."""
    spacing: str = ""
    """One of SPACINGS; "" for a column as it is."""
    bins: int = 0
    """The number of bins; 0 for a column as it is."""

    def __post_init__(self) -> None:
        """Check the bins."""
        if (self.spacing, self.bins) != ("", 0):
            if self.spacing not in SPACINGS:
                raise UserError(f"feature: expected bins spaced by {' or '.join(SPACINGS)}, got {self.spacing!r}")
            if not 2 <= self.bins <= MOST_BINS:
                raise UserError(f"feature: expected 2 to {MOST_BINS:,} bins, got {self.bins:,}")

    def __str__(self) -> str:
        """Return the column, in quotation marks unless it is a plain word, and its bins: `age/q100`."""
        is_plain = _PLAIN.fullmatch(self.column) is not None and self.column != _TIMES
        name = self.column if is_plain else json.dumps(self.column, ensure_ascii=False)
        return f"{name}/{self.spacing}{self.bins}" if self.bins else name


@dataclass(frozen=True, order=True)
class Cross:
    """Features of different columns, in whatever order they are given.

    Raises:
        UserError: there are none, or a column is there twice.
    """

    features: tuple[Feature, ...]
    """In order."""

    def __post_init__(self) -> None:
        """Sort the features and check that their columns differ."""
        object.__setattr__(self, "features", tuple(sorted(set(self.features))))
        if not self.features:
            raise UserError("cross: expected one or more features, got none")
        if len(self.columns) < len(self.features):
            raise UserError(f"cross: expected features of different columns, got {format_value(str(self))}")

    @property
    def columns(self) -> frozenset[str]:
        """The names of the columns."""
        return frozenset(one.column for one in self.features)

    @property
    def key(self) -> str:
        """The text: it is the same for equal crosses."""
        return str(self)

    def __len__(self) -> int:
        """The number of features."""
        return len(self.features)

    def __str__(self) -> str:
        """Return the features: `education x occupation`."""
        return f" {_TIMES} ".join(map(str, self.features))

    @classmethod
    def parse(cls, text: str) -> Cross:
        """Read what `str` writes; the order of the features does not matter.

        Raises:
            UserError: it is no cross.
        """
        found = _parsed(text)
        if len(found) != 1:
            raise UserError(f"cross: expected one, as in education x occupation, got {format_value(text)}")
        return found[0]

    def meeting(self, other: Cross) -> Cross | None:
        """Return the cross of all features of two; None where a column would be in it with two granularities."""
        features = {*self.features, *other.features}
        return Cross(tuple(features)) if len(features) == len(self.columns | other.columns) else None


def parse_crosses(text: str) -> tuple[Cross, ...]:
    """Read crosses with semicolons between them; an empty text has none.

    Raises:
        UserError: a cross cannot be read.
    """
    return tuple(_parsed(text)) if text.strip() else ()


def write_crosses(crosses: Iterable[Cross]) -> str:
    """Write crosses as `parse_crosses` reads them."""
    return f"{_NEXT} ".join(map(str, crosses))


def _parsed(text: str) -> list[Cross]:
    found: list[list[Feature]] = [[]]
    place = 0
    while place < len(text):
        feature = _FEATURE.match(text, place)
        between = feature and _BETWEEN.match(text, feature.end())
        if feature is None or between is None or (feature["name"] == _TIMES):
            raise UserError(
                f"cross: expected features with {_TIMES} between them, such as education x age/q100, got "
                f"{format_value(text)} (at character {place + 1})"
            )
        found[-1].append(_feature(feature))
        place = between.end()
        if between["next"]:
            found.append([])
    return [Cross(tuple(features)) for features in found]


def _feature(found: re.Match[str]) -> Feature:
    name = found["name"]
    if name.startswith('"'):
        try:
            name = json.loads(name)
        except ValueError:
            raise UserError(f"cross: expected a name in quotation marks as in JSON, got {format_value(name)}") from None
    return Feature(name, found["spacing"] or "", int(found["bins"] or 0))
