"""The back end `compiled` of vectors: a step reads and writes no more rows than it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.common.restoring import count, read
from core.losses.setwise.set_loss import SetLoss
from recommenders.backends.compiled.blas import blas_on_one_core
from recommenders.backends.compiled.cores import Cores
from recommenders.backends.ranking.base import VectorTask, VectorTrainer, load_arrays
from recommenders.backends.ranking.compiled.rows import Rows, read_rows, squared_norm, update_rows
from recommenders.backends.ranking.compiled.rules import Rule, new_rule
from recommenders.backends.ranking.compiled.step import Buffers, Step, find_rows
from recommenders.backends.ranking.compiled.tables import ROW, new_table, settle
from recommenders.backends.ranking.epochs import Batch, Epochs
from recommenders.backends.ranking.torch_trainer import CLIP_EPSILON
from recommenders.common.machine import Machine
from recommenders.models.vectors.mf import VectorMF

#: Examples and rows that a thread takes at a time. The former decides how sums are rounded, whatever the threads.
_EXAMPLES, _ROWS = 256, 256
#: Parts that the rows of a table are cut into at most.
_PARTS = 8
#: Private negatives are scored row by row: fewer examples, so that there are several blocks of a small batch.
_PRIVATE_EXAMPLES = 128
TABLES = ("user_embedding", "item_embedding")


class CompiledTrainer(VectorTrainer):
    """See VectorTrainer. Results depend neither on the number of threads nor on how work is spread over them."""

    def __init__(self, task: VectorTask, machine: Machine, seed: int) -> None:
        data, self._recipe, self._model = task.data, task.recipe, task.model
        self._epochs = Epochs(data.train, data.n_items, task.recipe, seed)
        self._dtype = np.dtype(np.float64 if machine.dtype == torch.float64 else np.float32)
        made = self._model.initial(data.n_users, data.n_items, seed)
        rows = [np.ascontiguousarray(made[name].numpy(), dtype=self._dtype) for name in TABLES]
        self._tables = tuple(new_table(one, task.recipe.optimiser) for one in rows)
        self._places = tuple(np.full(len(one), -1, dtype=np.int32) for one in rows)
        self._cores, self._step = Cores(machine.threads), 0
        self._rate, self._cosine = task.recipe.sampler.negatives / data.n_items, task.model.similarity == "cosine"
        self._buffers = Buffers(self._dtype)

    @classmethod
    def takes(cls, task: VectorTask, machine: Machine) -> bool:
        """See VectorTrainer."""
        by_rows = task.recipe.weight_decay == 0 or task.recipe.decay_of == "rows"
        return type(task.model) is VectorMF and machine.device.type == "cpu" and by_rows and task.has_negatives

    def train_epoch(self, loss: SetLoss, epoch: int, learning_rate: float, quantile: np.ndarray | None = None) -> float:
        """See VectorTrainer."""
        rule = new_rule(self._recipe.optimiser, learning_rate, self._step, len(self._epochs), self._dtype)
        seed, total, threads = self._epochs.dropout_seed(epoch), 0.0, torch.get_num_threads()
        borders = None if quantile is None else np.asarray(quantile, dtype=self._dtype)
        torch.set_num_threads(1)  # the cores are shared out here
        try:
            with blas_on_one_core():
                for batch in self._epochs.batches(epoch):
                    self._step += 1
                    total += self._take(batch, loss, rule, seed, borders)
        finally:
            torch.set_num_threads(threads)
        for table in self._tables:
            settle(table, self._step, rule)
        return total / self._epochs.n_examples

    def _take(self, batch: Batch, loss: SetLoss, rule: Rule, seed: np.uint64, borders: np.ndarray | None) -> float:
        """Take a step; return the sum of the losses of its examples."""
        n, number, recipe = len(batch.users), self._step, self._recipe
        ids = (batch.users, np.concatenate([batch.positives, batch.negatives.ravel()]))
        users, items = (
            find_rows(*one, self._buffers, name)
            for name, one in zip(TABLES, zip(self._tables, ids, self._places, strict=True), strict=True)
        )
        self._both(users, items, lambda rows, *ends: read_rows(rows, *ends, number, rule, self._cosine))
        size = _EXAMPLES if recipe.sampler.shared else _PRIVATE_EXAMPLES
        step = Step(self._model, recipe, batch, users, items, self._buffers, -(-n // size))

        def train(block: int) -> float:
            chosen = slice(block * size, min((block + 1) * size, n))
            quantile = None if borders is None else borders[batch.users[chosen]]
            return step.train(loss, chosen, block, seed, quantile, min(1.0, self._rate))

        value = sum(self._cores.map(train, -(-n // size)))
        step.group()
        clips, one = recipe.clip_norm is not None, self._dtype.type(1)

        def finish(rows: Rows, first: int, stop: int) -> None:
            (step.sum_users if rows is users else step.sum_items)(first, stop)
            if not clips:
                update_rows(rows, first, stop, number, rule, one)

        self._both(users, items, finish)
        if clips:
            norm = sum(squared_norm(rows) for rows in (users, items)) ** 0.5
            factor = self._dtype.type(min(1.0, recipe.clip_norm / (norm + CLIP_EPSILON)))
            self._both(users, items, lambda rows, *ends: update_rows(rows, *ends, number, rule, factor))
        return value

    def _both(self, users: Rows, items: Rows, work: Callable[[Rows, int, int], None]) -> None:
        """Do something to all rows of both tables, on all cores."""
        parts = []
        for rows in (users, items):
            n = len(rows.numbers)
            size = max(_ROWS, -(-n // _PARTS))
            parts += [(rows, first, min(first + size, n)) for first in range(0, n, size)]
        self._cores.map(lambda k: work(*parts[k]), len(parts))

    def vectors(self) -> tuple[np.ndarray, np.ndarray]:
        """See VectorTrainer."""
        users, items = (self._model.scored(one).numpy() for one in self.parameters().values())
        return users, items

    def parameters(self) -> dict[str, Tensor]:
        """See VectorTrainer."""
        return {name: one.clone() for name, one in self._rows().items()}

    def load_parameters(self, stored: Mapping[str, Tensor]) -> None:
        """See VectorTrainer."""
        load_arrays(self._rows(), stored)

    def _rows(self) -> dict[str, Tensor]:
        pairs = zip(TABLES, self._tables, strict=True)
        return {name: torch.from_numpy(table.state)[:, ROW] for name, table in pairs}

    def state_dict(self) -> dict[str, Any]:
        """See VectorTrainer."""
        return {"step": self._step, "arrays": {name: one.clone() for name, one in self._arrays().items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See VectorTrainer."""
        self._step = count(state["step"])
        load_arrays(self._arrays(), read(dict[str, Tensor], state["arrays"]))

    def _arrays(self) -> dict[str, Tensor]:
        pairs = zip(TABLES, self._tables, strict=True)
        return {f"{name}.{part}": torch.from_numpy(one) for name, t in pairs for part, one in t._asdict().items()}
