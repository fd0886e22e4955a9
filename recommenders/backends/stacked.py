"""The torch back end: every step is done for all K copies at once.

The cost of a step does not depend on the number of users and items: rows are gathered, trained and
written back. The decay of all other rows is exact without touching them: a table is kept as p = s q with
one number s for each copy, and s takes the factor (1 - learning_rate * weight_decay) at every step.
Nothing in an epoch waits for the device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from core.common.padding import pad_to_simd_width
from core.losses.loss import Loss
from core.losses.stack import StackedLosses
from recommenders.backends.base import LEAST_SCALE, Backend, TrainEpoch
from recommenders.backends.batches import Batch, Epoch
from recommenders.backends.model_copies import ModelCopies
from recommenders.common.machine import Machine
from recommenders.models.recommender import Recommender, Weights, gather

#: Rows evaluated at a time, over all copies, to bound memory.
_EVALUATION_ROWS = 262_144


class StackedBackend(Backend):
    """See the module.

    Args:
        recommender: the model.
        device: where everything lives.
        dtype: float32, or float64 for checks.
    """

    def __init__(self, recommender: Recommender, device: torch.device, dtype: torch.dtype) -> None:
        self._recommender, self._device, self._dtype = recommender, device, dtype

    @classmethod
    def for_task(cls, recommender: Recommender, machine: Machine) -> StackedBackend:
        """See Backend; it takes any recommender and any device."""
        return cls(recommender, machine.device, machine.dtype)

    def takes(self, loss: Loss) -> bool:
        """See Backend; all of them."""
        return True

    def prepare(self, losses: Sequence[Loss]) -> TrainEpoch:
        """See Backend."""
        stacked = StackedLosses(losses, device=self._device, dtype=self._dtype)

        def train_epoch(models: ModelCopies, epoch: Epoch, users: Tensor, items: Tensor) -> Tensor:
            with torch.no_grad():
                _Epoch(self._recommender, models, stacked, epoch).train()
            return self.predict(models.weights, users, items)

        return train_epoch

    @torch.no_grad()
    def predict(self, weights: Weights, users: Tensor, items: Tensor) -> Tensor:
        """See Backend."""
        parts = []
        n_copies = len(next(iter(weights.values())))
        at_once = max(1, _EVALUATION_ROWS // n_copies)
        for start in range(0, len(users), at_once):
            rows = slice(start, start + at_once)
            gathered = gather(self._recommender, weights, users[rows], items[rows])
            logit = self._recommender.logit(gathered, None)
            parts.append(torch.sigmoid(pad_to_simd_width(logit))[:, : logit.shape[1]])
        return torch.cat(parts, dim=1) if parts else torch.empty(n_copies, 0, dtype=self._dtype, device=self._device)


class _Epoch:
    """An epoch under way: what stays the same from step to step, and the scales of the tables."""

    def __init__(self, recommender: Recommender, models: ModelCopies, losses: StackedLosses, epoch: Epoch) -> None:
        self._recommender, self._losses, self._batches = recommender, losses, epoch
        self._weights, self._training = models.weights, epoch.training()
        self._trained_tables = [name for name in recommender.tables if name not in recommender.buffers]
        like = next(iter(self._weights.values()))
        keep = [1 - rate * decay for rate, decay in zip(models.learning_rate, models.weight_decay, strict=True)]
        numbers = (models.learning_rate, keep, models.clip)
        self._learning_rate, self._keep, self._most = (_sent(values, like) for values in numbers)
        self._scale = torch.ones_like(self._keep)
        # Each copy at steps of its own, or its bits would depend on its neighbours.
        self._fold_every = [math.inf if k == 1 else max(1, int(math.log(LEAST_SCALE) / math.log(k))) for k in keep]

    def train(self) -> None:
        """All steps."""
        for number, batch in enumerate(self._batches, start=1):
            self._step(batch)
            due = [number % every == 0 for every in self._fold_every]
            if any(due):
                self._fold(torch.tensor(due, device=self._scale.device))
        self._fold(torch.ones_like(self._scale, dtype=torch.bool))

    def _fold(self, due: Tensor) -> None:
        """Multiply the scales into the tables of the copies that are due [K]; theirs are 1 then."""
        for name in self._trained_tables:
            table = self._weights[name]
            table.mul_(_columns(torch.where(due, self._scale, 1), table))
        self._scale = torch.where(due, 1, self._scale)

    def _clipped(self, gradient: Tensor) -> Tensor:
        """Bring every element into the bounds of its copy, in place; NaN stays."""
        most = _columns(self._most, gradient)
        return gradient.clamp_(-most, most)

    def _step(self, batch: Batch) -> None:
        """One SGD step."""
        gathered = gather(self._recommender, self._weights, batch.user, batch.item, self._scale)
        logit, pullback = self._recommender.vjp(gathered, self._training)
        gradients = pullback(self._losses.gradient(logit, batch.label) / len(batch.label))
        self._scale = self._scale * self._keep
        for name, gradient in gradients.items():
            kind, weight = self._recommender.tables.get(name), self._weights[name]
            if kind is None:
                step = self._clipped(gradient) * _columns(self._learning_rate, weight)
                weight.mul_(_columns(self._keep, weight)).sub_(step)
                continue
            rows, first = (batch.user, batch.first_user) if kind == "user" else (batch.item, batch.first_item)
            add = summed_by_product if gradient.device.type == "cuda" else summed_in_order
            summed = self._clipped(add(gradient, first))
            # Rows that do not stand first carry zeros, so adding a row twice changes nothing.
            weight.index_add_(1, rows, summed.mul_(_columns(-self._learning_rate / self._scale, gradient)))


def _sent(values: Sequence[float], like: Tensor) -> Tensor:
    """Numbers on the device of `like`, without waiting for them to arrive."""
    on_host = torch.tensor(values, dtype=like.dtype, pin_memory=like.device.type == "cuda")
    return on_host.to(like.device, non_blocking=True)


def summed_in_order(gradient: Tensor, first: Tensor) -> Tensor:
    """Gradients [K, B, ...] summed to where their row stands first, in the order of the batch: zeros elsewhere."""
    return torch.zeros_like(gradient).index_add_(1, first, gradient)


def summed_by_product(gradient: Tensor, first: Tensor) -> Tensor:
    """The same as a product with a matrix of zeros and ones.

    A GPU adds rows of equal index in any order, and with another result each time; a product is always the same.
    """
    indices = torch.arange(len(first), device=first.device, dtype=first.dtype)
    goes_to = (first[None, :] == indices[:, None]).to(gradient.dtype)
    return torch.matmul(goes_to, gradient.flatten(2) if gradient.dim() > 2 else gradient[..., None]).view_as(gradient)


def _columns(per_copy: Tensor, like: Tensor) -> Tensor:
    """[K] as [K, 1, ...], to go with a tensor of K copies."""
    return per_copy.view(-1, *(1,) * (like.dim() - 1))
