"""One training on rankings to convergence: epochs, validation, early stopping, and its result at the best epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.common.errors import UserError
from core.common.restoring import count, read
from core.losses.setwise.ranking_loss import RankingLoss
from core.phases.contender import ConvergenceTraining, TrainingResult
from core.search.effectiveness import EarlyStopping, TrainingCurve
from recommenders.backends.ranking.base import VectorTask
from recommenders.backends.ranking.registry import make_trainer
from recommenders.common.machine import Machine
from recommenders.tasks.ranking.metrics import RankingMetric, find_ranking_metric
from recommenders.tasks.ranking.quantiles import top_quantiles
from recommenders.tasks.ranking.ranks import Ranks, rank_items
from recommenders.tasks.ranking.schedules import Cosine, Schedule
from recommenders.tasks.ranking.scores import VectorScores

#: The metrics of a result unless others are asked for, the one that decides first.
METRICS = ("recall@20", "ndcg@20", "hitrate@20", "mrr", "auc")
#: Epochs after which the quantiles of SL@K are computed anew, as in IR-Benchmark.
_QUANTILES_EVERY = 5


@dataclass(frozen=True)
class RankingPlan:
    """The length of a training, and what decides.

    Raises:
        UserError: a number is out of range, or a metric is unknown.
    """

    learning_rate: float = 0.03
    """Before the schedule."""
    schedule: Schedule = field(default_factory=Cosine)
    """The learning rate from epoch to epoch."""
    early_stopping: EarlyStopping = field(default_factory=lambda: EarlyStopping(50, 50, 50))
    """When training ends; its scores are those of evaluated epochs."""
    every: int = 1
    """Epochs from one evaluation to the next; the last one is always evaluated."""
    select_on: str = "validation"
    """The part by which the best epoch is chosen: test as in published results, which are selected on it."""
    metrics: tuple[str, ...] = METRICS
    """The metrics of the result; the first one decides."""
    reported: tuple[str, ...] = ("validation", "test")
    """The parts that the result is about; others are not looked at."""
    top: int = 0
    """Length of the lists of best items that are kept with the ranks of these parts."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 0 < self.learning_rate < 1e6:
            raise UserError(f"learning_rate: expected a number above 0 and below 1e6, got {self.learning_rate}")
        if self.every < 1:
            raise UserError(f"every: expected at least 1, got {self.every}")
        if self.select_on not in ("validation", "test"):
            raise UserError(f"select_on: expected validation or test, got {self.select_on!r}")
        _ = self.metric

    @property
    def metric(self) -> RankingMetric:
        """The metric that decides."""
        return find_ranking_metric(self.metrics[0])


