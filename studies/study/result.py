"""What a study found: what phases I and II came to, and in the end the content of result.json."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

import numpy as np
import torch

from core.common.restoring import count, read
from core.phases.baseline_comparison import BaselineComparison, compare
from core.phases.contender import Contender, Finished, TrainingResult, mean_score
from core.phases.front import pareto_front
from core.phases.picking import Pick
from core.phases.problem import StudyProblem
from core.phases.tally import Tally
from core.phases.told import ToldTable
from core.search.search import StopReason
from core.search.space import Space
from core.search.trial import read_genome
from recommenders.tasks.loss_problem import TrainedLossProblem
from recommenders.tasks.task import RecommendationTask
from studies.storage.output import plain
from studies.study.settings import StudySettings


@dataclass(frozen=True)
class Found:
    """What phases I and II came to."""

    tally: Tally[Any]
    """What became of the candidates."""
    stop: StopReason
    """Why Phase I ended."""
    finalists: tuple[Contender[Any], ...]
    """What goes on to Phase III, the most promising first."""
    simpler: tuple[Contender[Any], ...]
    """More of them: not among the most promising, and the best of all that are no more complex."""
    n_passed: int
    """Accepted candidates that passed the checks of Phase II."""

    @property
    def candidate_epochs(self) -> int:
        """Passes over the training rows in Phase I, summed over candidates."""
        return int(self.tally.cost)

    def score(self, contender: Contender[Any]) -> float | None:
        """The best validation score of a contender in Phase I, if it has one."""
        return None if contender.solution is None else self.tally.scores.get(contender.solution.key)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for storage; `from_dict` reads it back."""
        space = self.tally.space
        return {
            "tally": self.tally.to_dict(),
            "stop": self.stop.name,
            "finalists": [_stored(one, space) for one in self.finalists],
            "simpler": [_stored(one, space) for one in self.simpler],
            "n_passed": self.n_passed,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], problem: StudyProblem[Any]) -> Found:
        """Read what `to_dict` wrote in a study of this problem."""
        return cls(
            Tally.from_dict(stored["tally"], problem.space, problem.complexity),
            StopReason[stored["stop"]],
            tuple(_restored(one, problem) for one in stored["finalists"]),
            tuple(_restored(one, problem) for one in stored["simpler"]),
            count(stored["n_passed"]),
        )


def _restored(stored: Mapping[str, Any], problem: StudyProblem[Any]) -> Contender[Any]:
    (solution,) = problem.space.decode(read_genome(stored["genome"])[None])
    return problem.contender(solution, read(dict[str, Any], stored["notes"]))


def _stored(contender: Contender[Any], space: Space[Any]) -> dict[str, Any]:
    assert contender.notes is not None, "it was searched"
    return {"genome": space.encode(contender.solution).tolist(), "notes": dict(contender.notes)}


