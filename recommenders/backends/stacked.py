"""The torch back end: every step trains all K copies at once.

The cost of a step does not depend on the number of users and items: rows are gathered, trained and
written back. All other rows decay exactly without being touched: a table is stored as p = s q with
one scalar s for each copy, and s is multiplied by (1 - learning_rate * weight_decay) at every step.
An epoch never synchronises with the device.
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

#: Rows evaluated at a time, summed over all copies, to bound memory.
_EVALUATION_ROWS = 262_144


class StackedBackend(Backend):
    """The torch back end.

    Args:
        recommender: the model.
        device: where weights and batches are.
        dtype: float32, or float64 for tests.
    """

    def __init__(self, recommender: Recommender, device: torch.device, dtype: torch.dtype) -> None:
        self._recommender, self._device, self._dtype = recommender, device, dtype

    @classmethod
    def for_task(cls, recommender: Recommender, machine: Machine) -> StackedBackend:
        """See Backend; supports every recommender and device."""
        return cls(recommender, machine.device, machine.dtype)

    def takes(self, loss: Loss) -> bool:
        """See Backend; takes every loss."""
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
    """The state of an epoch in training: constants of the steps, and the scales of the tables."""

    def __init__(self, recommender: Recommender, models: ModelCopies, losses: StackedLosses, epoch: Epoch) -> None:
        self._recommender, self._losses, self._batches = recommender, losses, epoch
        self._weights, self._training = models.weights, epoch.training()
        self._trained_tables = [name for name in recommender.tables if name not in recommender.buffers]
        like = next(iter(self._weights.values()))
        keep = [1 - rate * decay for rate, decay in zip(models.learning_rate, models.weight_decay, strict=True)]
        numbers = (models.learning_rate, keep, models.clip)
        self._learning_rate, self._keep, self._most = (_sent(values, like) for values in numbers)
        self._scale = torch.ones_like(self._keep)
        # Each copy has its own interval, or its bits would depend on the other copies.
        self._fold_every = [math.inf if k == 1 else max(1, int(math.log(LEAST_SCALE) / math.log(k))) for k in keep]

    def train(self) -> None:
        """Take all steps."""
        for number, batch in enumerate(self._batches, start=1):
            self._step(batch)
            due = [number % every == 0 for every in self._fold_every]
            if any(due):
                self._fold(torch.tensor(due, device=self._scale.device))
        self._fold(torch.ones_like(self._scale, dtype=torch.bool))

    def _fold(self, due: Tensor) -> None:
        """Multiply the scales into the tables of the copies that are due [K], and reset these scales to 1."""
        for name in self._trained_tables:
            table = self._weights[name]
            table.mul_(_columns(torch.where(due, self._scale, 1), table))
        self._scale = torch.where(due, 1, self._scale)

    def _clipped(self, gradient: Tensor) -> Tensor:
        """Clip every element by the bound of its copy, in place; NaN stays NaN."""
        most = _columns(self._most, gradient)
        return gradient.clamp_(-most, most)

    def _step(self, batch: Batch) -> None:
        """Take an SGD step."""
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
            # Examples that are not the first occurrence of their row hold zeros, so each gradient is added once.
            weight.index_add_(1, rows, summed.mul_(_columns(-self._learning_rate / self._scale, gradient)))


def _sent(values: Sequence[float], like: Tensor) -> Tensor:
    """Return numbers as a tensor on the device of `like`, copied asynchronously."""
    on_host = torch.tensor(values, dtype=like.dtype, pin_memory=like.device.type == "cuda")
    return on_host.to(like.device, non_blocking=True)


def summed_in_order(gradient: Tensor, first: Tensor) -> Tensor:
    """Sum the gradients of equal rows at their first occurrence, in the order of the batch.

    Args:
        gradient: [K, B, ...].
        first: index of the first occurrence of each example's row [B].

    Returns:
        [K, B, ...], zeros where a row does not occur first.
    """
    return torch.zeros_like(gradient).index_add_(1, first, gradient)


def summed_by_product(gradient: Tensor, first: Tensor) -> Tensor:
    """Sum the gradients of equal rows at their first occurrence, by a product with a matrix of zeros and ones.

    On a GPU, `index_add_` adds in arbitrary order, so that its rounding differs from call to call; a matrix product
    is deterministic.

    Args:
        gradient: [K, B, ...].
        first: index of the first occurrence of each example's row [B].

    Returns:
        [K, B, ...], zeros where a row does not occur first.
    """
    indices = torch.arange(len(first), device=first.device, dtype=first.dtype)
    goes_to = (first[None, :] == indices[:, None]).to(gradient.dtype)
    return torch.matmul(goes_to, gradient.flatten(2) if gradient.dim() > 2 else gradient[..., None]).view_as(gradient)


def _columns(per_copy: Tensor, like: Tensor) -> Tensor:
    """Reshape [K] to [K, 1, ...], so that it broadcasts with a tensor of K copies."""
    return per_copy.view(-1, *(1,) * (like.dim() - 1))
