"""Constants of a loss on rankings, and its learning rate, chosen on validation by successive halving.

All losses get the same: a number of settings, drawn over the regions of their constants, are trained for a third of the
epochs, the best third of them anew for all. Every training has the whole learning rate schedule, so what is short is
not merely the beginning of what is long. Shorter rounds would be no cheaper way to the same end: in one epoch the
fastest temperature wins, which is the highest, whatever is best in the end (docs/results.md has the figures).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch

from core.common.errors import UserError
from core.common.region import Range
from core.losses.setwise.ranking_loss import RankingLoss
from core.losses.setwise.registry import constants_given, parse_ranking_loss
from core.programs.sets.shape import Shape
from core.search.effectiveness import EarlyStopping
from recommenders.backends.compiled.blas import blas_on_one_core
from recommenders.backends.compiled.cores import Cores
from recommenders.backends.ranking.base import VectorTask
from recommenders.backends.ranking.registry import find_trainer
from recommenders.common.machine import Machine
from recommenders.tasks.ranking.training import RankingPlan, RankingTraining

RATE = "learning_rate"
_RATES = Range(0.01, 0.2, True)
_FACTOR = 3
#: Of what is drawn, settings whose loss fails the screen are not trained: so many more are drawn.
DRAWN_FOR_ONE = 4


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
        if self.shape is not None:
            return {RATE: _RATES, **self.shape.ranges}
        given = constants_given(self.line)
        own = {name: one for name, one in self._loss.ranges.items() if name.partition(".")[0] not in given}
        return {RATE: _RATES, **own}

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
class Halving:
    """The rounds of successive halving: settings of a loss that are tried, and epochs.

    Raises:
        UserError: a number below 1.
    """

    settings: int = 9
    """Settings of the first round."""
    epochs: int = 18
    """Epochs of the last one."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("settings", "epochs"):
            if not 1 <= getattr(self, name) <= 100_000:
                raise UserError(f"{name}: expected 1 to 100,000, got {getattr(self, name)}")

    @property
    def rounds(self) -> list[tuple[int, int]]:
        """Settings and epochs of every round; the last one has up to three settings and all epochs."""
        found = [(min(_FACTOR, self.settings), self.epochs)]
        while (settings := found[0][0]) < self.settings:
            found.insert(0, (min(settings * _FACTOR, self.settings), max(1, found[0][1] // _FACTOR)))
        return found

    @property
    def cost(self) -> int:
        """Epochs that tuning a loss takes."""
        return sum(settings * epochs for settings, epochs in self.rounds)


class HalvingTuner:
    """Tunes losses. What is drawn and trained depends on the loss and the seed alone.

    Args:
        task: the model, its data, and how a step is taken.
        plan: how a loss is trained; its learning rate and its numbers of epochs are not used.
        machine: what is trained on.
        halving: see there.
        seed: of all draws.
    """

    def __init__(self, task: VectorTask, plan: RankingPlan, machine: Machine, halving: Halving, seed: int) -> None:
        self._task, self._machine, self._halving, self._seed = task, machine, halving, seed
        self._plan = replace(plan, reported=(), select_on="validation", top=0)

    def tuned(self, loss: OpenLoss, candidates: list[dict[str, float]]) -> TunedLoss:
        """Return a loss with the best of its settings.

        Args:
            loss: what is tuned.
            candidates: settings to try, at least one, the most usual one first.
        """
        entries, epochs = [(math.nan, values) for values in candidates[: self._halving.settings]], 0
        for settings, length in self._halving.rounds:
            scored = [(self.score(loss, values, length, self._seed), values) for _, values in entries[:settings]]
            epochs += length * len(scored)
            entries = sorted(scored, key=lambda one: -one[0] if math.isfinite(one[0]) else math.inf)
        score, values = entries[0]
        return TunedLoss(str(loss.with_constants(values)), values[RATE], score, epochs)

    def tuned_all(self, losses: Sequence[tuple[OpenLoss, list[dict[str, float]]]]) -> list[TunedLoss]:
        """Return losses as `tuned` does; side by side where that changes nothing, which wastes less of the cores.

        Args:
            losses: each with its candidates.
        """
        machine = self._machine
        n = min(machine.threads, len(losses)) if find_trainer(self._task, machine).side_by_side else 1
        if n <= 1:
            return [self.tuned(*one) for one in losses]
        each = replace(machine, threads=machine.threads // n)
        tuner = HalvingTuner(self._task, self._plan, each, self._halving, self._seed)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with blas_on_one_core():
                return Cores(n).map(lambda k: tuner.tuned(*losses[k]), len(losses))
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
