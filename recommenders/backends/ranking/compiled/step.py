"""One step: the examples of a batch in blocks, which threads share, and then the rows that they name.

Private negatives are scored straight from the table, and only those that turn out to have a gradient are read: of
losses with margins that is one in hundreds, and most others are below the margin at a glance, see `sketch`. Shared ones
are read first, and scored by products of matrices.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from core.losses.setwise.set_loss import SetLoss, SetScores
from core.programs.sets.encoded import EncodedExpression
from core.programs.sets.interpreter import evaluate
from recommenders.backends.compiled.cores import Cores
from recommenders.backends.ranking.base import Recipe
from recommenders.backends.ranking.compiled import rows as compiled_rows
from recommenders.backends.ranking.compiled import steps
from recommenders.backends.ranking.compiled.rows import Rows, read_rows, squared_norm
from recommenders.backends.ranking.compiled.rules import Rule
from recommenders.backends.ranking.compiled.sketch import Sketch, score_private, sketch_rows
from recommenders.backends.ranking.compiled.tables import Table, Travel, find_travel
from recommenders.backends.ranking.compiled.updates import scale, update
from recommenders.backends.ranking.epochs import Batch
from recommenders.backends.ranking.torch_trainer import CLIP_EPSILON
from recommenders.models.vectors.model import VectorModel

#: Rows that a thread reads, or finishes, at a time, and the parts that they are cut into at most.
_READ, _FINISHED, _PARTS = 1024, 256, 8
#: Negatives with a gradient that are gathered sooner than another thread is woken.
_FEW = 2000


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


@dataclass(frozen=True, eq=False)
class Work:
    """The part that all steps of an epoch share."""

    model: VectorModel
    recipe: Recipe
    loss: SetLoss
    expression: EncodedExpression | None
    """The same for compiled code, if there is one."""
    quantile: np.ndarray | None
    """[users] or None, see `SetScores`."""
    rate: float
    """See `SetScores`."""
    rule: Rule
    travel: Travel
    tables: tuple[Table, ...]
    """Of users and of items."""
    sketch: Sketch
    """Of items; without rows unless private negatives are screened."""
    places: tuple[np.ndarray, ...]
    """[rows of the table] of each, see `rows.find_rows`."""
    dropout_seed: np.uint64
    buffers: Buffers
    cores: Cores

    @property
    def cosine(self) -> bool:
        """Whether vectors in scores have length 1."""
        return self.model.similarity == "cosine"


class Step(ABC):
    """A step with the B examples of a batch.

    Args:
        work: of the epoch.
        batch: the examples.
        number: of the step, from 1.
    """

    block: ClassVar[int]
    """Examples that a thread takes at a time. It decides how sums are rounded, whatever the threads."""

    def __init__(self, work: Work, batch: Batch, number: int) -> None:
        self._work, self._batch, self._number = work, batch, number
        self._n, self._of = len(batch.users), work.buffers.of
        self._blocks = [slice(first, min(first + self.block, self._n)) for first in range(0, self._n, self.block)]
        d = work.model.embedding_size
        self._masks = self._of("masks", self._n if work.model.dropout > 0 else 0, d)
        self._users, self._of_users = self._of("users", self._n, d), self._of("of_users", self._n, d)
        self._inverse, self._of_positives = self._of("inverse", self._n), self._of("of_positives", self._n)
        find_travel(number, work.rule, work.travel)
        self._rows = self._find(0, batch.users)
        self._read(self._rows)

    @abstractmethod
    def take(self) -> float:
        """Take it; return the sum of the losses of the examples."""

    def _find(self, which: int, ids: np.ndarray) -> Rows:
        """Find the different rows of a table among those that are named; they are not read yet.

        Args:
            which: 0 for users, 1 for items.
            ids: [m] rows that are named.
        """
        table, of, m = self._work.tables[which], self._of, len(ids)
        d, names = self._users.shape[1], [f"{which}.{i}" for i in range(8)]
        numbers, index, order = (of(name, m, dtype=np.int32) for name in names[:3])
        n = compiled_rows.find_rows(ids, self._work.places[which], numbers, index)
        now, unit, gradient = (of(name, n, d) for name in names[3:6])
        starts = of(names[6], n + 1, dtype=np.int32)
        return Rows(table, numbers[:n], index, now, unit, of(names[7], n), gradient, starts, order)

    def _read(self, rows: Rows) -> None:
        """Read rows, on all cores."""
        work, number = self._work, self._number
        self._parts([rows], _READ, lambda *part: read_rows(*part, number, work.rule, work.travel, work.cosine))

    def _parts(self, tables: list[Rows], size: int, do: Callable[[Rows, int, int], None]) -> None:
        """Do something to all rows of tables, on all cores."""
        parts = []
        for rows in tables:
            n = len(rows.numbers)
            each = max(size, -(-n // _PARTS))
            parts += [(rows, first, min(first + each, n)) for first in range(0, n, each)]
        self._work.cores.map(lambda k: do(*parts[k]), len(parts))

    def _place(self, block: slice) -> tuple[Any, ...]:
        """Place the users of a block in scores; return what `finish_users` has to know of it."""
        work, masks = self._work, self._masks[block] if len(self._masks) else self._masks
        drawn = (self._batch.first + block.start, work.dropout_seed, work.model.dropout)
        placed = (masks, work.model.dropout_place == "before", work.cosine, self._users[block], self._inverse[block])
        steps.place_users(self._rows, block.start, *drawn, *placed)
        return block.start, *placed

    def _evaluate(
        self, block: slice, positives: np.ndarray, negatives: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Evaluate the loss of a block of examples; return its sum, and its derivatives by the scores.

        Args:
            block: of the examples.
            positives: [b].
            negatives: [b, N].
        """
        work = self._work
        borders = None if work.quantile is None else work.quantile[self._batch.users[block]]
        if work.expression is not None:
            values, *by_scores = evaluate(work.expression, positives, negatives, borders, work.rate)
            return float(values.sum(dtype=np.float64)), by_scores[0], by_scores[1]
        rank = None if borders is None else torch.from_numpy(borders)
        found = work.loss.evaluate(SetScores(torch.from_numpy(positives), torch.from_numpy(negatives), rank, work.rate))
        return float(found.value.sum(dtype=torch.float64)), found.positive.numpy(), found.negatives.numpy()

    def _finish(self, items: Rows, sums: tuple[Any, ...]) -> None:
        """Sum the gradients of rows, and update them.

        Args:
            items: that are named.
            sums: what `sum_items` is told between the rows and the shares.
        """
        work, number, kind = self._work, self._number, self._users.dtype.type
        users, clip = self._rows, work.recipe.clip_norm
        share, decay = kind(1 / self._n), kind(work.recipe.weight_decay)
        compiled_rows.group(users.named, len(users.numbers), users.starts, users.order)
        compiled_rows.group(items.named, len(items.numbers), items.starts, items.order)

        def add_up(rows: Rows, first: int, stop: int) -> None:
            if rows is users:
                steps.sum_users(rows, first, stop, self._of_users, share, decay)
            else:
                steps.sum_items(rows, first, stop, *sums, share, decay, work.cosine)
            if clip is None:
                change(rows, first, stop)

        def change(rows: Rows, first: int, stop: int) -> None:
            update(rows.table, rows.numbers, first, stop, number, work.rule, rows.now, rows.gradient)
            if rows is items and len(work.sketch.codes):
                sketch_rows(rows.table, work.sketch, rows.numbers, first, stop)

        def shorten(rows: Rows, first: int, stop: int) -> None:
            scale(rows.gradient, first, stop, factor)
            change(rows, first, stop)

        self._parts([users, items], _FINISHED, add_up)
        if clip is not None:
            norm = sum(squared_norm(rows) for rows in (users, items)) ** 0.5
            factor = kind(min(1.0, clip / (norm + CLIP_EPSILON)))
            self._parts([users, items], _FINISHED, change if factor == 1 else shorten)


