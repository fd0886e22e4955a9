"""What a comparison of searchers has come to: plain data, made from the files of its parts, and curves of it.

The curves are how far searchers have come by when: the best so far, and targets reached (COCO, Hansen et al., 2021). In
shapes: S searchers in the order of the command line, n seeds, G budgets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

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


Array = NDArray[np.float64]
Clock = Literal["candidate_epochs", "seconds"]

_N_TARGETS = 51  # as in COCO
#: Trainings after which regrets are told, or a step before, as far as the budget goes.
_BUDGETS = (25, 50, 100, 200, 500, 1_000, 2_000, 5_000)


@dataclass(frozen=True)
class Curves:
    """The best so far by budget, over the seeds of each searcher."""

    grid: Array
    """[G], candidate-epochs or seconds: every value at which some run took a step."""
    quartiles: Array
    """[3, S, G], in units of the metric: see `quartiles`."""


@dataclass(frozen=True)
class Targets:
    """How many targets were reached by when."""

    grid: Array
    """[G], candidate-epochs."""
    levels: Array
    """Evenly spaced from the median of the runs' first values to the best value of all; empty without any."""
    share: Array
    """[S, G], the part of all (run, target) pairs that is reached; 0 to 1, and never falls."""


@dataclass(frozen=True)
class Regrets:
    """How far the best so far is from the best that there is, where that is known."""

    optimum: Optimum
    """What that is."""
    trainings: Array
    """[B], budgets."""
    median: Array
    """[S, B], in units of the metric, over the seeds; NaN where nothing was found by then."""
    reached: Array
    """[S, B], the part of the runs that have one of the best share of all."""


def quartiles(values: Array, higher_is_better: bool) -> Array:
    """[n, ...] -> [3, ...]: worse quartile, median, better quartile; NaN where one falls on a run without a value."""
    side = 1 if higher_is_better else -1
    with np.errstate(invalid="ignore"):  # halfway between two runs without a value: -inf + inf, NaN as it should be
        found = np.quantile(np.where(np.isnan(values), -np.inf, side * values), (0.25, 0.5, 0.75), axis=0)
    return np.where(np.isfinite(found), side * found, np.nan)


def anytime(outcome: Outcome, clock: Clock) -> Curves:
    """Quartiles of the best so far; a run that has ended keeps its last value."""
    grid = _grid(outcome, clock)
    each = [np.array([_steps(run, clock, grid) for run in outcome.of(name)]) for name in outcome.searchers]
    return Curves(grid, np.stack([quartiles(values, outcome.higher_is_better) for values in each], axis=1))


def targets_reached(outcome: Outcome) -> Targets:
    """The empirical distribution of the targets reached, all runs of a searcher together."""
    grid, side = _grid(outcome, "candidate_epochs"), 1 if outcome.higher_is_better else -1
    each = [[side * _steps(run, "candidate_epochs", grid) for run in outcome.of(name)] for name in outcome.searchers]
    found = [values[np.isfinite(values)] for runs in each for values in runs if np.isfinite(values).any()]
    if not found:
        return Targets(grid, np.empty(0), np.zeros((len(each), grid.size)))
    levels = np.linspace(np.median([values[0] for values in found]), max(values.max() for values in found), _N_TARGETS)
    counts = [np.searchsorted(levels, np.where(np.isnan(runs), -np.inf, runs), side="right") for runs in each]
    return Targets(grid, side * levels, np.array([count.mean(axis=0) / _N_TARGETS for count in counts]))


def regrets(outcome: Outcome) -> Regrets | None:
    """Regrets by budget, see Regrets; None where the best is not known, or nothing was trained."""
    optimum, grid = outcome.optimum, _grid(outcome, "candidate_epochs")
    if optimum is None or not grid.size:
        return None
    # What is known after a step, and not between: so budgets are those of the steps before.
    wanted = np.searchsorted(grid, np.array(_BUDGETS) * optimum.cost, side="right") - 1
    at = np.unique(grid[[*wanted[wanted >= 0], -1]])
    trainings, side = at / optimum.cost, 1 if outcome.higher_is_better else -1
    values = [np.array([_steps(run, "candidate_epochs", at) for run in outcome.of(name)]) for name in outcome.searchers]
    medians = [side * (optimum.best - quartiles(runs, outcome.higher_is_better)[1]) for runs in values]
    reached = [(side * (runs - optimum.top) >= 0).mean(axis=0) for runs in values]
    return Regrets(optimum, trainings, np.stack(medians), np.stack(reached))


def _grid(outcome: Outcome, clock: Clock) -> Array:
    return np.unique([float(getattr(point, clock)) for run in outcome.runs for point in run.points])


def _steps(run: Run, clock: Clock, grid: Array) -> Array:
    """The step function of a run on the grid; NaN before its first point."""
    at = [getattr(point, clock) for point in run.points]
    return np.array([math.nan, *(point.best for point in run.points)])[np.searchsorted(at, grid, side="right")]
