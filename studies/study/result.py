"""What a study found: the content of result.json, and in words whether the found loss wins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from core.analysis.front import pareto_front
from core.analysis.picking import Pick
from core.analysis.tally import Tally
from core.search.search import StopReason
from recommenders.models.recommender import Weights
from recommenders.tasks.convergence import TrainingResult
from recommenders.tasks.finals import Finished, validation_score
from recommenders.tasks.task import RecommendationTask
from studies.storage.output import plain
from studies.study.baseline_comparison import BaselineComparison, compare
from studies.study.recording import described_data, versions
from studies.study.settings import StudySettings


@dataclass(frozen=True)
class StudyResult:
    """The outcome of phases I, II and III."""

    settings: StudySettings
    task: RecommendationTask
    tally: Tally
    """What became of the candidates of Phase I."""
    stop: StopReason
    """Why Phase I ended."""
    candidate_epochs: int
    """Epochs trained in Phase I, summed over candidates."""
    n_passed: int
    """Accepted losses that passed the validation check."""
    finished: tuple[Finished, ...]
    """Contenders after Phase III, the searched ones first."""
    n_searched: int
    """How many of them are searched."""
    found: int | None
    """The number of the one that is the found loss: the best, or the one that was picked; None if there is none."""
    model: Weights | None
    """A recommender trained by the best found loss (leading K = 1); None if there is none."""
    seconds: float
    """Of the whole study; the only number here that another run with the same seed may change."""

    @property
    def finalists(self) -> tuple[Finished, ...]:
        """The searched contenders: the found loss, trained with every seed, then the others by validation score."""
        best = () if self.found is None else (self.finished[self.found],)
        others = [f for i, f in enumerate(self.finished[: self.n_searched]) if i != self.found]
        return (*best, *sorted(others, key=lambda f: -f.score(self.task.metric)))

    @property
    def baselines(self) -> tuple[Finished, ...]:
        """The losses to compare with."""
        return self.finished[self.n_searched :]

    @property
    def kinds(self) -> list[tuple[str, Finished]]:
        """Every contender with its kind: found, the found loss first, or baseline."""
        return [("found", one) for one in self.finalists] + [("baseline", one) for one in self.baselines]

    @property
    def best(self) -> Finished | None:
        """The found loss: what `pick` takes by validation with the first seed; None if nothing was accepted."""
        return None if self.found is None else self.finished[self.found]

    @property
    def is_as_simple_as_asked(self) -> bool:
        """Whether a loss was found that is as simple as `pick` asks for."""
        return self.best is None or complexity_of(self.best) <= Pick.parse(self.settings.pick).complexity

    @property
    def front(self) -> tuple[Finished, ...]:
        """The searched contenders that none beats by being better on validation and no longer; the shortest first.

        Validation with the first seed, which all of them were trained with; length of the simplified form.
        """
        return tuple(pareto_front(self.finalists, complexity_of, self._first_score))

    def _first_score(self, finished: Finished) -> float:
        return validation_score(self.task.metric, finished.fitted[0])

    @property
    def comparison(self) -> BaselineComparison | None:
        """The best found loss against the best baseline, both chosen on validation."""
        return None if self.best is None else compare(self.best, self.baselines, self.task.metric)

    def to_dict(self) -> dict[str, Any]:
        """Everything that a script may need, as plain numbers, strings, lists and dicts; NaN becomes None."""
        best, comparison = self.best, self.comparison
        return {
            "best": None if best is None else _described(best, self.n_passed > 0),
            "baselines": {finished.contender.name: _described(finished, None) for finished in self.baselines},
            "comparison": None if comparison is None else plain(comparison.to_dict()),
            "finalists": [_described(finished, self.n_passed > 0) for finished in self.finalists],
            "front": [_on_front(finished) for finished in self.front],
            "funnel": self.tally.funnel(),
            "search": {
                "stopped": self.stop.value,
                "candidate_epochs": self.candidate_epochs,
                "best_validation": plain(self.task.metric.value(self.tally.best_score)),
                "distinct_accepted": len(self.tally.accepted),
                "passed_validation_check": self.n_passed,
            },
            "dataset": described_data(self.task.dataset),
            "metric": self.task.metric.name,
            "device": self.task.trainer.device.type,
            "versions": versions(),
            "settings": self.settings.to_dict(),
            "seconds": round(self.seconds, 3),
        }


def complexity_of(finished: Finished) -> int:
    """The number of operators of the simplified form; 0 for losses with a closed form of their own."""
    return 0 if finished.simple is None else finished.simple.complexity


def _on_front(finished: Finished) -> dict[str, Any]:
    """A row of the Pareto front: metrics of the first seed."""
    first = finished.fitted[0]
    return plain(
        {
            "complexity": complexity_of(finished),
            "formula": str(finished.simple),
            "name": finished.contender.name,
            "epsilon": finished.epsilon,
            "validation": first.validation,
            "test": first.test,
        }
    )


def _described(finished: Finished, passed: bool | None) -> dict[str, Any]:
    """One loss; metrics are means over its seeds."""
    contender, program = finished.contender, finished.contender.program
    described: dict[str, Any] = {
        "name": contender.name,
        "formula": program and str(program),
        "complexity": program and program.complexity,
        "simplified": finished.simple and {"formula": str(finished.simple), "complexity": finished.simple.complexity},
        "program": program and program.to_dict(),
        "epsilon": finished.epsilon,
        "scale": finished.loss.scale,
        "validation": means([fitted.validation for fitted in finished.fitted]),
        "test": means([fitted.test for fitted in finished.fitted]),
        "per_seed": [_described_fit(fitted) for fitted in finished.fitted],
    }
    if program is not None and contender.direction is not None:
        described |= {
            "key": program.key,
            "positive_rate": contender.direction.positive_rate,
            "strict_rate": contender.direction.strict_rate,
            "passed_validation_check": passed,
        }
    return described


def _described_fit(fitted: TrainingResult) -> dict[str, Any]:
    return plain(
        {
            "validation": fitted.validation,
            "test": fitted.test,
            "epochs": fitted.epochs,
            "best_epoch": fitted.best_epoch,
        }
    )


def means(metrics: Sequence[dict[str, float]]) -> dict[str, float | None]:
    """The mean of every metric; None where one of the numbers is missing or not finite."""
    names = list(dict.fromkeys(name for values in metrics for name in values))
    return {name: plain(fmean(values.get(name, math.nan) for values in metrics)) for name in names}
