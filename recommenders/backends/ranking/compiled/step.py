"""One step: the examples of a batch in blocks, which threads share, and then the rows that they name."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from core.losses.setwise.set_loss import SetLoss, SetScores
from recommenders.backends.ranking.base import Recipe
from recommenders.backends.ranking.compiled import rows as compiled_rows
from recommenders.backends.ranking.compiled import steps
from recommenders.backends.ranking.compiled.rows import Rows
from recommenders.backends.ranking.compiled.tables import Table
from recommenders.backends.ranking.epochs import Batch, mask
from recommenders.models.vectors.model import VectorModel


class Buffers:
    """Arrays that are used again in the next step.

    Args:
        dtype: of numbers.
    """

    def __init__(self, dtype: np.dtype) -> None:
        self._dtype, self._kept = dtype, dict[str, np.ndarray]()

    def of(self, name: str, *shape: int, dtype: Any = None) -> np.ndarray:
        """Return an array whose content is that of whoever used it before.

        Args:
            name: of the array.
            shape: of the array.
            dtype: of its numbers; None: that of all.
        """
        n = int(np.prod(shape))
        if name not in self._kept or n > len(self._kept[name]):
            self._kept[name] = np.empty(n, dtype=dtype or self._dtype)
        return self._kept[name][:n].reshape(shape)


def find_rows(table: Table, ids: np.ndarray, place: np.ndarray, buffers: Buffers, name: str) -> Rows:
    """Find the different rows among those that a batch names; they are not read yet.

    Args:
        table: the table.
        ids: [m] rows that are named.
        place: [rows of the table], see `rows.find_rows`.
        buffers: arrays to use.
        name: of the table.
    """
    m, d = len(ids), table.state.shape[2]
    numbers, index, order = (buffers.of(f"{name}.{i}", m, dtype=np.int32) for i in range(3))
    n = compiled_rows.find_rows(ids, place, numbers, index)
    now, unit, gradient = (buffers.of(f"{name}.{i}", n, d) for i in range(3, 6))
    starts = buffers.of(f"{name}.6", n + 1, dtype=np.int32)
    return Rows(table, numbers[:n], index, now, unit, buffers.of(f"{name}.7", n), gradient, starts, order)


class Step:
    """The examples of a batch, B of them.

    Args:
        model: what is trained.
        recipe: how.
        batch: the examples.
        users: the rows that they name, read.
        items: likewise, positives first.
        buffers: arrays to use.
        n_blocks: how many blocks of examples there will be.
    """

    def __init__(
        self,
        model: VectorModel,
        recipe: Recipe,
        batch: Batch,
        users: Rows,
        items: Rows,
        buffers: Buffers,
        n_blocks: int,
    ) -> None:
        n, d = len(batch.users), users.now.shape[1]
        self._model, self._recipe, self._batch, self._rows, self._items = model, recipe, batch, users, items
        self._cosine, self._before = model.similarity == "cosine", model.dropout_place == "before"
        self._masks = buffers.of("masks", n if model.dropout > 0 else 0, d)
        self._users, self._of_user = buffers.of("users", n, d), buffers.of("of_user", n, d)
        self._inverse, self._of_positive = buffers.of("inverse", n), buffers.of("of_positive", n)
        negatives, shared = items.named[n:], recipe.sampler.shared
        self._index = negatives if shared else negatives.reshape(n, -1)
        self._pool = items.unit[negatives] if shared else items.unit[:0]
        self._of_shared = buffers.of("of_shared", n_blocks if shared else 0, len(self._pool), d)
        self._of_negative = buffers.of("of_negative", n, 1 if shared else recipe.sampler.negatives)

    def train(
        self, loss: SetLoss, block: slice, number: int, seed: np.uint64, quantile: np.ndarray | None, rate: float
    ) -> float:
        """Score a block of examples, and find the gradients; return the sum of the losses.

        Args:
            loss: what is minimised.
            block: of the examples.
            number: of the block.
            seed: of the dropped elements of the epoch.
            quantile: see `SetScores`, of these examples [b].
            rate: see `SetScores`.
        """
        first, rows, items = block.start, self._rows, self._items
        users, of_user, inverse = self._users[block], self._of_user[block], self._inverse[block]
        masks = self._masks[block] if len(self._masks) else self._masks
        if len(masks):
            mask(seed, self._batch.first + first, self._model.dropout, masks)
        drop = (first, masks, self._before, self._cosine, users, inverse)
        steps.place_users(rows, *drop)
        positive = np.empty(len(users), dtype=users.dtype)
        steps.score_positives(users, items, first, positive)
        negative = self._score(block, users)
        rank = None if quantile is None else torch.from_numpy(quantile)
        found = loss.evaluate(SetScores(torch.from_numpy(positive), torch.from_numpy(negative), rank, rate))
        self._of_positive[block], gradient = found.positive.numpy(), found.negatives.numpy()
        if self._recipe.sampler.shared:
            with np.errstate(over="ignore", invalid="ignore"):
                np.matmul(gradient, self._pool, out=of_user)
                np.matmul(gradient.T, users, out=self._of_shared[number])
        else:
            self._of_negative[block] = gradient
            most = self._of_negative.shape[1]
            steps.gather_private(gradient, self._index[block][:, :most], items.unit, of_user)
        steps.finish_users(rows, items, *drop, self._of_positive[block], of_user)
        return float(found.value.sum(dtype=torch.float64))

    def _score(self, block: slice, users: np.ndarray) -> np.ndarray:
        """Return the scores of the negatives [b, N] that count."""
        if self._recipe.sampler.shared:
            with np.errstate(over="ignore", invalid="ignore"):  # a training that breaks down says so by its loss
                shared: np.ndarray = users @ self._pool.T
            return shared
        index = self._index[block]
        scores = np.empty(index.shape, dtype=users.dtype)
        steps.score_private(users, self._items.unit, index, scores)
        most = self._of_negative.shape[1]
        if scores.shape[1] > most:
            best = torch.from_numpy(scores).topk(most).indices.numpy()
            index[:, :most], scores = np.take_along_axis(index, best, 1), np.take_along_axis(scores, best, 1)
        return scores

    def group(self) -> None:
        """Find the namings of every row, once all blocks are trained."""
        n, most, decays = len(self._users), self._of_negative.shape[1], self._recipe.weight_decay > 0
        compiled_rows.group(self._rows.named, len(self._rows.numbers), self._rows.starts, self._rows.order)
        named = self._items.named
        if not self._recipe.sampler.shared:
            chosen = self._index[:, :most]
            some = chosen if decays else np.where(self._of_negative != 0, chosen, -1)
            named = np.concatenate([named[:n], some.ravel()])
        compiled_rows.group(named, len(self._items.numbers), self._items.starts, self._items.order)

    def sum_users(self, first: int, stop: int) -> None:
        """Sum the gradients of some users' rows.

        Args:
            first: the first one.
            stop: behind the last one.
        """
        steps.sum_users(self._rows, first, stop, self._of_user, *self._factors)

    def sum_items(self, first: int, stop: int) -> None:
        """Sum the gradients of some items' rows.

        Args:
            first: the first one.
            stop: behind the last one.
        """
        sources = (self._users, self._of_positive, self._of_negative, self._of_shared)
        steps.sum_items(self._items, first, stop, sources, *self._factors, self._cosine)

    @property
    def _factors(self) -> tuple[np.floating, np.floating]:
        """The share of an example in the mean, and the weight decay."""
        kind = self._users.dtype.type
        return kind(1 / len(self._users)), kind(self._recipe.weight_decay)
