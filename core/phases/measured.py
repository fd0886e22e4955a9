"""A table of every candidate of a small space, each trained to convergence, and the search of such a table.

`studies.table --problem LINE` writes it. What a search sees of a candidate is its validation metric with the first
seed, and its cost is what that training took; in the end, `validation` is that, and `test` the mean over the other
seeds, which nothing was chosen by (with one seed, that one).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

import numpy as np

from core.common.errors import UserError
from core.common.restoring import read
from core.phases.metric import Metric
from core.phases.problem import Optimum
from core.phases.simple import Part, SimpleProblem
from core.phases.terms import Terms
from core.search.problem import Finding, Measurement
from core.search.space import C, Space
from core.search.trial import Verdict

#: Of the best, the share that `Optimum` counts as such.
_TOP = 0.01
#: Candidates that are trained one by one, at most.
MOST = 20_000


@dataclass(frozen=True)
class MeasuredRow:
    """A candidate, and what became of it."""

    name: str
    """The candidate as it is printed."""
    complexity: int
    verdict: str | None = None
    """Why it was not trained, as a verdict; None if it was."""
    original: str | None = None
    """Of a duplicate: the name of what it is a duplicate of."""
    validation: tuple[float | None, ...] = ()
    """The metric with each seed; None where the training broke down."""
    test: tuple[float | None, ...] = ()
    """Likewise."""
    epochs: tuple[int, ...] = ()
    """What each training took."""


@dataclass(frozen=True)
class MeasuredTable:
    """A table as it is stored."""

    problem: str
    """The line of what was measured."""
    command: str
    """What made it."""
    described: dict[str, Any]
    """See `StudyProblem.described`."""
    metric: str
    """The name of the metric."""
    higher_is_better: bool
    terms: dict[str, Any]
    """How one speaks of candidates."""
    seeds: int
    seconds: float
    """Wall-clock time of making it, as far as it was not done before."""
    versions: dict[str, str]
    """Of the packages that made it."""
    rows: list[MeasuredRow]
    """A row for each candidate of the space."""

    @property
    def judged_by(self) -> Metric:
        """The metric that it has by name."""
        return Metric(self.metric, self.higher_is_better)

    def text(self) -> str:
        """Return it as JSON, a line for each row."""
        values = asdict(self)
        rows = ",\n".join(json.dumps(row, sort_keys=True) for row in values.pop("rows"))
        head = json.dumps(values, indent=1, sort_keys=True)
        return f'{head[:-2]},\n "rows": [\n{rows}\n ]\n}}\n'

    @classmethod
    def parse(cls, text: str) -> MeasuredTable:
        """Read what `text` wrote.

        Raises:
            Exception: it is something else; nothing in it is executed.
        """
        found: MeasuredTable = read(cls, json.loads(text))
        return found


def every_candidate(space: Space[C]) -> list[C]:
    """Return every candidate of a space, each once, in the order of genomes.

    Args:
        space: a small one.

    Raises:
        UserError: it is too large.
    """
    n = math.prod(space.sizes.tolist())
    if n > MOST:
        raise UserError(f"expected a space of at most {MOST:,} candidates, got one of {n:,}: there is no table of it")
    genomes = space.repaired(np.array(list(np.ndindex(*space.sizes)), dtype=np.int64))
    found = {one.key: one for one in space.decode(np.unique(genomes, axis=0))}
    return list(found.values())


class MeasuredProblem(SimpleProblem[C]):
    """The best candidate of a table, see SimpleProblem: nothing is trained, and the best is known.

    Args:
        table: the table.
        space: that it is about.

    Raises:
        UserError: the table is not about this space, or nothing in it was trained.
    """

    def __init__(self, table: MeasuredTable, space: Space[C]) -> None:
        super().__init__()
        self._table, self._space = table, space
        self._metric = table.judged_by
        self.terms = read(Terms, table.terms)
        self._rows = {row.name: row for row in table.rows}
        solutions = [space.parse(row.name) for row in table.rows]
        if len({one.key for one in solutions}) < len(solutions):
            raise UserError("table: expected every candidate once")
        if strays := [one.name for one in table.rows if one.original not in (None, *self._rows)]:
            raise UserError(f"table: expected originals among its own candidates, got that of {strays[0]}")
        for one in solutions:
            space.encode(one)
        self._row_of = {one.key: row for one, row in zip(solutions, table.rows, strict=True)}
        self._ranked = sorted(
            (one for one in solutions if math.isfinite(self._seen(one))), key=lambda one: -self._seen(one)
        )
        if not self._ranked:
            raise UserError("table: expected candidates with a finite metric, got none")

    def _row(self, candidate: C) -> MeasuredRow:
        """The row of a candidate, or of what it is a duplicate of."""
        if (row := self._row_of.get(candidate.key)) is None:
            raise UserError(f"table: expected one of its {len(self._rows):,} {self.terms.many}, got {candidate}")
        return row if row.original is None else self._rows[row.original]

    def _seen(self, candidate: C) -> float:
        return self._scores(self._row(candidate).validation[:1])

    def _scores(self, values: Sequence[float | None]) -> float:
        """Return the mean of values as a score; NaN where there are none, or one is missing."""
        there = [one for one in values if one is not None]
        return self._metric.score_of(fmean(there)) if there and len(there) == len(values) else math.nan

    @property
    def space(self) -> Space[C]:
        """See Problem."""
        return self._space

    @property
    def metric(self) -> Metric:
        """See StudyProblem."""
        return self._metric

    @property
    def optimum(self) -> Optimum:
        """See StudyProblem: of what a search sees."""
        top = self._ranked[math.ceil(_TOP * len(self._ranked)) - 1]
        best, good = (self._metric.value(self._seen(one)) for one in (self._ranked[0], top))
        return Optimum(best, good, _TOP, fmean(row.epochs[0] for row in self._table.rows if row.epochs))

    @cached_property
    def compared(self) -> Mapping[str, C]:
        """See SimpleProblem: the best one of the table on validation, and the one in the middle."""
        return {"best of the table": self._ranked[0], "median of the table": self._ranked[len(self._ranked) // 2]}

    @property
    def is_exhausted(self) -> bool:
        """See Problem."""
        return self.n_entries >= sum(row.verdict is None for row in self._table.rows)

    def score(self) -> float:
        """See Problem: the least of the table, so that whatever was trained is a gain."""
        return self._seen(self._ranked[-1])

    def examine(self, candidates: Sequence[C]) -> list[Finding]:
        """See Problem: what was not trained is refused as it was."""
        return [self._looked_up(one) for one in candidates]

    def _looked_up(self, candidate: C) -> Finding:
        row = self._row(candidate)
        return self._finding(row.name) if row.verdict is None else Finding(Verdict(row.verdict))

    def measure(self, candidates: Sequence[C], seed: int) -> list[Measurement]:
        """See Problem; a candidate costs what its training took."""
        return [Measurement(self._seen(one), self._row(one).epochs[0], 0.0) for one in candidates]

    def evaluate(self, candidates: Sequence[C], part: Part, seed: int) -> list[float]:
        """See SimpleProblem."""
        rows = [self._row(one) for one in candidates]
        values = [row.validation[:1] if part == "validation" else row.test[1:] or row.test for row in rows]
        return [self._metric.value(self._scores(one)) for one in values]

    def described(self) -> dict[str, Any]:
        """See StudyProblem."""
        name = f"table of {self._table.problem} on {str(self._table.described.get('name', '?'))[:100]}"
        return {"name": name, "candidates": len(self._table.rows), "seeds": self._table.seeds}
