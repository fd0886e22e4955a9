"""The batches of an epoch, the same for every candidate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.common.seeding import numpy_rng, torch_rng
from recommenders.backends.first_occurrence import first_occurrence
from recommenders.common.draws import Training
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


@dataclass(frozen=True)
class Epoch:
    """The examples of an epoch in their order, cut into batches; the last one may be smaller."""

    examples: Batch
    """All of them [n]; indices are counted anew in each batch."""
    batch_size: int
    seed: int
    number: int

    def training(self) -> Training:
        """The random draws of training passes, from their beginning."""
        return Training(torch_rng(self.seed, "dropout", self.number, device=self.examples.label.device))

    def __iter__(self) -> Iterator[Batch]:
        """The batches."""
        all_ = self.examples
        columns = (all_.user, all_.item, all_.label, all_.first_user, all_.first_item)
        for batch in zip(*(column.split(self.batch_size) for column in columns), strict=True):
            yield Batch(*batch)


class EpochBatches:
    """Shuffles interactions by index and cuts them into batches; they go to the device once an epoch."""

    def __init__(self, interactions: Interactions, batch_size: int, device: torch.device, dtype: torch.dtype) -> None:
        self._users = interactions.user.astype(np.int32)
        self._items = interactions.item.astype(np.int32)
        self._labels = torch.as_tensor(interactions.label, dtype=dtype).numpy()
        self._batch_size = batch_size
        self._device = device

    def __call__(self, seed: int, epoch: int) -> Epoch:
        """The epoch in an order drawn from (seed, epoch)."""
        order = numpy_rng(seed, "order", epoch).permutation(len(self._users))
        user, item = self._users[order], self._items[order]
        firsts = (first_occurrence(ids, self._batch_size) for ids in (user, item))
        columns = (torch.as_tensor(c, device=self._device) for c in (user, item, self._labels[order], *firsts))
        return Epoch(Batch(*columns), self._batch_size, seed, epoch)
