"""The problem of finding the best loss of a table that `studies.table` made: nothing is trained, and the best is known.

What a search sees of a loss is its score after a few epochs with the first smoothing term, as a search that trains
would. What counts in the end is its score after the most epochs with the best one: `validation` with the first seed,
`test` the mean over the others, which nothing was chosen by; where a loss promised too little for those, the first.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from core.common.errors import UserError, first_line, format_value
from core.common.restoring import read
from core.common.specification import Specification, read_settings
from core.phases.contender import Contender
from core.phases.metric import Metric
from core.phases.problem import Optimum
from core.phases.simple import Part, SimpleProblem
from core.phases.terms import Terms
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.halving import rungs, survivors
from core.search.problem import Finding, Measurement
from core.search.trial import Verdict
from recommenders.tasks.loss_table import LossTable, loaded

#: Epochs that a search sees, unless the table has none so short.
_USUAL = 3
#: What may be left out, to see what it is good for.
PROXY, CHECK, SCALE = _PARTS = "proxy", "check", "scale"
#: Of the best, the share that `Optimum` counts as such; and the largest gradient that is none.
_TOP, _NOTHING = 0.01, 1e-12
#: Directions that differ by less are equal.
_DIGITS = 6

TABLE_TERMS = Terms(
    one="loss",
    many="losses",
    complexity="operators",
    verdicts={
        Verdict.ACCEPTED.value: "Looked up, and the reward passed the reward filter.",
        Verdict.REJECTED.value: "Looked up, and the reward fell below the reward filter.",
        Verdict.DUPLICATE.value: "Not looked up: it is an earlier loss, or (but without=scale) a multiple of one.",
        Verdict.ZERO_GRADIENT.value: "Not looked up: it has no gradient.",
        Verdict.WRONG_DIRECTION.value: "Not looked up: it fails the validation check.",
        Verdict.NON_FINITE.value: "Its training broke down.",
    },
)


@dataclass(frozen=True)
class TableSearchSettings:
    """Settings of `--problem table`, whose file is given with --data."""

    epochs: int | None = None
    """Epochs of the trainings that a search sees, one of those of the table; 3 unless given, or the fewest that there
    are."""
    fidelity: int = 1
    """Successive halving: of the candidates of a step, one in so many goes on after each of the shorter trainings; 1:
    all are trained to the end."""
    without: tuple[str, ...] = ()
    """What is left out, to see what it is good for: proxy (what has no gradient, or the direction of an earlier loss,
    costs a training), check (what points the wrong way costs a training, and comes to the worst of the table) and
    scale (losses are trained as large as they are written; multiples are other losses), separated by commas."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.epochs is not None and self.epochs < 1:
            raise UserError(f"table: epochs: expected at least 1, got {self.epochs}")
        if self.fidelity < 1:
            raise UserError(f"table: fidelity: expected at least 1, got {self.fidelity}")
        if not set(self.without) <= set(_PARTS) or len(set(self.without)) < len(self.without):
            got = format_value(",".join(self.without))
            raise UserError(f"table: without: expected some of {','.join(_PARTS)}, got {got}")


