"""The space of sets of crosses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.common.errors import UserError, format_value
from core.crosses.cross import Cross, Feature
from core.crosses.tree import CrossSet
from core.search.adapted import AdaptedSpace
from core.search.choices import ChoiceSpace
from core.search.decision import Decision, Kind
from core.search.space import check_genomes

#: No feature.
_NONE = 0


@dataclass(frozen=True)
class CrossSpace(AdaptedSpace[CrossSet]):
    """Sets of some crosses of some features.

    A genome has a decision for each feature of each cross, which may be none; a cross of fewer than two features of
    different columns is none. In normal form features and crosses are in order, and what is none is last.

    Raises:
        UserError: numbers that cannot be, or features of fewer than two columns.
    """

    made_of: tuple[Feature, ...]
    """What crosses are made of."""
    most_crosses: int = 8
    """Crosses of a set."""
    most_features: int = 3
    """Features of a cross."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name, least, most in (("most_crosses", 1, 100), ("most_features", 2, 8)):
            if not least <= getattr(self, name) <= most:
                raise UserError(f"{name}: expected {least} to {most}, got {getattr(self, name)}")
        if len(columns := {one.column: one for one in self.made_of}) < 2:
            raise UserError(
                f"crosses: expected two columns or more to cross, got {', '.join(map(format_value, columns)) or 'none'}"
                "; columns whose rows are all alike are not counted"
            )

    @cached_property
    def inner(self) -> ChoiceSpace:
        """See AdaptedSpace."""
        # Columns may be called anything, but names of options have no blanks.
        names = (f"{i}:{''.join(str(one).split())}" for i, one in enumerate(self.made_of, 1))
        kind = Kind("feature", ("-", *names))
        pairs = ((i, k) for i in range(1, self.most_crosses + 1) for k in range(1, self.most_features + 1))
        return ChoiceSpace(tuple(Decision(f"cross_{i}_feature_{k}", kind, len(kind.options)) for i, k in pairs))

    @property
    def cuts(self) -> tuple[int, ...]:
        """See Space: between crosses; of one cross, between its features."""
        step = 1 if self.most_crosses == 1 else self.most_features
        return tuple(range(step, len(self.decisions), step))

    def repaired(self, genomes: np.ndarray) -> np.ndarray:
        """See Space."""
        found = np.full_like(genomes, _NONE, dtype=np.int64)
        for row, genome in zip(found, genomes.tolist(), strict=True):
            slots = (genome[i : i + self.most_features] for i in range(0, len(genome), self.most_features))
            crosses = sorted({one for one in map(self._tidied, slots) if one})
            for place, cross in enumerate(crosses):
                start = place * self.most_features
                row[start : start + len(cross)] = cross
        return found

    def _tidied(self, slot: Sequence[int]) -> tuple[int, ...]:
        """Return the options of one cross in order, of each column the first; none where fewer than two are left."""
        of_column: dict[str, int] = {}
        for option in sorted(set(slot) - {_NONE}):
            of_column.setdefault(self.made_of[option - 1].column, option)
        return tuple(of_column.values()) if len(of_column) > 1 else ()

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """See Space: any number of crosses, each of any number of features, is as likely as another."""
        drawn = np.full((n, self.most_crosses, self.most_features), _NONE, dtype=np.int64)
        for crosses, count in zip(drawn, rng.integers(1, self.most_crosses, size=n, endpoint=True), strict=True):
            for row in crosses[:count]:
                row[:] = self._drawn(rng)
        return self.repaired(drawn.reshape(n, len(self.decisions)))

    def _drawn(self, rng: np.random.Generator) -> np.ndarray:
        """Return the options of a random cross [most_features]."""
        found = np.full(self.most_features, _NONE, dtype=np.int64)
        size = int(rng.integers(2, self.most_features, endpoint=True))
        for k, column in enumerate(rng.permutation(len(self._of_columns))[:size].tolist()):
            options = self._of_columns[column]
            found[k] = options[int(rng.integers(len(options)))]
        return found

    @cached_property
    def _of_columns(self) -> tuple[tuple[int, ...], ...]:
        """The options of each column."""
        found: dict[str, list[int]] = {}
        for option, one in enumerate(self.made_of, 1):
            found.setdefault(one.column, []).append(option)
        return tuple(map(tuple, found.values()))

    def varied(self, genomes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See Space: a cross is drawn anew, left out or added, or one feature of it is another one or none."""
        changed = genomes.reshape(len(genomes), self.most_crosses, self.most_features).copy()
        for crosses in changed:
            there = int((crosses[:, 0] != _NONE).sum())
            place, way = int(rng.integers(there + (there < self.most_crosses))), rng.random()
            if place == there or way < 0.25:
                crosses[place] = self._drawn(rng)
            elif way < 0.5:
                crosses[place] = _NONE
            else:
                crosses[place, rng.integers(self.most_features)] = rng.integers(len(self.made_of) + 1)
        return self.repaired(changed.reshape(genomes.shape))

    def decode(self, genomes: np.ndarray) -> list[CrossSet]:
        """See Space."""
        check_genomes(genomes, self)
        return [self._decoded(one) for one in self.repaired(genomes).tolist()]

    def _decoded(self, genome: Sequence[int]) -> CrossSet:
        slots = (genome[i : i + self.most_features] for i in range(0, len(genome), self.most_features))
        chosen = ([self.made_of[option - 1] for option in slot if option != _NONE] for slot in slots)
        return CrossSet(tuple(Cross(tuple(features)) for features in chosen if features))

    def check(self, candidate: CrossSet) -> None:
        """Check that a set is made of features that there are, however large it is.

        Raises:
            UserError: it is not.
        """
        for cross in candidate.crosses:
            for feature in cross.features:
                self._option(feature)

    def encode(self, candidate: CrossSet) -> np.ndarray:
        """See Space."""
        if len(candidate.crosses) > self.most_crosses:
            raise UserError(f"crosses: expected at most {self.most_crosses} crosses, got {len(candidate.crosses)}")
        found = np.full((1, self.most_crosses, self.most_features), _NONE, dtype=np.int64)
        for row, cross in zip(found[0], candidate.crosses, strict=False):
            if len(cross) > self.most_features:
                raise UserError(f"cross {cross}: expected at most {self.most_features} features, got {len(cross)}")
            row[: len(cross)] = [self._option(one) for one in cross.features]
        genome: np.ndarray = self.repaired(found.reshape(1, -1))[0]
        return genome

    def _option(self, feature: Feature) -> int:
        if feature not in self.made_of:
            listed = [one for one in self.made_of if one.column == feature.column] or self.made_of
            known = ", ".join(map(str, listed[:8]))
            more = " and so on" if len(listed) > 8 else ""
            raise UserError(f"crosses: expected features of {known}{more}, got {feature}")
        return 1 + self.made_of.index(feature)

    def parse(self, text: str) -> CrossSet:
        """See Space."""
        return CrossSet.parse(text)