class RankingTraining(ConvergenceTraining):
    """Trains one model with one loss. `kept` are its parameters at the best epoch, `ranks` its ranks there by part.

    Args:
        task: the model, its data, and how a step is taken.
        loss: what is minimised.
        plan: how long, and what decides.
        machine: what it is trained on.
        seed: of all draws.

    Raises:
        UserError: the part that decides holds nothing.
    """

    def __init__(self, task: VectorTask, loss: RankingLoss, plan: RankingPlan, machine: Machine, seed: int) -> None:
        if not len(task.data.part(plan.select_on)):
            raise UserError(
                f"data set {task.data.name}: expected items in the {plan.select_on} part, by which the best epoch is "
                "chosen, got none; hold some out"
            )
        self._task, self._loss, self._plan, self._machine = task.of(loss), loss, plan, machine
        self._trainer = make_trainer(self._task, machine, seed)
        self._curve, self._epoch = TrainingCurve(), 0
        self._quantile: np.ndarray | None = None
        self.fitted: list[TrainingResult] = []
        self.kept: dict[str, Tensor] | None = None
        self.ranks: dict[str, Ranks] = {}
        self.losses: list[float] = []
        """The mean loss of every epoch."""
        self.evaluated: dict[str, list[float]] = {name: [] for name in plan.metrics}
        """Every metric on the part that decides, after every evaluated epoch; NaN after one that broke down."""

    def __iter__(self) -> Iterator[list[TrainingCurve]]:
        """Train, and yield the curve after every epoch."""
        while not self._has_ended:
            self._train_epoch()
            if self._epoch % self._plan.every == 0 or self._is_last:
                self._evaluate()
            yield [self._curve]
        if not self.fitted:
            self.fitted = [self._result()]

    @property
    def _is_last(self) -> bool:
        """Whether no epoch comes after this one, whatever it scores."""
        return self._epoch == self._plan.early_stopping.max_epochs or not math.isfinite(self.losses[-1])

    @property
    def _has_ended(self) -> bool:
        evaluated = self._curve.epochs > 0 and self._curve.has_converged(self._plan.early_stopping)
        return self._epoch > 0 and (self._is_last or evaluated)

    def _train_epoch(self) -> None:
        plan, epochs = self._plan, self._plan.early_stopping.max_epochs
        if "quantile" in self._loss.needs and self._epoch % _QUANTILES_EVERY == 0:
            vectors = VectorScores(*self._trainer.vectors())
            self._quantile = top_quantiles(vectors, plan.metric.k or 20, self._machine.threads)
        rate = plan.learning_rate * plan.schedule.factor(self._epoch, epochs, self._curve.curve)
        self.losses.append(self._trainer.train_epoch(self._loss, self._epoch, rate, self._quantile))
        self._epoch += 1

    def _evaluate(self) -> None:
        plan, ranks = self._plan, self._ranks(self._plan.select_on) if math.isfinite(self.losses[-1]) else None
        for name, values in self.evaluated.items():
            values.append(math.nan if ranks is None else find_ranking_metric(name).mean(ranks))
        if self._curve.update(self.evaluated[plan.metrics[0]][-1]):
            self.kept = self._trainer.parameters()
        elif plan.schedule.reloads_best and self.kept is not None:
            self._trainer.load_parameters(self.kept)

    def _ranks(self, part: str, top: int = 0) -> Ranks:
        scores = VectorScores(*self._trainer.vectors())
        return rank_items(scores, self._task.data, part, top=top, threads=self._machine.threads)

    def _result(self) -> TrainingResult:
        best = self._curve.best_epoch * self._plan.every
        if self.kept is None:
            return TrainingResult(self._epoch, 0, {}, {}, tuple(self._curve.curve))
        self._trainer.load_parameters(self.kept)
        there = [part for part in self._plan.reported if len(self._task.data.part(part))]
        self.ranks = {part: self._ranks(part, self._plan.top) for part in there}
        validation, test = (self._means(part) for part in ("validation", "test"))
        return TrainingResult(self._epoch, min(best, self._epoch), validation, test, tuple(self._curve.curve))

    def _means(self, part: str) -> dict[str, float]:
        if part not in self.ranks:
            return {}
        return {name: find_ranking_metric(name).mean(self.ranks[part]) for name in self._plan.metrics}

    def vectors(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors of users [n_users, D] and items [n_items, D] at the best epoch, once training is done."""
        return self._trainer.vectors()

    def state_dict(self) -> dict[str, Any]:
        """See ConvergenceTraining."""
        return {
            "epoch": self._epoch,
            "losses": list(self.losses),
            "evaluated": {name: list(values) for name, values in self.evaluated.items()},
            "best": self.kept,
            "quantile": None if self._quantile is None else torch.from_numpy(self._quantile),
            "trainer": self._trainer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See ConvergenceTraining."""
        self._epoch, self.losses = count(state["epoch"]), read(list[float], state["losses"])
        self.evaluated = read(dict[str, list[float]], state["evaluated"])
        self._curve = TrainingCurve()
        for score in self.evaluated[self._plan.metrics[0]]:
            self._curve.update(score)
        self.kept = read(dict[str, Tensor] | None, state["best"])
        quantile = read(Tensor | None, state["quantile"])
        self._quantile = None if quantile is None else quantile.numpy()
        self._trainer.load_state_dict(state["trainer"])
