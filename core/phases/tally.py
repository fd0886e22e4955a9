"""Counting what became of candidates, and keeping the accepted ones."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple

from core.common.restoring import count, read
from core.phases.front import pareto_front
from core.search.search import Step
from core.search.space import C, Space
from core.search.trial import Trial, Verdict, read_genome


class Reached(NamedTuple):
    """The best score of the accepted candidates of one complexity."""

    complexity: int
    """Of the simplest form, such as its operators."""
    score: float
    """The best validation score of one of them, higher is better."""


@dataclass
class Tally(Generic[C]):
    """The counts and the accepted candidates of a search so far."""

    space: Space[C]
    """Where candidates come from."""
    complexity: Callable[[C], int]
    """Of the simplest form of a candidate."""
    sampled: int = 0
    """Candidates proposed."""
    trained: int = 0
    """Candidates measured, which for losses means trained."""
    cost: float = 0
    """What measuring took, in passes over the training rows."""
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    """Candidates by verdict."""
    best: Trial[C] | None = None
    """The measured candidate with the best validation score."""
    accepted: dict[str, C] = field(default_factory=dict)
    """Key -> an accepted candidate (the list L of Algorithm 1, each one once)."""
    scores: dict[str, float] = field(default_factory=dict)
    """Key -> the best validation score of that accepted candidate."""
    _by_complexity: dict[int, float] = field(default_factory=dict, init=False, repr=False)

    def add(self, step: Step[C]) -> None:
        """Take in a step of the search."""
        for trial in step.trials:
            self.sampled += 1
            self.trained += trial.trained
            self.cost += trial.cost
            self.verdicts[trial.verdict] += 1
            if trial.verdict is Verdict.ACCEPTED:
                self._accept(trial.candidate.solution, trial.score)
            if trial.trained and trial.score is not None and (self.best is None or trial.score > self.best_score):
                self.best = trial

    def _accept(self, solution: C, score: float | None) -> None:
        key = solution.key
        self.accepted.setdefault(key, solution)
        if score is not None:
            self.scores[key] = max(score, self.scores.get(key, score))
            self._reach(solution, score)

    def _reach(self, solution: C, score: float) -> None:
        """Kept as candidates come in, since a long search accepts thousands and asks for its front at every step."""
        complexity = self.complexity(solution)
        self._by_complexity[complexity] = max(score, self._by_complexity.get(complexity, score))

    @property
    def best_score(self) -> float:
        """The best validation score after a training; NaN before the first."""
        return float("nan") if self.best is None or self.best.score is None else self.best.score

    @property
    def front(self) -> list[Reached]:
        """The Pareto front of score against complexity, the simplest first.

        Scores of Phase I, which are comparable only where all candidates start from the same recommender.
        """
        entries = [Reached(*item) for item in self._by_complexity.items()]
        return pareto_front(entries, lambda one: one.complexity, lambda one: one.score)

    def funnel(self) -> dict[str, int]:
        """Return counts by name: sampled, one for every verdict, and trained."""
        return {
            "sampled": self.sampled,
            **{verdict.value: self.verdicts[verdict] for verdict in Verdict},
            "trained": self.trained,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the tally as plain data, for storage; `from_dict` reads it back."""
        return {
            "sampled": self.sampled,
            "trained": self.trained,
            "cost": self.cost,
            "verdicts": {verdict.value: count for verdict, count in self.verdicts.items()},
            "best": None if self.best is None else self.best.to_dict(),
            "accepted": [self.space.encode(one).tolist() for one in self.accepted.values()],
            "scores": dict(self.scores),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], space: Space[C], complexity: Callable[[C], int]) -> Tally[C]:
        """Read what `to_dict` wrote in a search of this space.

        Args:
            stored: what it wrote.
            space: where candidates come from.
            complexity: of the simplest form of a candidate.

        Raises:
            TypeError, ValueError, KeyError, UserError: it did not.
        """
        cost = read(int | float, stored["cost"])
        if not 0 <= cost < math.inf:
            raise ValueError(f"expected a cost of at least 0, got {cost}")
        accepted = [space.decode(read_genome(genome)[None])[0] for genome in read(list[Any], stored["accepted"])]
        tally = cls(
            space,
            complexity,
            count(stored["sampled"]),
            count(stored["trained"]),
            cost,
            Counter({Verdict(name): count(number) for name, number in stored["verdicts"].items()}),
            None if stored["best"] is None else Trial.from_dict(stored["best"], space),
            {one.key: one for one in accepted},
            read(dict[str, float], stored["scores"]),
        )
        for key, score in tally.scores.items():
            if key in tally.accepted:
                tally._reach(tally.accepted[key], score)
        return tally
