"""Counting what became of candidates, and keeping the accepted ones."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.analysis.front import pareto_front
from core.analysis.simplify import simplified
from core.common.restoring import count, read
from core.losses.loss import ProgramLoss
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.search import Step
from core.search.trial import Trial, Verdict


class Reached(NamedTuple):
    """What accepted losses of one length reach."""

    complexity: int
    """Operators of the simplified form."""
    score: float
    """The best validation score after a training by one of them, higher is better."""


@dataclass
class Tally:
    """What a search has come to so far."""

    space: OperatorSpace
    """How the operators of candidates behave."""
    sampled: int = 0
    """Candidates proposed."""
    trained: int = 0
    """Candidates trained."""
    cost: float = 0
    """What training took, in passes over the training rows."""
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    """Candidates by verdict."""
    best: Trial[LossProgram] | None = None
    """The trained candidate with the best validation score."""
    accepted: dict[str, LossProgram] = field(default_factory=dict)
    """Key -> an accepted program (the list L of Algorithm 1, each loss once)."""
    scores: dict[str, float] = field(default_factory=dict)
    """Key -> the best validation score after a training by that accepted program."""
    _by_complexity: dict[int, float] = field(default_factory=dict, init=False, repr=False)

    def add(self, step: Step[LossProgram]) -> None:
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

    def _accept(self, program: LossProgram, score: float | None) -> None:
        self.accepted.setdefault(program.key, program)
        if score is not None:
            self.scores[program.key] = max(score, self.scores.get(program.key, score))
            self._reach(program, score)

    def _reach(self, program: LossProgram, score: float) -> None:
        """Kept as losses come in, since a long search accepts thousands and asks for its front at every step."""
        complexity = simplified(ProgramLoss(program, self.space)).complexity
        self._by_complexity[complexity] = max(score, self._by_complexity.get(complexity, score))

    @property
    def best_score(self) -> float:
        """The best validation score after a training; NaN before the first."""
        return float("nan") if self.best is None or self.best.score is None else self.best.score

    @property
    def front(self) -> list[Reached]:
        """What is reached with how many operators, where no fewer reach as much; the simplest first.

        Scores of Phase I, which are comparable only where all candidates start from the same recommender.
        """
        entries = [Reached(*item) for item in self._by_complexity.items()]
        return pareto_front(entries, lambda one: one.complexity, lambda one: one.score)

    def funnel(self) -> dict[str, int]:
        """Counts by name: sampled, a count for every verdict, and trained."""
        return {
            "sampled": self.sampled,
            **{verdict.value: self.verdicts[verdict] for verdict in Verdict},
            "trained": self.trained,
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for storage; `from_dict` reads it back."""
        return {
            "sampled": self.sampled,
            "trained": self.trained,
            "cost": self.cost,
            "verdicts": {verdict.value: count for verdict, count in self.verdicts.items()},
            "best": None if self.best is None else self.best.to_dict(),
            "accepted": [program.to_dict() for program in self.accepted.values()],
            "scores": dict(self.scores),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], space: OperatorSpace) -> Tally:
        """Read what `to_dict` wrote in a search of this space."""
        accepted, cost = read(list[LossProgram], stored["accepted"]), read(int | float, stored["cost"])
        if not 0 <= cost < math.inf:
            raise ValueError(f"expected a cost of at least 0, got {cost}")
        tally = cls(
            space,
            count(stored["sampled"]),
            count(stored["trained"]),
            cost,
            Counter({Verdict(name): count(number) for name, number in stored["verdicts"].items()}),
            None if stored["best"] is None else Trial.from_dict(stored["best"], space),
            {program.key: program for program in accepted},
            read(dict[str, float], stored["scores"]),
        )
        for key, score in tally.scores.items():
            if key in tally.accepted:
                tally._reach(tally.accepted[key], score)
        return tally
