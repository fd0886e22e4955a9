"""Several trainings on rankings to convergence, one after the other, each loss with its constants tuned."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from core.common.errors import UserError
from core.common.restoring import read
from core.losses.setwise.registry import parse_ranking_loss
from core.phases.contender import ConvergenceTraining, TrainingResult
from core.search.effectiveness import TrainingCurve
from recommenders.backends.ranking.base import VectorTask
from recommenders.common.machine import Machine
from recommenders.tasks.ranking.training import RankingPlan, RankingTraining
from recommenders.tasks.ranking.tuning import OpenLoss, TunedLoss


class Tunes(Protocol):
    """A tuner of losses that remembers what it came to."""

    def tuned(self, loss: OpenLoss) -> TunedLoss:
        """Return a loss with its constants."""

    def tuned_losses(self) -> dict[str, dict[str, Any]]:
        """Return every loss that was tuned, in plain data."""

    def load_tuned(self, stored: Mapping[str, Any]) -> None:
        """Restore what `tuned_losses` returned."""


class RankingConvergence(ConvergenceTraining):
    """See ConvergenceTraining. Nothing is kept.

    Args:
        task: the model, its data, and how a step is taken.
        losses: what is trained with.
        plan: how long, and what decides; the learning rate is that of the loss.
        machine: what is trained on.
        seed: of all trainings.
        tunes: knows constants.
    """

    def __init__(
        self,
        task: VectorTask,
        losses: Sequence[OpenLoss],
        plan: RankingPlan,
        machine: Machine,
        seed: int,
        tunes: Tunes,
    ) -> None:
        self._task, self._losses, self._plan, self._machine = task, losses, plan, machine
        self._seed, self._tunes = seed, tunes
        self._training: RankingTraining | None = None
        self.fitted: list[TrainingResult] = []
        self.kept = None

    def __iter__(self) -> Iterator[Sequence[TrainingCurve]]:
        """Train the losses in order, and yield the curves of all after every epoch."""
        curves = [_curve(one.curve) for one in self.fitted]
        curves += [TrainingCurve() for _ in self._losses[len(curves) :]]
        while len(self.fitted) < len(self._losses):
            k = len(self.fitted)
            training = self._training = self._training or self._begun(k)
            for (curve,) in training:
                curves[k] = _curve(self._by_epoch(curve.curve, len(training.losses)))
                yield curves
            (result,) = training.fitted
            self.fitted.append(replace(result, curve=self._by_epoch(result.curve, result.epochs)))
            self._training = None

    def _by_epoch(self, evaluated: Sequence[float], epochs: int) -> tuple[float, ...]:
        """Return a score for every epoch: that of the next evaluation, or of the last one where that is to come."""
        every, last = self._plan.every, len(evaluated) - 1
        return tuple(evaluated[min(epoch // every, last)] if evaluated else -math.inf for epoch in range(epochs))

    def _begun(self, k: int) -> RankingTraining:
        tuned = self._tunes.tuned(self._losses[k])
        plan = replace(self._plan, learning_rate=tuned.learning_rate)
        return RankingTraining(self._task, parse_ranking_loss(tuned.line), plan, self._machine, self._seed)

    def state_dict(self) -> dict[str, Any]:
        """See ConvergenceTraining."""
        return {
            "fitted": [one.to_dict() for one in self.fitted],
            "training": None if self._training is None else self._training.state_dict(),
            "tuned": self._tunes.tuned_losses(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See ConvergenceTraining."""
        fitted: list[TrainingResult] = read(list[TrainingResult], state["fitted"])
        if len(fitted) > len(self._losses):
            raise UserError(f"stored trainings: expected at most {len(self._losses)}, got {len(fitted)}")
        self._tunes.load_tuned(state["tuned"])
        self.fitted, self._training = fitted, None
        if state["training"] is not None:
            self._training = self._begun(len(fitted))
            self._training.load_state_dict(state["training"])


def _curve(scores: Sequence[float]) -> TrainingCurve:
    curve = TrainingCurve()
    for score in scores:
        curve.update(score)
    return curve
