"""Constants of a loss on rankings, and its learning rate, chosen on validation.

All losses get the same: so many settings are trained for a third of the epochs, the first of them drawn over the
regions of their constants, the others proposed by a Gaussian process from what those before gave; the best two are
trained anew for all epochs. Every training has the whole learning rate schedule, so what is short is not merely the
beginning of what is long. Shorter rounds would be no cheaper way to the same end: in few steps the fastest temperature
wins, which is the highest, whatever is best in the end (docs/results.md has the figures).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from core.common.blas import blas_on_one_core
from core.common.errors import UserError
from core.common.region import Range
from core.common.seeding import derive_seed
from core.losses.setwise.ranking_loss import RankingLoss
from core.losses.setwise.registry import constants_given, parse_ranking_loss
from core.programs.sets.shape import Shape
from core.search.effectiveness import EarlyStopping
from core.search.surrogate import next_point, spread_points
from recommenders.backends.compiled.cores import Cores
from recommenders.backends.ranking.base import VectorTask
from recommenders.backends.ranking.registry import find_trainer
from recommenders.common.machine import Machine
from recommenders.tasks.ranking.training import RankingPlan, RankingTraining

RATE = "learning_rate"
_RATES = Range(0.01, 0.2, True)
#: The first round has a third of the epochs, the last one the best two settings.
_FACTOR, _LAST = 3, 2
#: Settings that are drawn before the Gaussian process has its say, and for each of them how many are drawn to take the
#: places of those that are not allowed.
_DRAWN, _REPLACEMENTS = 5, 4

#: Tells whether constants, by name, are worth a training.
Allowed = Callable[[Mapping[str, float]], bool]


@dataclass(frozen=True)
class OpenLoss:
    """A loss with constants to be tuned."""

    line: str
    """A known loss, whose given constants stay, or a formula, whose numbers stay."""
    shape: Shape | None = None
    """What was searched; None for a known one."""

    @cached_property
    def _loss(self) -> RankingLoss:
        return parse_ranking_loss(self.line)

    @cached_property
    def ranges(self) -> Mapping[str, Range]:
        """The regions of what is tuned: its constants, and the learning rate."""
        given = constants_given(self.line)
        own = {name: one for name, one in self._loss.ranges.items() if name.partition(".")[0] not in given}
        return {RATE: _RATES, **own}

    def values(self, point: np.ndarray) -> dict[str, float]:
        """Return the numbers at a point of the unit cube, by the names of `ranges`.

        Args:
            point: for each of `ranges`, in order, how far from low to high [n].
        """
        return {name: one.at(float(share)) for (name, one), share in zip(self.ranges.items(), point, strict=True)}

    def with_constants(self, values: Mapping[str, float]) -> RankingLoss:
        """Return the loss with these constants.

        Args:
            values: by the names of `ranges`; the learning rate is none of them.
        """
        return self._loss.moved({name: value for name, value in values.items() if name != RATE})


@dataclass(frozen=True)
class TunedLoss:
    """A loss with its constants."""

    line: str
    """From which `parse_ranking_loss` makes it."""
    learning_rate: float
    score: float
    """On validation after all epochs, higher is better; NaN if every training broke down."""
    epochs: int
    """Epochs that all trainings took."""


@dataclass(frozen=True)
class TuningPlan:
    """Numbers of settings that are tried of a loss, and of epochs.

    Raises:
        UserError: a number below 1.
    """

    settings: int = 12
    """Settings that are trained for a third of the epochs."""
    epochs: int = 18
    """Epochs of the best two, which are trained anew."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("settings", "epochs"):
            if not 1 <= getattr(self, name) <= 100_000:
                raise UserError(f"{name}: expected 1 to 100,000, got {getattr(self, name)}")

    @property
    def rounds(self) -> list[tuple[int, int]]:
        """Settings and epochs of every round, the last one with all epochs; so few that none is left out need one."""
        last = (min(_LAST, self.settings), self.epochs)
        return [last] if self.settings <= _LAST else [(self.settings, max(1, self.epochs // _FACTOR)), last]

    @property
    def cost(self) -> int:
        """Epochs that tuning a loss takes."""
        return sum(settings * epochs for settings, epochs in self.rounds)


class ConstantTuner:
    """Tunes losses. What is tried and trained depends on the loss and the seed alone.

    Args:
        task: the model, its data, and how a step is taken.
        plan: how a loss is trained; its learning rate and its numbers of epochs are not used.
        machine: what is trained on.
        tuning: how many settings and epochs.
        seed: of all draws.
    """

    def __init__(self, task: VectorTask, plan: RankingPlan, machine: Machine, tuning: TuningPlan, seed: int) -> None:
        self._task, self._machine, self._tuning, self._seed = task, machine, tuning, seed
        self._plan = replace(plan, reported=(), select_on="validation", top=0)

    def tuned(self, loss: OpenLoss, allowed: Allowed = lambda values: True) -> TunedLoss:
        """Return a loss with the best of its settings.

        Args:
            loss: what is tuned.
            allowed: tells whether constants are worth a training; where none are, some are trained nevertheless.
        """
        (settings, length), *rest = self._tuning.rounds
        points, scores = self._first_points(loss, min(_DRAWN, settings), allowed), list[float]()
        for k in range(settings):
            if k == len(points):
                ahead = next_point(np.stack(points), np.array(scores), self._seed, lambda at: allowed(loss.values(at)))
                points.append(ahead)
            scores.append(self.score(loss, loss.values(points[k]), length, self._seed))
        epochs = length * settings
        for settings, length in rest:
            points = [points[k] for k in _best_first(scores)[:settings]]
            scores = [self.score(loss, loss.values(point), length, self._seed) for point in points]
            epochs += length * settings
        best = _best_first(scores)[0]
        values = loss.values(points[best])
        return TunedLoss(str(loss.with_constants(values)), values[RATE], scores[best], epochs)

    def _first_points(self, loss: OpenLoss, n: int, allowed: Allowed) -> list[np.ndarray]:
        """Return points to begin with, up to n; of those that are not allowed others take the place."""
        seed, dimensions = derive_seed(self._seed, "constants", loss.line), len(loss.ranges)
        found = [point for point in spread_points(dimensions, n, seed) if allowed(loss.values(point))]
        more = spread_points(dimensions, _REPLACEMENTS * n, derive_seed(seed, "more"))[1:] if len(found) < n else []
        found += [point for point in more if allowed(loss.values(point))]
        return found[:n] or spread_points(dimensions, 1, seed)

    def tuned_all(self, losses: Sequence[OpenLoss], allowed: Callable[[OpenLoss], Allowed]) -> list[TunedLoss]:
        """Return losses as `tuned` does; side by side where that changes nothing, which wastes less of the cores.

        Args:
            losses: what is tuned.
            allowed: see `tuned`, of each loss.
        """
        machine = self._machine
        n = min(machine.threads, len(losses)) if find_trainer(self._task, machine).side_by_side else 1
        if n <= 1:
            return [self.tuned(one, allowed(one)) for one in losses]
        each = replace(machine, threads=machine.threads // n)
        tuner = ConstantTuner(self._task, self._plan, each, self._tuning, self._seed)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with blas_on_one_core():
                return Cores(n).map(lambda k: tuner.tuned(losses[k], allowed(losses[k])), len(losses))
        finally:
            torch.set_num_threads(threads)

    def score(self, loss: OpenLoss, values: Mapping[str, float], epochs: int, seed: int) -> float:
        """Return the validation score after a training, higher is better; NaN if it broke down.

        Args:
            loss: what is trained with.
            values: its constants and learning rate.
            epochs: of the training, which is evaluated at its end.
            seed: of the training.
        """
        stopping = EarlyStopping(epochs, epochs, epochs)
        plan = replace(self._plan, learning_rate=values[RATE], early_stopping=stopping, every=epochs)
        training = RankingTraining(self._task, loss.with_constants(values), plan, self._machine, seed)
        (fitted,) = training.run()
        return fitted.curve[-1] if fitted.curve else math.nan


def _best_first(scores: Sequence[float]) -> list[int]:
    """Return the numbers of scores, the highest first; those of trainings that broke down come last."""
    return sorted(range(len(scores)), key=lambda k: -scores[k] if math.isfinite(scores[k]) else math.inf)