class TableProblem(SimpleProblem[LossProgram]):
    """The best loss of a table, see SimpleProblem.

    Args:
        table: the table.
        asked: what of it is searched.

    Raises:
        UserError: it has no trainings of so many epochs, or is not what `studies.table` writes.
    """

    terms = TABLE_TERMS

    def __init__(self, table: LossTable, asked: TableSearchSettings | None = None) -> None:
        super().__init__()
        self._table, self._asked = table, asked or TableSearchSettings()
        epochs = self._asked.epochs
        try:
            settings, self._space, self._metric = table.about["settings"], table.space, table.metric
            if CHECK in self._asked.without:
                self._space = replace(self._space, min_positive_rate=None)
            if not table.is_trained.any():
                raise UserError(f"{table.path}: no loss in it was trained, so there is nothing to search")
            there = read(list[int], settings["epochs"])
            epsilon, seeds = read(list[float], settings["epsilon"])[0], read(int, settings["seeds"])
            self._epochs = epochs or (_USUAL if _USUAL in there else there[0])
            for what, needed in (("epochs", [self._epochs]), ("fidelity", rungs(self._epochs, self._asked.fidelity))):
                if not set(needed) <= set(there):
                    got, known = (", ".join(map(str, some)) for some in (needed, there))
                    raise UserError(f"table: {what}: expected epochs out of those of the table, {known}, got {got}")
            self._is_raw = SCALE in self._asked.without
            if self._is_raw and not settings.get("raw"):
                raise UserError(f"table: without: scale: expected a table made with --raw, got {table.path}")
            self._rungs = [(n, table.scores(n, smoothing=None if self._is_raw else epsilon)) for n in needed]
            self._least, self._optimum = self._extremes()
            each = [table.scores(there[-1], seed=seed) for seed in range(seeds)]
            if not np.isfinite(each[0][table.is_trained]).any():
                raise ValueError("no training of it gave a score")
            others = np.mean(each[1:] or each, axis=0)
            has_others = np.isfinite(others) | ~np.isfinite(each[0])
            self._parts = {"validation": each[0], "test": np.where(has_others, others, each[0])}
            table.places(table.gradients(table.programs[:1]))
        except UserError:
            raise
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise UserError(f"{table.path}: it is not what studies.table writes: {first_line(error)}") from None

    def _extremes(self) -> tuple[float, Optimum | None]:
        """Return the least score that a search may see, and the best."""
        scores = np.array([self._metric.score_of(value) for value in self._rungs[-1][1]])
        ranked = np.sort(scores[np.isfinite(scores)])[::-1]
        if not len(ranked):
            return np.nan, None
        best, top = (self._metric.value(float(ranked[i])) for i in (0, int(np.ceil(_TOP * len(ranked))) - 1))
        return float(ranked[-1]), Optimum(best, top, _TOP, self._epochs)

    @property
    def optimum(self) -> Optimum | None:
        """See StudyProblem: of what a search sees."""
        return self._optimum

    @property
    def space(self) -> OperatorSpace:
        """See Problem."""
        return self._space

    @property
    def metric(self) -> Metric:
        """See StudyProblem."""
        return self._metric

    @cached_property
    def compared(self) -> Mapping[str, LossProgram]:
        """See SimpleProblem: the best loss of the table on validation, and the one in the middle."""
        scores = [self._metric.score_of(value) for value in self._parts["validation"]]
        is_trained = self._table.is_trained
        ranked = np.argsort(np.where(is_trained & np.isfinite(scores), scores, -np.inf), kind="stable")[::-1]
        ranked = ranked[: int((is_trained & np.isfinite(scores)).sum())]
        places = {"best of the table": ranked[0], "median of the table": ranked[len(ranked) // 2]}
        return {name: self._table.programs[int(place)] for name, place in places.items()}

    def known(self, text: str) -> Contender[LossProgram]:
        """See StudyProblem: also a loss of the table that has more lines as a program of the space, as x + x has."""
        if text.strip() not in self.compared:
            with contextlib.suppress(UserError):
                solution = self._space.parse(text)
                if self._places([solution]) != [None]:
                    return self.contender(solution, {})
        return super().known(text)

    def _places(self, candidates: Sequence[LossProgram], *, own: bool = False) -> list[int | None]:
        """Return the rows of losses, see `LossTable.places`."""
        return self._table.places(self._table.gradients(candidates), own=own)

    def examine(self, candidates: Sequence[LossProgram]) -> list[Finding]:
        """See Problem: what the validation check refuses is refused, and multiples are the same loss."""
        gradients = self._table.gradients(candidates)
        places = self._table.places(gradients, own=self._is_raw)
        return [self._found(*one) for one in zip(places, gradients, strict=True)]

    def _found(self, place: int | None, gradient: np.ndarray) -> Finding:
        """What is found of the loss in a row, or of a gradient that is in none."""
        if place is None and CHECK not in self._asked.without:
            return Finding(Verdict.WRONG_DIRECTION if np.abs(gradient).max() > _NOTHING else Verdict.ZERO_GRADIENT)
        if PROXY in self._asked.without:
            return self._finding(f"training {self.n_entries}")
        if place is not None:
            return self._finding(f"row {place}")
        length = np.linalg.norm(gradient)
        if length <= _NOTHING:
            return Finding(Verdict.ZERO_GRADIENT)
        direction = (gradient / length).round(_DIGITS) + 0.0  # no -0.0
        size = f" {length:.{_DIGITS}g}" if self._is_raw else ""
        return self._finding(f"direction {blake2b(direction.tobytes(), digest_size=8).hexdigest()}{size}")

    @property
    def is_exhausted(self) -> bool:
        """See Problem: whether all that was trained was looked up, where nothing else costs a training."""
        return not self._asked.without and self.n_entries >= self._table.is_trained.sum()

    def score(self) -> float:
        """See Problem: the least of the table, so that every loss that was trained is a gain."""
        return self._least

    def measure(self, candidates: Sequence[LossProgram], seed: int) -> list[Measurement]:
        """See Problem; a loss costs as many passes as its training took."""
        began = time.perf_counter()
        places = self._places(candidates, own=self._is_raw)
        found, going = [(np.nan, 0)] * len(places), list(range(len(places)))
        for epochs, column in self._rungs:
            for i in going:
                at = places[i]
                found[i] = (self._least if at is None else self._metric.score_of(float(column[at])), epochs)
            going = [going[k] for k in survivors([found[i][0] for i in going], self._asked.fidelity)]
        seconds = (time.perf_counter() - began) / max(1, len(candidates))
        return [Measurement(score, epochs, seconds) for score, epochs in found]

    def evaluate(self, candidates: Sequence[LossProgram], part: Part, seed: int) -> list[float]:
        """See SimpleProblem."""
        places, column = self._places(candidates), self._parts[part]
        return [np.nan if place is None else float(column[place]) for place in places]

    def described(self) -> dict[str, Any]:
        """See StudyProblem."""
        settings = self._table.about["settings"]
        return {"name": f"table of {settings['size']} operators on {settings['dataset']}", "epochs": self._epochs}


def make_table_problem(path: Path, spec: Specification) -> TableProblem:
    """Return the problem of a table of losses.

    Args:
        path: its file.
        spec: its settings.

    Raises:
        UserError: it is none.
    """
    return TableProblem(loaded(path), read_settings(spec, TableSearchSettings))
