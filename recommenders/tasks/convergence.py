"""Phase III with the batched trainer: train many losses to convergence together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from core.common.errors import UserError, format_value
from core.common.restoring import count, read
from core.common.seeding import derive_seed
from core.losses.loss import Loss
from core.phases.contender import ConvergenceTraining, TrainingResult
from core.search.effectiveness import ConvergenceRun, EarlyStopping, TrainingCurve, in_training, train_to_convergence
from recommenders.backends.base import TrainEpoch
from recommenders.models.recommender import Weights
from recommenders.tasks.task import RecommendationTask, SgdSettings

#: Sets of parameters for each candidate: the current ones and the best.
_COPIES = 2


class BatchedRun(ConvergenceRun):
    """Trains copies of one fresh recommender on the same batches, each with its own loss.

    Args:
        task: what to train.
        losses: one for each candidate.
        seed: of the recommender and of the batches.
        sgd: SGD settings for each candidate.
    """

    def __init__(self, task: RecommendationTask, losses: Sequence[Loss], seed: int, sgd: Sequence[SgdSettings]) -> None:
        self._task, self._losses, self._seed = task, list(losses), derive_seed(seed, "effectiveness")
        self._models = task.copies_for(task.initial(seed), sgd)
        self._active = list(range(len(losses)))
        self._prepared = self._prepare()
        self._epoch = 0
        self.best: dict[int, Weights] = {}
        """Number of a loss -> weights of its recommender at its best epoch (leading K = 1)."""

    @property
    def active(self) -> list[int]:
        """Numbers of the losses in training."""
        return list(self._active)

    def state_dict(self) -> dict[str, Any]:
        """Return the state between epochs. Its tensors are those in training: store them before the next epoch."""
        return {
            "epoch": self._epoch,
            "active": list(self._active),
            "weights": dict(self._models.weights) if self._active else {},
            "best": [[number, dict(weights)] for number, weights in self.best.items()],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` of a run with the same arguments returned; this run must not have trained yet.

        Raises:
            UserError: the state belongs to another recommender or to other losses.
        """
        n = len(self._losses)
        self._epoch, self._active = count(state["epoch"]), [count(i, n) for i in read(list[int], state["active"])]
        if sorted(set(self._active)) != self._active:
            raise UserError(f"stored training: expected losses in order, each once, got {format_value(self._active)}")
        best = read(list[tuple[int, dict[str, Tensor]]], state["best"])
        self.best = {count(number, n): self._one_copy(weights) for number, weights in best}
        if self._active:
            self._models.keep(self._active)
            self._models.load(read(dict[str, Tensor], state["weights"]))
            self._prepared = self._prepare()

    def _one_copy(self, stored: Mapping[str, Tensor]) -> Weights:
        """Return stored parameters of one recommender, on the device."""
        copy = self._models.select([0])
        copy.load(stored)
        return copy.weights

    def _prepare(self) -> TrainEpoch:
        return self._task.trainer.prepare([self._losses[n] for n in self._active])

    def train_epoch(self) -> Sequence[float]:
        """See ConvergenceRun."""
        self._epoch += 1
        return self._task.train_and_score(self._models, self._prepared, self._seed, self._epoch - 1)

    def keep_best(self, positions: Sequence[int]) -> None:
        """See ConvergenceRun."""
        for position in positions:
            number = self._active[position]
            copy = {name: weight[position : position + 1] for name, weight in self._models.weights.items()}
            if number not in self.best:
                self.best[number] = {name: torch.empty_like(weight) for name, weight in copy.items()}
            for name, weight in copy.items():
                self.best[number][name].copy_(weight)

    def retire(self, positions: Sequence[int]) -> None:
        """See ConvergenceRun."""
        rest = [i for i in range(len(self._active)) if i not in positions]
        if len(rest) == len(self._active):
            return
        self._active = [self._active[i] for i in rest]
        if rest:
            self._models.keep(rest)
            self._prepared = self._prepare()


