"""Settings for one loss, chosen on validation: learning rate, weight decay and smoothing term, relative to its scale.

For plain SGD, p <- p - lr (c g + lambda p) is p <- p - (lr c) (g + (lambda / c) p): a loss c times as large trains
like a learning rate c times as large with a decay c times as small. What is tried is therefore relative: with f the
factor that brings the loss's gradient to the norm of BCE's (`core.problems.scale`), a point (r, w) stands for the
learning rate r f, the decay w / f, and gradients clipped so that no step is longer than BCE's. A loss and its double
get the same trials, which come to the same.

The first trials are the middle of the region with every smoothing term; then Optuna's TPE proposes. The second half
walks: the neighbours of the best point so far, by a factor of 2 in each setting, are tried until it is better than all
of them; what is left is TPE's. The walk costs nothing beside, so that every loss has as many trials as any other; only
where the last of them leave a best point with untried neighbours, these are tried too.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any, Generic, TypeVar

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.samplers import TPESampler

from core.common.seeding import derive_seed
from recommenders.tasks.task import SgdSettings
from studies.common.processes import quiet

P = TypeVar("P")

#: What is searched, relative to BCE's scale; every loss has the same region. No step takes all of a parameter.
LEARNING_RATES, WEIGHT_DECAYS = (0.05, 100.0), (1e-7, 9e-3)
#: The longest step of an element, learning_rate * clip, of both presets and of every point.
LONGEST_STEP = 0.5
#: Trials that are asked for together.
AT_ONCE = 8
#: The factor between neighbours.
_STEP = 2.0


@dataclass(frozen=True)
class Point:
    """Settings of a loss, in units of its own scale."""

    learning_rate: float
    weight_decay: float
    epsilon: float | None
    """The smoothing term; None for losses that have none."""

    def sgd(self, factor: float) -> SgdSettings:
        """What it stands for.

        Args:
            factor: of the loss with this smoothing term, see the module.
        """
        rate = self.learning_rate * factor
        return SgdSettings(rate, self.weight_decay / factor, LONGEST_STEP / rate)

    @property
    def key(self) -> tuple[str, str, float | None]:
        """The same for points that differ by rounding only."""
        return f"{self.learning_rate:.6g}", f"{self.weight_decay:.6g}", self.epsilon


@dataclass(frozen=True)
class Tried(Generic[P]):
    """A point and what it came to."""

    point: P
    per_seed: tuple[float, ...]
    """The validation metric with each tuning seed; the worst value of the metric where training broke down."""

    @property
    def value(self) -> float:
        """The mean."""
        return fmean(self.per_seed)

    def told(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Return plain data.

        Args:
            point: as plain data.
        """
        return {**point, "value": self.value, "per_seed": list(self.per_seed)}


@dataclass(frozen=True)
class Side:
    """A neighbour of the chosen point."""

    setting: str
    direction: str
    """below or above."""
    point: Point
    value: float | None
    """Its validation metric; None if it was not tried."""

    def to_dict(self) -> dict[str, Any]:
        """Where it lies, and what it came to."""
        where = {"setting": self.setting, "direction": self.direction}
        return {**where, self.setting: getattr(self.point, self.setting), "value": self.value}


class OptunaTuner(Generic[P]):
    """Keeps what was asked for, and is told what it came to.

    Args:
        seed: of all draws.
        higher_is_better: which way the metric is read.
    """

    def __init__(self, seed: int, higher_is_better: bool) -> None:
        self._seed, self._round, self._side = seed, 0, 1 if higher_is_better else -1
        optuna.logging.set_verbosity(logging.ERROR)
        self._study = optuna.create_study(direction="maximize" if higher_is_better else "minimize")
        self._asked: list[tuple[optuna.Trial, P]] = []
        self.tried: list[Tried[P]] = []
        """All points so far, in order."""
        self.again: list[Tried[P]] = []
        """Those that were tried again, in longer trainings, where any were."""

    def tell(self, values: Sequence[Sequence[float]]) -> None:
        """What the points came to: for each, in order, the metric with each seed."""
        for (trial, point), per_seed in zip(self._asked, values, strict=True):
            self.tried.append(Tried(point, tuple(per_seed)))
            self._study.tell(trial, fmean(per_seed))
        self._asked.clear()

    @property
    def best(self) -> Tried[P]:
        """The best point so far, in longer trainings if there were any; of equal ones the first."""
        return max(self.again or self.tried, key=lambda tried: self._side * tried.value)

    def promising(self, n: int) -> list[P]:
        """Return the best n points so far, the best first."""
        ranked = sorted(self.tried, key=lambda tried: -self._side * tried.value)
        return [tried.point for tried in ranked[:n]]