class SharedStep(Step):
    """See Step. All examples have the same M negatives."""

    block = 256

    def take(self) -> float:
        """See Step."""
        n, negatives = self._n, self._batch.negatives
        items = self._items = self._find(1, np.concatenate([self._batch.positives, negatives]))
        self._read(items)
        self._pool = items.unit[items.named[n:]]
        self._of_shared = self._of("of_shared", len(self._blocks), *self._pool.shape)
        values = self._work.cores.map(self._train, len(self._blocks))
        self._finish(items, (self._users, np.arange(n, dtype=np.int32), self._of_positives, self._of_shared))
        return sum(values)

    def _train(self, number: int) -> float:
        """Score a block of examples, and find the gradients; return the sum of the losses."""
        block, items = self._blocks[number], self._items
        placed, users, of_users = self._place(block), self._users[block], self._of_users[block]
        positives = np.empty(len(users), dtype=users.dtype)
        steps.score_positives(users, items, block.start, positives)
        with np.errstate(over="ignore", invalid="ignore"):  # a training that breaks down says so by its loss
            value, self._of_positives[block], gradient = self._evaluate(block, positives, users @ self._pool.T)
            np.matmul(gradient, self._pool, out=of_users)
            np.matmul(gradient.T, users, out=self._of_shared[number])
        steps.finish_users(self._rows, items, *placed, self._of_positives[block], of_users)
        return value


