"""The batches of an epoch, the same for every candidate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.seeding import numpy_rng
from recommenders.data.dataset import Interactions


@dataclass(frozen=True)
class Batch:
    """B examples on the device.

    `first_user` and `first_item` [B] give the place in the batch where the same user or item stands
    first: gradients of a row that occurs more than once are summed there.
    """

    user: Tensor
    item: Tensor
    label: Tensor
    first_user: Tensor
    first_item: Tensor


def first_places(ids: np.ndarray) -> np.ndarray:
    """For every row of ids [n, B], the place where the same id stands first in that row."""
    order = np.argsort(ids, axis=-1, kind="stable")
    ordered = np.take_along_axis(ids, order, axis=-1)
    starts = np.ones(ids.shape, dtype=bool)
    starts[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    # In a stable order the first of equal ids is the earliest: carry its place to the others.
    start_at = np.maximum.accumulate(np.where(starts, np.arange(ids.shape[-1]), 0), axis=-1)
    first = np.empty_like(ids)
    np.put_along_axis(first, order, np.take_along_axis(order, start_at, axis=-1), axis=-1)
    return first


class EpochBatches:
    """Shuffles interactions by index and cuts them into batches; data goes to the device once."""

    def __init__(self, interactions: Interactions, batch_size: int, device: torch.device, dtype: torch.dtype) -> None:
        self._users = np.ascontiguousarray(interactions.user)
        self._items = np.ascontiguousarray(interactions.item)
        self._labels = torch.as_tensor(interactions.label, dtype=dtype, device=device)
        self._batch_size = batch_size
        self._device = device

    def __call__(self, seed: int, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch in an order drawn from (seed, epoch); the last may be smaller."""
        order = numpy_rng(seed, "order", epoch).permutation(len(self._users))
        whole = len(order) - len(order) % self._batch_size
        yield from self._cut(order[:whole].reshape(-1, self._batch_size))
        if whole < len(order):
            yield from self._cut(order[whole:].reshape(1, -1))

    def _cut(self, order: np.ndarray) -> Iterator[Batch]:
        """A batch for every row of order [n, B]."""
        users, items = self._users[order], self._items[order]
        columns = [
            torch.as_tensor(c, device=self._device) for c in (users, items, first_places(users), first_places(items))
        ]
        labels = self._labels[torch.as_tensor(order, device=self._device)]
        for i in range(len(order)):
            yield Batch(columns[0][i], columns[1][i], labels[i], columns[2][i], columns[3][i])