class Tuner(OptunaTuner[Point]):
    """Asks for points and is told what they came to.

    Args:
        factors: of the loss, see the module, by the smoothing terms to choose from, in order; None for a loss without.
        seed: of all draws.
        higher_is_better: which way the metric is read.
    """

    def __init__(self, factors: Mapping[float | None, float], seed: int, higher_is_better: bool) -> None:
        super().__init__(seed, higher_is_better)
        self.factors, self._epsilons = factors, tuple(factors)

    def sgd(self, point: Point) -> SgdSettings:
        """What a point stands for."""
        return point.sgd(self.factors[point.epsilon])

    def ask(self, n: int | None, walk: bool) -> list[Point]:
        """Points to try next: some that are wanted first, then TPE's.

        Args:
            n: how many; None: what is wanted and nothing else, which is nothing where the best point is bracketed.
            walk: whether the neighbours of the best point are wanted that were not tried yet; else, at first, the
                middle of the region with every smoothing term: a loss with many is not worse off for it.
        """
        wanted = [side.point for side in self.bracket() if side.value is None] if walk else []
        if not walk and not self.tried:
            rate, decay = (math.sqrt(low * high) for low, high in (LEARNING_RATES, WEIGHT_DECAYS))
            wanted = [Point(rate, decay, epsilon) for epsilon in self._epsilons]
        wanted = wanted[:n]
        for point in wanted:
            self._study.enqueue_trial(self._params(point))
        self._study.sampler = self._sampler()
        self._round += 1
        for number in range(len(wanted) if n is None else n):
            trial = self._study.ask(self._space())
            self._asked.append((trial, wanted[number] if number < len(wanted) else self._point(trial.params)))
        return [point for _, point in self._asked]

    def _sampler(self) -> TPESampler:
        """Made anew for every round, so that its draws depend on the seed and on the round alone."""
        seed = derive_seed(self._seed, "tuner", self._round) % 2**32
        with quiet():
            return TPESampler(seed=seed, n_startup_trials=AT_ONCE, multivariate=True, constant_liar=True)

    def bracket(self) -> list[Side]:
        """The neighbours of the best point within the region, and what they came to."""
        point, moved = self.best.point, list[tuple[str, str, Point]]()
        for setting, (low, high) in (("learning_rate", LEARNING_RATES), ("weight_decay", WEIGHT_DECAYS)):
            for direction, factor in (("below", 1 / _STEP), ("above", _STEP)):
                changed: Mapping[str, Any] = {setting: getattr(point, setting) * factor}
                if low <= changed[setting] <= high:
                    moved.append((setting, direction, replace(point, **changed)))
        order = sorted(e for e in self._epsilons if e is not None)
        for direction, step in (("below", -1), ("above", 1)):
            place = order.index(point.epsilon) + step if point.epsilon is not None else -1
            if 0 <= place < len(order):
                moved.append(("epsilon", direction, replace(point, epsilon=order[place])))
        known = {tried.point.key: tried.value for tried in self.tried}
        return [Side(*side, known.get(side[-1].key)) for side in moved]

    @property
    def at_an_end(self) -> list[str]:
        """The settings whose best value has no neighbour on one side: better ones may lie outside of the region."""
        there = {(side.setting, side.direction) for side in self.bracket()}
        names = ("learning_rate", "weight_decay")
        return [name for name in names if not {(name, "below"), (name, "above")} <= there]

    def _space(self) -> dict[str, BaseDistribution]:
        space: dict[str, BaseDistribution] = {
            "learning_rate": FloatDistribution(*LEARNING_RATES, log=True),
            "weight_decay": FloatDistribution(*WEIGHT_DECAYS, log=True),
        }
        return space if len(self._epsilons) == 1 else space | {"epsilon": CategoricalDistribution(self._epsilons)}

    def _params(self, point: Point) -> dict[str, Any]:
        return {name: value for name, value in asdict(point).items() if name in self._space()}

    def _point(self, params: Mapping[str, Any]) -> Point:
        return Point(**{"epsilon": self._epsilons[0], **params})
