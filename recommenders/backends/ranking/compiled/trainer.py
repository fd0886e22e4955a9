"""The back end `compiled` of vectors: a step reads and writes no more rows than it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from core.common.blas import blas_on_one_core
from core.common.restoring import count, read
from core.losses.setwise.set_loss import SetLoss, SetScores
from core.programs.sets.encoded import EncodedExpression, encode
from core.programs.sets.interpreter import new_registers
from recommenders.backends.compiled.cores import Cores
from recommenders.backends.ranking.base import Recipe, VectorTask, VectorTrainer, load_arrays
from recommenders.backends.ranking.compiled.rules import is_exact, new_rule
from recommenders.backends.ranking.compiled.sketch import Sketch, new_sketch, sketch_rows
from recommenders.backends.ranking.compiled.step import (
    begin_private,
    begin_shared,
    end_shared,
    finish_private,
    finish_shared,
    gather_pool,
    prepare,
    take_private,
    take_shared,
)
from recommenders.backends.ranking.compiled.tables import ROW, find_travel, new_table, new_travel
from recommenders.backends.ranking.compiled.team import Team, dismiss, new_team
from recommenders.backends.ranking.compiled.updates import begin, settle
from recommenders.backends.ranking.compiled.work import (
    PRIVATE_BLOCK,
    SHARED_BLOCK,
    Work,
    examples_of,
    manner_of,
    new_kept,
)
from recommenders.backends.ranking.epochs import Epochs
from recommenders.common.machine import Machine
from recommenders.models.vectors.mf import VectorMF
from recommenders.models.vectors.model import VectorModel

#: Scores of negatives, about, after which compiled code returns: some tens of milliseconds.
_SCORES = 4_000_000
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
        self._kept = new_kept(self._model, self._recipe, *self._tables)
        self._pools = np.empty((machine.threads, *self._kept.shared.gradients.shape[1:]), self._dtype)
        self._cores, self._step = Cores(machine.threads), 0
        self._rate = min(1.0, task.recipe.sampler.negatives / data.n_items)

    side_by_side: ClassVar[bool] = True
    trains: ClassVar[str] = "mf on a CPU with losses of scores, its weight decay by rows"

    @classmethod
    def takes(cls, model: VectorModel, recipe: Recipe, machine: Machine) -> bool:
        """See VectorTrainer."""
        by_rows = recipe.weight_decay == 0 or recipe.decay_of == "rows"
        return type(model) is VectorMF and machine.device.type == "cpu" and by_rows and recipe.has_negatives

    def train_epoch(self, loss: SetLoss, epoch: int, learning_rate: float, quantile: np.ndarray | None = None) -> float:
        """See VectorTrainer."""
        steps, threads = len(self._epochs), torch.get_num_threads()
        rule = new_rule(self._recipe.optimiser, learning_rate, self._step, steps, self._dtype)
        travel = new_travel(steps if is_exact(self._recipe.optimiser) else 0, self._dtype)
        for table in self._tables:
            begin(table, rule)
        expression = None if loss.expression is None else encode(loss.expression)
        examples = examples_of(self._epochs.whole(epoch), self._recipe.batch_size, self._epochs.dropout_seed(epoch))
        manner = manner_of(self._model, self._recipe, loss, self._dtype)
        lines = np.empty((0, 7), np.int32) if expression is None else expression.lines
        borders = np.asarray([] if quantile is None else quantile, dtype=self._dtype)
        work = Work(examples, manner, lines, borders, rule, travel, self._sketch(loss))
        self._kept.scored.total[0] = 0
        torch.set_num_threads(1)  # the cores are shared out here
        try:
            with blas_on_one_core():
                if expression is None:
                    self._take_apart(work, loss)
                else:
                    self._take(work, expression)
        finally:
            torch.set_num_threads(threads)
        find_travel(self._step + 1, rule, travel)
        for table in self._tables:
            settle(table, self._step, rule, travel)
        return float(self._kept.scored.total[0]) / self._epochs.n_examples

    def _take(self, work: Work, expression: EncodedExpression) -> None:
        """Take the steps of an epoch with a loss that is an expression."""
        sampler, batch, kept = self._recipe.sampler, self._recipe.batch_size, self._kept
        block, take = (SHARED_BLOCK, take_shared) if sampler.shared else (PRIVATE_BLOCK, take_private)
        shape = min(block, batch), sampler.negatives, self._dtype, self._rate
        registers = [new_registers(expression, *shape) for _ in self._pools]
        team, end = new_team(len(self._pools)), self._step + len(self._epochs) + 1
        at_once = max(1, _SCORES // (batch * sampler.negatives))
        for first in range(self._step + 1, end, at_once):  # between calls the user may interrupt

            def member(k: int, first: int = first) -> None:
                take(team, work, kept, first, min(first + at_once, end), registers[k], self._pools[k])

            self._cores.together(member, lambda: dismiss(team))
        self._step = end - 1

    def _take_apart(self, work: Work, loss: SetLoss) -> None:
        """Take the steps of an epoch with any loss, which Python calls."""
        examples, (named, placed, scored, private, shared), pool = work.examples, self._kept, self._pools[0]
        team, is_shared = new_team(len(self._pools)), self._recipe.sampler.shared
        block = SHARED_BLOCK if is_shared else PRIVATE_BLOCK
        for first in range(0, len(examples.users), examples.batch):
            self._step += 1
            step, n = self._step, min(examples.batch, len(examples.users) - first)

            def of_block(k: int, step: int = step, first: int = first, n: int = n) -> None:
                part = k * block, min((k + 1) * block, n)
                if is_shared:
                    begin_shared(work, named, placed, scored, first, *part, pool)
                else:
                    begin_private(work, named, placed, scored, private, step, first, *part)
                self._evaluate(work, loss, first, slice(*part))
                if is_shared:
                    end_shared(work.manner, named, placed, scored, shared.gradients[k], *part, pool)

            self._together(team, prepare, work, named, len(pool) if is_shared else 0, step, first, n)
            if is_shared:
                gather_pool(named.items, n, pool)
            self._cores.map(of_block, -(-n // block))
            finish, negatives = (finish_shared, shared) if is_shared else (finish_private, private)
            self._together(team, finish, work, named, placed, scored, negatives, step, n)

    def _together(self, team: Team, stage: Callable[..., object], *arguments: object) -> None:
        """Do a stage of a step on all threads."""
        self._cores.together(lambda _: stage(team, *arguments), lambda: dismiss(team))

    def _evaluate(self, work: Work, loss: SetLoss, first: int, part: slice) -> None:
        """Evaluate any loss on some examples of a batch."""
        scored, users = self._kept.scored, work.examples.users[first + part.start : first + part.stop]
        rank = torch.from_numpy(work.quantiles[users]) if len(work.quantiles) else None
        positives, negatives = (torch.from_numpy(one[part]) for one in (scored.positives, scored.negatives))
        found = loss.evaluate(SetScores(positives, negatives, rank, self._rate))
        scored.values[part], scored.of_positives[part] = found.value.numpy(), found.positive.numpy()
        scored.of_negatives[part] = found.negatives.numpy()

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