class PrivateStep(Step):
    """See Step. Every example has its own N negatives."""

    block = 128

    def take(self) -> float:
        """See Step."""
        n, sampler = self._n, self._work.recipe.sampler
        self._placed: dict[int, tuple[Any, ...]] = {}
        self._negatives = self._of("negatives", n, sampler.negatives, dtype=np.int32)
        gradients = self._gradients = self._of("gradients", n, sampler.negatives)
        value = sum(self._work.cores.map(self._score, len(self._blocks)))
        most, decays = n + gradients.size, self._work.recipe.weight_decay > 0  # which takes all that are named
        named, examples = (self._of(name, most, dtype=np.int32) for name in ("named", "examples"))
        factors, self._starts = self._of("factors", most), self._of("starts", n + 1, dtype=np.int32)
        named[:n], examples[:n], factors[:n] = self._batch.positives, np.arange(n), self._of_positives
        m = steps.choose(gradients, self._negatives, decays, named, examples, factors, self._starts)
        self._factors, items = factors[n:m], self._find(1, named[:m])
        self._items = items
        self._read(items)
        if m - n < _FEW:
            for number in range(len(self._blocks)):
                self._gather(number)
        else:
            self._work.cores.map(self._gather, len(self._blocks))
        self._finish(items, (self._users, examples[:m], factors[:m], self._users[:0, None]))
        return value

    def _score(self, number: int) -> float:
        """Draw and score the negatives of a block, and evaluate the loss of those that count; return its sum."""
        work, block = self._work, self._blocks[number]
        self._placed[number] = self._place(block)
        drawn, kind = self._batch.negatives_of(block), self._users.dtype
        scores = np.empty(len(drawn), kind), np.empty(drawn.shape, kind)
        threshold = kind.type(0 if work.loss.threshold is None else work.loss.threshold)
        how = (work.tables[1], work.sketch, threshold, self._number, work.rule, work.travel, self._users[block])
        score_private(*how, self._batch.positives[block], drawn, work.cosine, scores)
        positives, negatives = scores
        if drawn.shape[1] > work.recipe.sampler.negatives:
            best = torch.from_numpy(negatives).topk(work.recipe.sampler.negatives).indices.numpy()
            negatives, drawn = np.take_along_axis(negatives, best, 1), np.take_along_axis(drawn, best, 1)
        self._negatives[block] = drawn
        value, self._of_positives[block], self._gradients[block] = self._evaluate(block, positives, negatives)
        return value

    def _gather(self, number: int) -> None:
        """Find the gradients of the users of a block."""
        block, items = self._blocks[number], self._items
        starts, index = self._starts[block.start : block.stop + 1], items.named[self._n :]
        steps.gather_negatives(self._factors, index, starts, items.unit, self._of_users[block])
        placed = self._placed[number]
        steps.finish_users(self._rows, items, *placed, self._of_positives[block], self._of_users[block])