class LossConvergence(ConvergenceTraining):
    """Trains a fresh recommender with each loss until it converges, as many together as fit into memory.

    `kept` is the recommender of one loss at its best epoch (leading K = 1).

    Args:
        task: what to train.
        losses: one for each candidate.
        seed: of the recommenders and batches.
        early_stopping: the rule by which a candidate has converged.
        threshold_from: see RecommendationTask.report.
        keep: number of the loss whose recommender is kept; None: keep none.
        sgd: SGD settings for each loss; None: those of the task.

    Raises:
        ValueError: the numbers of SGD settings and losses differ.
    """

    def __init__(
        self,
        task: RecommendationTask,
        losses: Sequence[Loss],
        seed: int,
        early_stopping: EarlyStopping,
        threshold_from: str = "validation",
        keep: int | None = None,
        sgd: Sequence[SgdSettings] | None = None,
    ) -> None:
        self._task, self._losses, self._seed = task, list(losses), seed
        self._sgd = [task.settings.sgd] * len(losses) if sgd is None else list(sgd)
        if len(self._sgd) != len(self._losses):
            raise ValueError(f"expected {len(self._losses)} settings of SGD, one for each loss, got {len(self._sgd)}")
        self._early_stopping, self._threshold_from, self._keep = early_stopping, threshold_from, keep
        self._curves = [TrainingCurve() for _ in losses]
        self._fit: BatchedRun | None = None
        self._group = slice(0, 0)  # the losses in training
        self.fitted: list[TrainingResult] = []
        self.kept: Weights | None = None

    def __iter__(self) -> Iterator[list[TrainingCurve]]:
        """Train and yield the curves of all losses after each epoch."""
        while len(self.fitted) < len(self._losses):
            try:
                yield from self._train_group()
            except (RuntimeError, MemoryError) as error:
                size = self._task.trainer.fewer(self._size, error, _COPIES)
                self._begin(slice(self._group.start, self._group.start + size))

    @property
    def _size(self) -> int:
        return self._group.stop - self._group.start

    def _begin(self, group: slice) -> None:
        """Start a group of losses from fresh recommenders, dropping earlier progress."""
        self._group, self._fit = group, None
        for i in range(*group.indices(len(self._losses))):
            self._curves[i] = TrainingCurve()

    def _fresh(self) -> BatchedRun:
        """Return the current group before its first epoch."""
        return BatchedRun(self._task, self._losses[self._group], self._seed, self._sgd[self._group])

    def _train_group(self) -> Iterator[list[TrainingCurve]]:
        start = len(self.fitted)
        if self._group.stop <= start:
            together = self._task.trainer.at_once(self._task.initial(self._seed), _COPIES)
            self._begin(slice(start, min(start + together, len(self._losses))))
        fit = self._fit = self._fit or self._fresh()
        for _ in train_to_convergence(fit, self._curves[self._group], self._early_stopping):
            yield self._curves
        self.fitted += [self._finished(fit, i, done) for i, done in enumerate(self._curves[self._group])]
        if self._keep is not None and start <= self._keep < self._group.stop:
            self.kept = fit.best.get(self._keep - start)
        self._fit = None  # frees memory for the next group

    def _finished(self, fit: BatchedRun, i: int, done: TrainingCurve) -> TrainingResult:
        metrics = self._task.report(fit.best[i], self._threshold_from) if i in fit.best else ({}, {})
        return TrainingResult(done.epochs, done.best_epoch, *metrics, tuple(done.curve))

    def state_dict(self) -> dict[str, Any]:
        """Return the state between epochs. Its tensors are those in training: store them before the next epoch."""
        return {
            "fitted": [one.to_dict() for one in self.fitted],
            "progress": [asdict(one) for one in self._curves],
            "group": [self._group.start, self._group.stop],
            "fit": None if self._fit is None else self._fit.state_dict(),
            "kept": self.kept,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` of a training with the same arguments returned.

        Raises:
            UserError: the state belongs to another recommender or to other losses.
        """
        n = len(self._losses)
        self.fitted = read(list[TrainingResult], state["fitted"])
        self._curves = read(list[TrainingCurve], state["progress"])
        if len(self._curves) != n:
            raise UserError(f"stored training: expected {n} losses, got {len(self._curves)}")
        self.kept = read_weights(self._task, state["kept"], self._seed)
        start, stop = (count(end, n + 1) for end in read(list[int], state["group"]))
        self._group, self._fit = slice(start, stop), None
        if not start <= len(self.fitted) <= stop or (state["fit"] is not None and len(self.fitted) != start < stop):
            raise UserError(
                f"stored training: {len(self.fitted)} losses done do not go with {start} to {stop} in training"
            )
        if state["fit"] is not None:
            self._fit = self._fresh()
            self._fit.load_state_dict(state["fit"])
            if self._fit.active != in_training(self._curves[self._group], self._early_stopping):
                raise UserError("stored training: the losses in training are not those that have not converged")


def read_weights(task: RecommendationTask, stored: Any, seed: int = 0) -> Weights | None:
    """Return stored parameters of one recommender, on the device of its task.

    Args:
        task: the task of the recommender.
        stored: the parameters by name (leading K = 1), or None.
        seed: of the recommender that the stored parameters are compared with, which does not matter.

    Returns:
        The parameters; None if `stored` is None.

    Raises:
        UserError: the parameters belong to another recommender.
        TypeError: the value is something else than parameters.
    """
    weights = read(dict[str, Tensor] | None, stored)
    if weights is None:
        return None
    models = task.model_copies(task.initial(seed), 1, 0.0)
    models.load(weights)
    return models.weights
