"""Problems whose candidates are each trained to convergence by themselves, in the search as in the end."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.common.errors import UserError
from core.common.restoring import read
from core.phases.contender import ConvergenceTraining, TrainingResult
from core.phases.simple import SimpleProblem
from core.search.effectiveness import TrainingCurve
from core.search.problem import Measurement
from core.search.space import C


class FittedProblem(SimpleProblem[C]):
    """See SimpleProblem.

    Args:
        seed: of all trainings of the search.
        threads: how many are trained at a time.
    """

    are_whole = True

    def __init__(self, seed: int, threads: int = 1) -> None:
        super().__init__()
        self._seed, self._threads = seed, threads

    @abstractmethod
    def fitted(self, candidates: Sequence[Any], seed: int) -> Sequence[Any]:
        """Return trained models, in order.

        Args:
            candidates: what is trained.
            seed: of the trainings.
        """

    @abstractmethod
    def result(self, found: Any) -> TrainingResult:
        """Return what a training came to, on the test part, too."""

    @abstractmethod
    def measured(self, found: Any) -> tuple[float, float]:
        """Return the score of a training that the search goes by, and what it cost, in passes over the data."""

    def measure(self, candidates: Sequence[C], seed: int) -> list[Measurement]:
        """See Problem; a candidate costs all passes over the data that its trainings took."""
        began = time.perf_counter()
        fits = self.fitted([self.contender(one, {}).variants[0].trained for one in candidates], self._seed)
        seconds = (time.perf_counter() - began) / max(1, len(candidates))
        return [Measurement(*self.measured(one), seconds) for one in fits]

    def convergence(
        self, trained: Sequence[Any], seed: int, keep: int | None = None, ways: Sequence[Any] | None = None
    ) -> ConvergenceTraining:
        """See StudyProblem: one after the other on all cores, each to its end."""
        return _Trainings(self, trained, seed, self._threads)


class _Trainings(ConvergenceTraining):
    """Trains as many at a time as there are cores; each is trained to its end."""

    def __init__(self, problem: FittedProblem[Any], candidates: Sequence[Any], seed: int, threads: int) -> None:
        self._problem, self._candidates, self._seed, self._at_once = problem, candidates, seed, threads
        self.fitted: list[TrainingResult] = []
        self.kept = None

    def __iter__(self) -> Iterator[Sequence[TrainingCurve]]:
        """Each step is some trainings."""
        while len(self.fitted) < len(self._candidates):
            start = len(self.fitted)
            new = self._problem.fitted(self._candidates[start : start + self._at_once], self._seed)
            self.fitted += map(self._problem.result, new)
            yield [self._curve(k) for k in range(len(self._candidates))]

    def _curve(self, k: int) -> TrainingCurve:
        curve = TrainingCurve()
        for score in self.fitted[k].curve if k < len(self.fitted) else ():
            curve.update(score)
        return curve

    def state_dict(self) -> dict[str, Any]:
        """See ConvergenceTraining."""
        return {"fitted": [one.to_dict() for one in self.fitted]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See ConvergenceTraining."""
        fitted: list[TrainingResult] = read(list[TrainingResult], state["fitted"])
        if len(fitted) > len(self._candidates):
            raise UserError(f"stored trainings: expected at most {len(self._candidates)}, got {len(fitted)}")
        self.fitted = fitted
