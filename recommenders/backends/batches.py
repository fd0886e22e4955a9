"""The batches of an epoch, which are the same for every candidate."""

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

    `first_user` and `first_item` [B] hold the index in the batch at which the same user or item occurs
    first; gradients of a row that occurs several times are summed there.
    """

    user: Tensor
    item: Tensor
    label: Tensor
    first_user: Tensor
    first_item: Tensor


@dataclass(frozen=True)
class Epoch:
    """The examples of an epoch in training order; iterating gives batches, of which the last one may be smaller."""

    examples: Batch
    """All n examples; `first_user` and `first_item` count from 0 in each batch."""
    batch_size: int
    seed: int
    """Seed of the random draws of training passes."""
    number: int
    """Number of the epoch."""

    def training(self) -> Training:
        """Return the random draws for the training passes of this epoch, from the beginning."""
        return Training(torch_rng(self.seed, "dropout", self.number, device=self.examples.label.device))

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches."""
        all_ = self.examples
        columns = (all_.user, all_.item, all_.label, all_.first_user, all_.first_item)
        for batch in zip(*(column.split(self.batch_size) for column in columns), strict=True):
            yield Batch(*batch)


class EpochBatches:
    """Shuffles interactions into epochs, which are copied to the device once per epoch.

    Args:
        interactions: n examples.
        batch_size: examples per batch.
        device: where the batches are needed.
        dtype: of the labels.
    """

    def __init__(self, interactions: Interactions, batch_size: int, device: torch.device, dtype: torch.dtype) -> None:
        self._users = interactions.user.astype(np.int32)
        self._items = interactions.item.astype(np.int32)
        self._labels = torch.as_tensor(interactions.label, dtype=dtype).numpy()
        self._batch_size = batch_size
        self._device = device

    def __call__(self, seed: int, epoch: int) -> Epoch:
        """Return an epoch in an order drawn from (seed, epoch).

        Args:
            seed: of the training run.
            epoch: number of the epoch.
        """
        order = numpy_rng(seed, "order", epoch).permutation(len(self._users))
        user, item = self._users[order], self._items[order]
        firsts = (first_occurrence(ids, self._batch_size) for ids in (user, item))
        columns = (torch.as_tensor(c, device=self._device) for c in (user, item, self._labels[order], *firsts))
        return Epoch(Batch(*columns), self._batch_size, seed, epoch)
