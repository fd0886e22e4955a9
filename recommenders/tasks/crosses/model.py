"""A fitted model: columns and crosses with a weight for each value and combination. It scores rows of any table.

A row's score is the sum of a bias, one number for each column and one for each cross: that of its combination, or 0
where no training row had it. What the cuts of a column of numbers weigh is added up beforehand, so each column and each
cross is looked up once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from core.common.errors import UserError, format_value, in_a_line
from core.crosses.cross import Cross
from recommenders.data.fields.column import FIRST, UNSEEN, FieldColumn, bucket, code_type
from recommenders.tasks.crosses.design import Coded, Encoder, Member, counts_of, find_keys, hashed, spread_of
from recommenders.tasks.crosses.kernel import look_up
from recommenders.tasks.crosses.logistic import Weights

#: Rows that are scored at a time; crosses with fewer possible combinations have a weight for each.
_BLOCK, _DENSE = 2**13, 2**18


@dataclass(frozen=True, eq=False)
class Term:
    """A feature or a cross with its weights."""

    cross: Cross
    """Which."""
    keys: np.ndarray | None
    """Of a cross: the key of each weight, ascending, see `Encoder.keys`; None for a feature, whose buckets are its
    codes, and for a cross with hashed buckets."""
    weights: np.ndarray
    """Of each bucket, float64."""
    decay: float
    """What held them back."""
    spread: float
    """The standard deviation of what the term adds to scores of training rows: how much it matters."""
    counts: np.ndarray
    """Training rows of each bucket, int64."""


class Explanation(NamedTuple):
    """A term in numbers."""

    term: str
    """The feature or cross."""
    n_weights: int
    """Of values or combinations that training rows have."""
    spread: float
    """See Term."""


class CrossedModel:
    """Scores rows.

    Args:
        encoder: how columns become codes.
        terms: features and crosses with their weights.
        bias: what every score has.
        target: the name of what is predicted.
        classes: what it is where the label is 0 and where it is 1.
    """

    def __init__(
        self, encoder: Encoder, terms: Sequence[Term], bias: float, target: str, classes: tuple[str, str]
    ) -> None:
        self.encoder, self.terms, self.bias = encoder, tuple(terms), bias
        self.target, self.classes = target, classes

    @classmethod
    def of(
        cls, encoder: Encoder, members: Sequence[Member], weights: Weights, n_fit: int, target: tuple[str, str, str]
    ) -> CrossedModel:
        """Return the model of a training.

        Args:
            encoder: of its bench.
            members: of its design.
            weights: that were trained.
            n_fit: training rows.
            target: its name and both of its values.
        """
        terms, start = [], 0
        for one, decay in zip(members, weights.decays.tolist(), strict=True):
            own = weights.weights[start : start + one.size]
            counts = counts_of(one, n_fit)
            terms.append(Term(one.cross, one.keys, own.copy(), decay, spread_of(own, counts), counts))
            start += one.size
        return cls(encoder, terms, weights.bias, target[0], target[1:])

    @property
    def crosses(self) -> tuple[Cross, ...]:
        """The crosses, in the order in which they were added."""
        return tuple(one.cross for one in self.terms if len(one.cross) > 1)

    @property
    def categorical(self) -> frozenset[str]:
        """Columns that rows to be scored have as categories, see `recommenders.data.fields.read_rows`."""
        return frozenset(self.encoder.columns) - frozenset(self.encoder.binnings)

    def explained(self) -> list[Explanation]:
        """Return all terms, those that matter most first."""
        found = [Explanation(str(one.cross), int(np.count_nonzero(one.counts)), one.spread) for one in self.terms]
        return sorted(found, key=lambda one: -one.spread)

    @cached_property
    def tables(self) -> dict[str, np.ndarray]:
        """Numbers that each column adds to the score of a row, for each of its codes."""
        found: dict[str, np.ndarray] = {}
        for one in self.terms:
            if len(one.cross) == 1:
                (feature,) = one.cross.features
                added = one.weights[self.encoder.bucket_of(feature)]
                found[feature.column] = found.get(feature.column, 0.0) + added
        return found

    def scores(self, columns: Sequence[FieldColumn]) -> np.ndarray:
        """Return the logits of rows, float64 [n].

        Args:
            columns: of any table, in any order; those that the model does not know are not looked at.

        Raises:
            UserError: a column of the model is missing, or has numbers in place of categories or the other way round.
        """
        found = list[np.ndarray]()
        for codes, n in self._coded(columns):
            found.append(np.full(n, self.bias))
            self._score(codes, found[-1])
        return np.concatenate(found) if found else np.zeros(0)

    def buckets(self, columns: Sequence[FieldColumn]) -> np.ndarray:
        """Return the bucket of each row in each term, -1 where no training row has it, int32 [n, terms].

        Args:
            columns: see `scores`.

        Raises:
            UserError: see there.
        """
        found = [np.stack([self._bucket(one, codes) for one in self.terms], 1) for codes, _ in self._coded(columns)]
        return np.concatenate(found) if found else np.zeros((0, len(self.terms)), np.int32)

    def _bucket(self, term: Term, codes: Mapping[str, Coded]) -> np.ndarray:
        if len(term.cross) == 1:
            (feature,) = term.cross.features
            places = self.encoder.bucket_of(feature)[codes[feature.column].codes]
        else:
            keys = self.encoder.keys(term.cross, codes)
            places = hashed(keys) if term.keys is None else find_keys(keys, term.keys)
        known = np.append(np.where(term.counts > 0, np.arange(len(term.counts)), -1), -1).astype(np.int32)
        found: np.ndarray = known[places]
        return found

    def _coded(self, columns: Sequence[FieldColumn]) -> Iterator[tuple[dict[str, Coded], int]]:
        """Yield blocks of rows as codes, and how many rows these are."""
        given = {one.name: one for one in columns}
        missing = [name for name in self.encoder.columns if name not in given]
        if missing:
            raise UserError(
                f"expected the column {format_value(missing[0])}, got {in_a_line(', '.join(given), 200) or 'none'}; "
                "give the table the columns that the model was trained on"
            )
        n = len(next(iter(given.values())).values)
        for name in self.encoder.binnings:
            if given[name].categories == ():  # nothing but missing values is no number
                given[name] = FieldColumn(name, np.full(n, np.nan))
        ways = {name: self._way(given[name]) for name in self.encoder.columns}
        for start in range(0, n, _BLOCK):
            rows = slice(start, min(start + _BLOCK, n))
            yield (
                {
                    name: self.encoder.coded(FieldColumn(name, _recoded(given[name].values[rows], way)), slice(None))
                    for name, way in ways.items()
                },
                rows.stop - start,
            )

    def probabilities(self, columns: Sequence[FieldColumn]) -> np.ndarray:
        """Return the probabilities of the positive class, float64 [n].

        Args:
            columns: see `scores`.

        Raises:
            UserError: see there.
        """
        return np.exp(-np.logaddexp(0.0, -self.scores(columns)))

    def _score(self, codes: Mapping[str, Coded], found: np.ndarray) -> None:
        for name, table in self.tables.items():
            look_up(codes[name].codes, table, found)
        for one, dense in self._crossed:
            keys = self.encoder.keys(one.cross, codes)
            if dense is not None:
                look_up(keys, dense, found)
            elif one.keys is None:
                look_up(hashed(keys), one.weights, found)
            else:
                look_up(find_keys(keys, one.keys), np.append(one.weights, 0.0), found)

    @cached_property
    def _crossed(self) -> list[tuple[Term, np.ndarray | None]]:
        """Crosses, with the weights of all possible combinations where these are few."""
        found: list[tuple[Term, np.ndarray | None]] = []
        for one in self.terms:
            if len(one.cross) > 1:
                n = self.encoder.n_keys(one.cross)
                dense = np.zeros(n) if n <= _DENSE and one.keys is not None else None
                if dense is not None:
                    dense[one.keys] = one.weights
                found.append((one, dense))
        return found

    def _way(self, column: FieldColumn) -> np.ndarray | None:
        """Return the code that the model has for each code of a column; None where they are the same, or numbers."""
        own = self.encoder.columns[column.name]
        is_number = column.name in self.encoder.binnings
        if column.is_number != is_number:
            wanted, got = ("numbers", "categories") if is_number else ("categories", "numbers")
            raise UserError(
                f"column {format_value(column.name)}: expected {wanted}, as in the table that the model was trained "
                f"on, got {got}"
            )
        if is_number or own.categories == column.categories:
            return None
        texts = column.categories
        if texts is None:
            raise UserError(
                f"column {format_value(column.name)}: expected categories, got so many that they are hashed; give the "
                "table in parts"
            )
        if own.categories is None:
            codes = [FIRST + bucket(one) for one in texts]
        else:
            known = {text: FIRST + k for k, text in enumerate(own.categories)}
            codes = [known.get(one, UNSEEN) for one in texts]
        return np.array([*range(FIRST), *codes], code_type(own.n_codes))


def _recoded(values: np.ndarray, way: np.ndarray | None) -> np.ndarray:
    return values if way is None else way[values]