@dataclass(frozen=True)
class StudyResult:
    """The outcome of phases I, II and III."""

    settings: StudySettings
    problem: StudyProblem[Any]
    search: Found
    """What phases I and II came to."""
    finished: tuple[Finished[Any], ...]
    """Contenders after Phase III, the searched ones first."""
    found: int | None
    """The number of what is taken: the best searched one, or the one that was picked; None if there is none."""
    model: Any
    """What was kept of it, for a loss the recommender that it trained (leading K = 1); None if there is nothing."""
    seconds: float
    """Of the whole study; the only number here that another run with the same seed may change."""

    @property
    def task(self) -> RecommendationTask:
        """What the found loss trained; only where losses were searched."""
        assert isinstance(self.problem, TrainedLossProblem), "losses were searched"
        return self.problem.task

    @property
    def finalists(self) -> tuple[Finished[Any], ...]:
        """The searched contenders: what is taken, trained with every seed, then the others by validation score."""
        best = () if self.found is None else (self.finished[self.found],)
        others = [f for i, f in enumerate(self.finished) if f.contender.is_searched and i != self.found]
        return (*best, *sorted(others, key=lambda f: -f.score(self.problem.metric)))

    @property
    def baselines(self) -> tuple[Finished[Any], ...]:
        """What is compared with."""
        return tuple(f for f in self.finished if not f.contender.is_searched)

    @property
    def kinds(self) -> list[tuple[str, Finished[Any]]]:
        """Every contender with its kind: found, what is taken first, or baseline."""
        return [("found", one) for one in self.finalists] + [("baseline", one) for one in self.baselines]

    @property
    def best(self) -> Finished[Any] | None:
        """What `pick` takes by validation with the seeds of the choice; None if nothing was accepted."""
        return None if self.found is None else self.finished[self.found]

    @cached_property
    def tables(self) -> tuple[ToldTable, ...]:
        """What was found, in tables of the problem's."""
        return () if self.best is None else tuple(self.problem.tables(self.best.trained))

    @property
    def is_as_simple_as_asked(self) -> bool:
        """Whether something was found that is as simple as `pick` asks for."""
        return self.best is None or self.best.complexity <= Pick.parse(self.settings.judging.pick).complexity

    @property
    def front(self) -> tuple[Finished[Any], ...]:
        """The searched contenders that none beats by being better on validation and no more complex, simplest first.

        Validation with the seeds that all of them share; complexity of the simplest form.
        """
        metric = self.problem.metric

        def score(one: Finished[Any]) -> float:
            return mean_score(metric, one.shared)

        return tuple(pareto_front(self.finalists, lambda one: one.complexity, score))

    @property
    def comparison(self) -> BaselineComparison | None:
        """What is taken against the best baseline, both chosen on validation."""
        if self.best is None:
            return None
        return compare(self.best, self.baselines, self.problem.metric, self.problem.terms.one)

    def to_dict(self) -> dict[str, Any]:
        """Everything that a script may need, as plain numbers, strings, lists and dicts; NaN becomes None."""
        best, comparison, tally = self.best, self.comparison, self.search.tally
        return {
            "best": None if best is None else self._described(best),
            "baselines": {finished.contender.name: self._described(finished) for finished in self.baselines},
            "comparison": None if comparison is None else plain(comparison.to_dict()),
            "finalists": [self._described(finished) for finished in self.finalists],
            "front": [_on_front(finished) for finished in self.front],
            "funnel": tally.funnel(),
            "search": {
                "stopped": self.search.stop.value,
                "candidate_epochs": self.search.candidate_epochs,
                "best_validation": plain(self.problem.metric.value(tally.best_score)),
                "distinct_accepted": len(tally.accepted),
                "passed_validation_check": self.search.n_passed,
            },
            **({"tables": [plain(asdict(one)) for one in self.tables]} if self.tables else {}),
            "dataset": self.problem.described(),
            "metric": self.problem.metric.name,
            "device": self.problem.device,
            "versions": versions(),
            "settings": self.settings.to_dict(),
            "seconds": round(self.seconds, 3),
            **({} if self.problem.terms.are_losses else {"problem": self._terms()}),
        }

    def _terms(self) -> dict[str, Any]:
        """How one speaks of what is searched, for pages; of losses everybody knows."""
        metrics = [{"name": one.name, "higher_is_better": one.higher_is_better} for one in self.problem.metrics]
        return {**self.problem.terms.to_dict(), "metrics": metrics}

    def _described(self, finished: Finished[Any]) -> dict[str, Any]:
        """One contender; metrics are means over its seeds."""
        contender, solution, simple = finished.contender, finished.contender.solution, finished.simple
        described: dict[str, Any] = {
            "name": contender.name,
            "formula": None if solution is None else str(solution),
            "complexity": None if solution is None else solution.complexity,
            "simplified": None if simple is None else {"formula": str(simple), "complexity": simple.complexity},
            "program": None if solution is None else solution.to_dict(),
            "epsilon": finished.epsilon,
            **plain(finished.variant.way or {}),
            **self.problem.details(finished.trained),
            "validation": means([fitted.validation for fitted in finished.fitted]),
            "test": means([fitted.test for fitted in finished.fitted]),
            "per_seed": [_described_fit(fitted) for fitted in finished.fitted],
        }
        if self.settings.protocol.rehearsals:
            described["chosen_by"] = [_described_fit(fitted) for fitted in finished.chosen_by]
        if contender.notes is not None:
            passed = {"passed_validation_check": self.search.n_passed > 0}
            described |= {"key": solution and solution.key, **contender.notes, **passed}
        return described


def _on_front(finished: Finished[Any]) -> dict[str, Any]:
    """A row of the Pareto front: metrics are means over the seeds that all share."""
    return plain(
        {
            "complexity": finished.complexity,
            "formula": str(finished.simple),
            "name": finished.contender.name,
            "epsilon": finished.epsilon,
            "validation": means([fitted.validation for fitted in finished.shared]),
            "test": means([fitted.test for fitted in finished.shared]),
        }
    )


def _described_fit(fitted: TrainingResult) -> dict[str, Any]:
    return plain(
        {
            "validation": fitted.validation,
            "test": fitted.test,
            "epochs": fitted.epochs,
            "best_epoch": fitted.best_epoch,
            **({"chosen": fitted.chosen} if fitted.chosen else {}),
        }
    )


def means(metrics: Sequence[dict[str, float]]) -> dict[str, float | None]:
    """The mean of every metric; None where one of the numbers is missing or not finite."""
    names = list(dict.fromkeys(name for values in metrics for name in values))
    return {name: plain(fmean(values.get(name, math.nan) for values in metrics)) for name in names}


def versions() -> dict[str, str]:
    """What the numbers were computed with."""
    return {"python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__}
