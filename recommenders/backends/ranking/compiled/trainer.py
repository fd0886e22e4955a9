"""The back end `compiled` of vectors: a step reads and writes no more rows than it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from core.common.blas import blas_on_one_core
from core.common.restoring import count, read
from core.losses.setwise.set_loss import SetLoss
from core.programs.sets.encoded import encode
from recommenders.backends.compiled.cores import Cores
from recommenders.backends.ranking.base import Recipe, VectorTask, VectorTrainer, load_arrays
from recommenders.backends.ranking.compiled.rules import is_exact, new_rule
from recommenders.backends.ranking.compiled.sketch import Sketch, new_sketch, sketch_rows
from recommenders.backends.ranking.compiled.step import Buffers, PrivateStep, SharedStep, Work
from recommenders.backends.ranking.compiled.tables import ROW, find_travel, new_table, new_travel
from recommenders.backends.ranking.compiled.updates import begin, settle
from recommenders.backends.ranking.epochs import Epochs
from recommenders.common.machine import Machine
from recommenders.models.vectors.mf import VectorMF
from recommenders.models.vectors.model import VectorModel

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
        self._rate = min(1.0, task.recipe.sampler.negatives / data.n_items)
        self._buffers = Buffers(self._dtype)

    side_by_side: ClassVar[bool] = True
    trains: ClassVar[str] = "mf on a CPU with losses of scores, its weight decay by rows"

    @classmethod
    def takes(cls, model: VectorModel, recipe: Recipe, machine: Machine) -> bool:
        """See VectorTrainer."""
        by_rows = recipe.weight_decay == 0 or recipe.decay_of == "rows"
        return type(model) is VectorMF and machine.device.type == "cpu" and by_rows and recipe.has_negatives

    def train_epoch(self, loss: SetLoss, epoch: int, learning_rate: float, quantile: np.ndarray | None = None) -> float:
        """See VectorTrainer."""
        steps, total, threads = len(self._epochs), 0.0, torch.get_num_threads()
        rule = new_rule(self._recipe.optimiser, learning_rate, self._step, steps, self._dtype)
        travel = new_travel(steps if is_exact(self._recipe.optimiser) else 0, self._dtype)
        borders = None if quantile is None else np.asarray(quantile, dtype=self._dtype)
        for table in self._tables:
            begin(table, rule)
        expression = None if loss.expression is None else encode(loss.expression)
        what = (self._model, self._recipe, loss, expression, borders, self._rate, rule, travel, self._tables)
        work = Work(
            *what, self._sketch(loss), self._places, self._epochs.dropout_seed(epoch), self._buffers, self._cores
        )
        kind = SharedStep if self._recipe.sampler.shared else PrivateStep
        torch.set_num_threads(1)  # the cores are shared out here
        try:
            with blas_on_one_core():
                for batch in self._epochs.batches(epoch):
                    self._step += 1
                    total += kind(work, batch, self._step).take()
        finally:
            torch.set_num_threads(threads)
        find_travel(self._step + 1, rule, travel)
        for table in self._tables:
            settle(table, self._step, rule, travel)
        return total / self._epochs.n_examples

    def _sketch(self, loss: SetLoss) -> Sketch:
        """Return a sketch of items, without rows if private negatives cannot be screened by one."""
        sampler, items = self._recipe.sampler, self._tables[1]
        sketch = new_sketch(
            items, loss.threshold is not None and not sampler.shared and sampler.drawn == sampler.negatives
        )
        every = np.arange(len(sketch.codes), dtype=np.int32)
        sketch_rows(items, sketch, every, 0, len(every))
        return sketch

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
        return {name: torch.from_numpy(table.rows[:, ROW]) for name, table in pairs}

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
