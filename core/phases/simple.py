"""Problems whose candidates are judged by a function of nothing but themselves and a seed."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from core.common.errors import UserError, format_value, unknown_name
from core.common.restoring import read
from core.common.seeding import derive_seed
from core.phases.contender import Contender, ConvergenceTraining, TrainingResult, Variant
from core.phases.problem import StudyProblem
from core.search.effectiveness import TrainingCurve
from core.search.problem import Finding, Measurement
from core.search.space import C
from core.search.trial import Verdict

Part = Literal["validation", "test"]


class SimpleProblem(StudyProblem[C]):
    """Say where candidates come from, how they are judged and what they are compared with; that is all.

    Nothing is learned between steps: rewards are gains over the least of what is compared with, and never change.
    """

    def __init__(self) -> None:
        self._entries: dict[str, int] = {}
        self._start: float | None = None  # once it was asked for

    @property
    @abstractmethod
    def compared(self) -> Mapping[str, C]:
        """Known candidates to compare with, by name: at least one."""

    @abstractmethod
    def evaluate(self, candidates: Sequence[C], part: Part, seed: int) -> Sequence[float]:
        """Return the metric of each candidate, in order; NaN where it has none.

        Args:
            candidates: to be judged, each by itself.
            part: what the search and all choices go by, or what is looked at once, in the end.
            seed: of all draws: the same throughout the search, another for each repetition in the end.
        """

    @property
    def longest(self) -> int:
        """See StudyProblem: what is evaluated has nothing to learn."""
        return 1

    @property
    def known_names(self) -> tuple[str, ...]:
        """See StudyProblem."""
        return tuple(self.compared)

    def known(self, text: str) -> Contender[C]:
        """See StudyProblem."""
        name = text.strip()
        try:
            return self.written(name)
        except UserError as error:
            unknown = unknown_name(self.terms.one, name, self.names)
            raise UserError(f"{unknown} Nor is it written as one is: {error}") from None

    def written(self, text: str) -> Contender[C]:
        """Return something to compare with: unless said otherwise, one of `compared`, or a candidate of the space.

        Args:
            text: its name, or what a person writes for it.

        Raises:
            UserError: neither.
        """
        there = self.compared
        if text in there:
            return Contender(text, there[text], (Variant(there[text]),))
        solution = self.space.parse(text)
        self.space.encode(solution)
        return Contender(str(solution), solution, (Variant(solution),))

    @property
    def names(self) -> Iterable[str]:
        """All names of what may be compared with, for a message."""
        return self.compared

    def contender(self, solution: C, notes: Mapping[str, Any]) -> Contender[C]:
        """See StudyProblem."""
        return Contender(str(solution), solution, (Variant(solution),), notes)

    def trained(self, entry: Mapping[str, Any]) -> C:
        """See StudyProblem: a name is enough."""
        solution: C = self.known(read(str, entry["name"])).variants[0].trained
        return solution

    def scores(self, candidates: Sequence[C], part: Part, seed: int) -> list[float]:
        """Return what `evaluate` says, held to its contract, as scores: higher is better.

        Args:
            candidates: see `evaluate`.
            part: see there.
            seed: see there.

        Raises:
            UserError: it does not give a number for each candidate.
        """
        values = [float(value) for value in self.evaluate(candidates, part, seed)]
        if len(values) != len(candidates):
            raise UserError(
                f"evaluate: expected {len(candidates)} numbers, one for each candidate, got {format_value(values)}"
            )
        return [self.metric.score_of(value) for value in values]

    def score(self) -> float:
        """See Problem: the least of what is compared with."""
        if self._start is None:
            scores = self.scores(list(self.compared.values()), "validation", derive_seed(0, "search"))
            self._start = min((score for score in scores if math.isfinite(score)), default=math.nan)
        return self._start

    def short_score(self, trained: Any, seed: int) -> float:
        """See StudyProblem."""
        return self.scores([trained], "validation", derive_seed(seed, "search"))[0]

    def examine(self, candidates: Sequence[C]) -> list[Finding]:
        """See Problem: what was seen before is not measured again."""
        return [self._finding(candidate.key) for candidate in candidates]

    def _finding(self, key: str) -> Finding:
        if key in self._entries:
            return Finding(Verdict.DUPLICATE, self._entries[key])
        self._entries[key] = len(self._entries)
        return Finding(None, self._entries[key])

    @property
    def n_entries(self) -> int:
        """See Problem."""
        return len(self._entries)

    def measure(self, candidates: Sequence[C], seed: int) -> list[Measurement]:
        """See Problem; a candidate costs a pass over the data."""
        began = time.perf_counter()
        scores = self.scores(candidates, "validation", derive_seed(0, "search"))
        seconds = (time.perf_counter() - began) / max(1, len(candidates))
        return [Measurement(score, 1, seconds) for score in scores]

    def adopt(self, index: int) -> bool:
        """See Problem; the start stays."""
        return False

    def restart(self, seed: int) -> bool:
        """See Problem; the start stays."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """See Problem."""
        return {"keys": list(self._entries)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Problem."""
        self._entries = {key: entry for entry, key in enumerate(read(list[str], state["keys"]))}

    def convergence(
        self, trained: Sequence[Any], seed: int, keep: int | None = None, ways: Sequence[Any] | None = None
    ) -> ConvergenceTraining:
        """See StudyProblem: one epoch, in which all are evaluated."""
        return _Evaluated(self, trained, seed)

    def described(self) -> dict[str, Any]:
        """See StudyProblem."""
        return {"name": type(self).__name__}


class _Evaluated(ConvergenceTraining):
    """Candidates judged on both parts."""

    def __init__(self, problem: SimpleProblem[Any], candidates: Sequence[Any], seed: int) -> None:
        self._problem, self._candidates, self._seed = problem, candidates, seed
        self.fitted: list[TrainingResult] = []
        self.kept = None

    def __iter__(self) -> Iterator[Sequence[TrainingCurve]]:
        """The one epoch."""
        if self.fitted or not self._candidates:
            return
        validation = self._problem.scores(self._candidates, "validation", self._seed)
        test = self._problem.scores(self._candidates, "test", self._seed)
        progress = [TrainingCurve() for _ in self._candidates]
        for one, score in zip(progress, validation, strict=True):
            one.update(score)
        self.fitted = [self._fitted(*scores) for scores in zip(validation, test, strict=True)]
        yield progress

    def _fitted(self, validation: float, test: float) -> TrainingResult:
        metric = self._problem.metric
        if not math.isfinite(validation):
            return TrainingResult(1, 0, {}, {}, (validation,))
        parts = [{metric.name: metric.value(score)} for score in (validation, test)]
        return TrainingResult(1, 1, parts[0], parts[1], (validation,))

    def state_dict(self) -> dict[str, Any]:
        """See ConvergenceTraining."""
        return {"fitted": [one.to_dict() for one in self.fitted]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See ConvergenceTraining."""
        fitted: list[TrainingResult] = read(list[TrainingResult], state["fitted"])
        if len(fitted) not in (0, len(self._candidates)):
            raise UserError(f"stored evaluations: expected {len(self._candidates)}, got {len(fitted)}")
        self.fitted = fitted
