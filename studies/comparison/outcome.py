"""What a comparison of searchers has come to: plain data, made from the files of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.phases.problem import Optimum
from core.phases.terms import Terms
from recommenders.tasks.loss_problem import LOSS_TERMS


@dataclass(frozen=True)
class Point:
    """Where a run stood after a step."""

    candidate_epochs: int
    """Trained so far, summed over candidates: the budget in which searchers are compared."""
    seconds: float
    """Since the run began; not the same in another run with the same seed."""
    best: float
    """The validation metric of the best candidate so far, right after its short training; NaN before the first."""


@dataclass(frozen=True)
class Converged:
    """Something found or known, trained to convergence with several seeds (Phase III)."""

    name: str
    """The formula, or the name of a named loss."""
    complexity: int | None
    """As it was found, such as its operators; None for known ones that are no candidates."""
    epsilon: float | None
    """The value of its constant chosen on validation, such as a smoothing term; None where there is none."""
    validation: tuple[float, ...]
    """The metric on validation at the best epoch, a number for each seed."""
    test: tuple[float, ...]
    """The same on test. Seeds are shared by all losses, so position i of two losses is a pair."""


@dataclass(frozen=True)
class Run:
    """One searcher with one seed."""

    searcher: str
    """As asked for on the command line, options included, such as `optuna:sampler=cmaes`."""
    seed: int
    """Runs of equal seed share the start, the batches and the proxy batch, whatever their searcher."""
    points: tuple[Point, ...]
    """One for each step, in order."""
    funnel: Mapping[str, int]
    """Counts: sampled, every Verdict by its value, trained."""
    stop: str
    """Why it ended, a sentence."""
    seconds: Mapping[str, float]
    """Wall-clock by what it went to: searcher (ask and tell), training, other."""
    best: Converged | None
    """The best loss that it found; None if it found none."""

    @property
    def final(self) -> float:
        """The validation metric of the best candidate at the end of the search."""
        return self.points[-1].best if self.points else float("nan")


@dataclass(frozen=True)
class NoiseFloor:
    """How much seeds alone move a loss that stays the same: differences below this mean nothing."""

    loss: str
    """The loss that was trained again and again."""
    search: tuple[float, ...]
    """The validation metric after the short training of a search, a number for each seed."""
    converged: tuple[float, ...]
    """The test metric after training to convergence, a number for each seed."""


@dataclass(frozen=True)
class Outcome:
    """A whole comparison."""

    runs: tuple[Run, ...]
    """Every searcher with every seed, in the order of the command line, seeds ascending."""
    baselines: tuple[Converged, ...]
    """Known losses, trained with the same seeds as the found ones."""
    noise: NoiseFloor
    """Measured before anything else."""
    metric: str
    """Name of the metric, such as auc or rmse."""
    higher_is_better: bool
    """Which way the metric is read."""
    start: float
    """The validation metric of the untrained recommender, the mean over seeds."""
    settings: Mapping[str, Any]
    """Of the comparison, by name."""
    data: Mapping[str, Any]
    """Name of the data set, and how many users, items and rows each part has."""
    command: str
    """What to type to run it again."""
    optimum: Optimum | None = None
    """The best that there is to find, where that is known."""
    terms: Terms = LOSS_TERMS
    """How one speaks of what is searched."""

    @property
    def searchers(self) -> tuple[str, ...]:
        """In the order of the command line."""
        return tuple(dict.fromkeys(run.searcher for run in self.runs))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Ascending."""
        return tuple(sorted({run.seed for run in self.runs}))

    def of(self, searcher: str) -> tuple[Run, ...]:
        """The runs of a searcher, seeds ascending."""
        return tuple(sorted((run for run in self.runs if run.searcher == searcher), key=lambda run: run.seed))
