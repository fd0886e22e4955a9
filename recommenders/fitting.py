"""Phase III on the batched trainer: many losses to convergence together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from core.effectiveness import Fit, Patience, Progress, train_to_convergence
from core.loss import Loss
from core.seeding import derive_seed
from recommenders.backend import TrainEpoch
from recommenders.recommender import Weights
from recommenders.task import RecommendationTask


class BatchedFit(Fit):
    """Fresh recommenders (the same for every loss), trained on the same batches.

    Args:
        task: what to train.
        losses: one for each candidate.
        seed: of the recommender and of the batches.
    """

    def __init__(self, task: RecommendationTask, losses: Sequence[Loss], seed: int) -> None:
        self._task, self._losses, self._seed = task, list(losses), derive_seed(seed, "effectiveness")
        self._population = task.population(task.initial(seed), len(losses), task.settings.weight_decay)
        self._active = list(range(len(losses)))
        self._prepared = self._prepare()
        self._epoch = 0
        self.best: dict[int, Weights] = {}
        """Number of a loss -> its recommender at its best epoch (leading K = 1)."""

    def _prepare(self) -> TrainEpoch:
        return self._task.trainer.prepare([self._losses[n] for n in self._active])

    def train_epoch(self) -> Sequence[float]:
        """See Fit."""
        self._epoch += 1
        return self._task.train_and_score(self._population, self._prepared, self._seed, self._epoch - 1)

    def keep_best(self, positions: Sequence[int]) -> None:
        """See Fit."""
        for position in positions:
            number = self._active[position]
            copy = {name: weight[position : position + 1] for name, weight in self._population.weights.items()}
            if number not in self.best:
                self.best[number] = {name: torch.empty_like(weight) for name, weight in copy.items()}
            for name, weight in copy.items():
                self.best[number][name].copy_(weight)

    def retire(self, positions: Sequence[int]) -> None:
        """See Fit."""
        rest = [i for i in range(len(self._active)) if i not in positions]
        if len(rest) == len(self._active):
            return
        self._active = [self._active[i] for i in rest]
        if rest:
            self._population.keep(rest)
            self._prepared = self._prepare()


@dataclass(frozen=True)
class Fitted:
    """A loss's recommender at its best validation epoch."""

    epochs: int
    """Epochs trained."""
    best_epoch: int
    """The epoch that the metrics belong to, from 1; 0 if no epoch gave finite predictions."""
    validation: dict[str, float]
    """Every metric of the task; empty if there is no best epoch."""
    test: dict[str, float]
    """The same on the test part."""


def fit_losses(
    task: RecommendationTask,
    losses: Sequence[Loss],
    seed: int,
    patience: Patience,
    threshold_from: str = "validation",
    on_epoch: Callable[[list[Progress]], None] = lambda progress: None,
) -> list[Fitted]:
    """Train a fresh recommender by every loss until it converges, as many together as memory takes.

    Args:
        task: what to train.
        losses: at least one.
        seed: of the recommenders and batches.
        patience: when a candidate has converged.
        threshold_from: see RecommendationTask.report.
        on_epoch: called after every epoch with the progress of all losses.
    """
    progress = [Progress() for _ in losses]
    together = task.trainer.at_once(task.initial(seed), copies=2)  # the current one and the best
    fitted: list[Fitted] = []
    for start in range(0, len(losses), together):
        part = slice(start, start + together)
        fit = BatchedFit(task, losses[part], seed)
        for of_part in train_to_convergence(fit, len(losses[part]), patience):
            progress[part] = of_part
            on_epoch(progress)
        for i, done in enumerate(progress[part]):
            metrics = task.report(fit.best[i], threshold_from) if i in fit.best else ({}, {})
            fitted.append(Fitted(done.epochs, done.best_epoch, *metrics))
    return fitted
