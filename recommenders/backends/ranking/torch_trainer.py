"""The back end `torch`: any model, device, optimiser and loss, by autograd over whole tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from core.common.restoring import count, read
from core.losses.setwise.ranking_loss import RankingLoss
from core.losses.setwise.set_loss import SetLoss, SetScores
from core.losses.setwise.vector_loss import BatchVectors, VectorLoss
from recommenders.backends.ranking.base import Recipe, VectorTask, VectorTrainer, load_arrays
from recommenders.backends.ranking.epochs import Batch, Epochs, mask
from recommenders.backends.ranking.torch_optimisers import TorchOptimiser
from recommenders.common.machine import Machine
from recommenders.models.vectors.model import VectorModel

#: What torch's clip_grad_norm_ adds to a norm before it divides by it.
CLIP_EPSILON = 1e-6


class _Step(NamedTuple):
    """What a loss comes to on a batch."""

    total: Tensor
    """[] the sum of the losses of its examples."""
    inputs: list[Tensor]
    """What the loss is a function of."""
    gradients: list[Tensor]
    """The derivatives of the mean loss by them."""


def _by_vectors(loss: VectorLoss, users: Tensor, positives: Tensor) -> _Step:
    """Return what a loss of vectors [B, D] comes to, which is one for all examples of a batch."""
    found = loss.evaluate(BatchVectors(users, positives))
    return _Step(found.value.double() * len(users), [users, positives], [found.users, found.positives])


class TorchTrainer(VectorTrainer[RankingLoss]):
    """See VectorTrainer."""

    def __init__(self, task: VectorTask, machine: Machine, seed: int) -> None:
        data, self._recipe, self._machine = task.data, task.recipe, machine
        self._model = task.model.on(data.train, data.n_items)
        self._epochs = Epochs(data.train, data.n_items, task.recipe, seed)
        made = self._model.initial(data.n_users, data.n_items, seed)
        self._weights = {name: one.to(machine.device, machine.dtype) for name, one in made.items()}
        self._optimiser = TorchOptimiser(task.recipe.optimiser, self._weights, frozenset(self._model.tables))
        self._step, self._rate = 0, task.recipe.sampler.negatives / data.n_items

    trains: ClassVar[str] = "everything"

    @classmethod
    def takes(cls, model: VectorModel, recipe: Recipe, machine: Machine) -> bool:
        """See VectorTrainer."""
        return True

    def train_epoch(
        self, loss: RankingLoss, epoch: int, learning_rate: float, quantile: np.ndarray | None = None
    ) -> float:
        """See VectorTrainer."""
        total = torch.zeros((), dtype=torch.float64, device=self._machine.device)
        borders = None if quantile is None else self._tensor(quantile).to(self._machine.dtype)
        for batch in self._epochs.batches(epoch):
            leaves = {name: one.detach().requires_grad_() for name, one in self._weights.items()}
            total += self._backward(leaves, batch, loss, self._epochs.dropout_seed(epoch), borders)
            gradients = {name: one.grad for name, one in leaves.items() if one.grad is not None}
            self._clip(list(gradients.values()))
            self._step += 1
            self._optimiser.step(gradients, learning_rate, self._step)
        return float(total / self._epochs.n_examples)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self._machine.device)

    def _backward(
        self, leaves: dict[str, Tensor], batch: Batch, loss: RankingLoss, seed: np.uint64, borders: Tensor | None
    ) -> Tensor:
        """Add up the gradients of a batch in `leaves`; return the sum of its losses."""
        user, positive, negative = (
            self._tensor(ids.astype(np.int64)) for ids in (batch.users, batch.positives, batch.negatives)
        )
        items = torch.cat([positive, negative.flatten()])
        users, every = self._model.vectors(leaves, user, items, positive)
        drop = None
        if self._model.dropout > 0:
            drop = torch.empty(users.shape, dtype=self._machine.dtype)
            mask(seed, batch.first, self._model.dropout, drop.numpy())
            drop = drop.to(self._machine.device)
        users, every = self._model.keep(drop, users), self._model.scored(every)
        if isinstance(loss, VectorLoss):
            by = _by_vectors(loss, users, every[: len(user)])
        else:
            assert isinstance(loss, SetLoss)
            by, negative = self._by_scores(loss, users, every, negative, None if borders is None else borders[user])
            items = torch.cat([positive, negative.flatten()])
        decay = self._decay(leaves, user, items)
        torch.autograd.backward([*by.inputs, decay], [*by.gradients, torch.ones_like(decay)])
        return by.total

    def _by_scores(
        self, loss: SetLoss, users: Tensor, every: Tensor, negative: Tensor, rank: Tensor | None
    ) -> tuple[_Step, Tensor]:
        """Return what a loss of scores comes to, and the negatives that count.

        Args:
            loss: what is minimised.
            users: [B, D] as they are in scores.
            every: likewise the positives [B, D] and all negatives below them.
            negative: their numbers, [B, drawn] or [negatives].
            rank: [B], see `SetScores.quantile`.
        """
        p, others = (users * every[: len(users)]).sum(-1), every[len(users) :]
        if self._recipe.sampler.shared:
            n = users @ others.T
        else:
            n = (users[:, None] @ others.view(len(users), -1, others.shape[1]).mT)[:, 0]
            if n.shape[1] > self._recipe.sampler.negatives:
                best = n.detach().topk(self._recipe.sampler.negatives).indices
                n, negative = n.gather(1, best), negative.gather(1, best)
        found = loss.evaluate(SetScores(p, n, rank, min(1.0, self._rate)))
        gradients = [found.positive / len(users), found.negatives / len(users)]
        return _Step(found.value.sum(dtype=torch.float64), [p, n], gradients), negative

    def _decay(self, leaves: Mapping[str, Tensor], user: Tensor, items: Tensor) -> Tensor:
        """Return what is added to the mean loss of a batch, see `recommenders.backends.ranking.base`."""
        recipe, total = self._recipe, self._weights[next(iter(self._weights))].new_zeros(()).requires_grad_()
        if recipe.weight_decay == 0:
            return total
        for name, kind in self._model.tables.items():
            if recipe.decay_of == "tables":
                total = total + leaves[name].square().sum()
            elif kind == "user":
                total = total + leaves[name][user].square().sum() / len(user)
            else:
                norms = leaves[name][items].square().sum(1)
                times = len(user) if recipe.sampler.shared else 1
                total = total + (norms[: len(user)].sum() + times * norms[len(user) :].sum()) / len(user)
        return total * (recipe.weight_decay / 2)

    def _clip(self, gradients: list[Tensor]) -> None:
        if self._recipe.clip_norm is not None:
            norm = torch.stack([one.square().sum() for one in gradients]).sum().sqrt()
            factor = (self._recipe.clip_norm / (norm + CLIP_EPSILON)).clamp(max=1.0)
            for one in gradients:
                one.mul_(factor)

    @torch.no_grad()
    def vectors(self) -> tuple[np.ndarray, np.ndarray]:
        """See VectorTrainer."""
        users, items = self._model.vectors(self._weights, None, None)
        return self._model.scored(users).cpu().numpy(), self._model.scored(items).cpu().numpy()

    def parameters(self) -> dict[str, Tensor]:
        """See VectorTrainer."""
        return {name: one.cpu().clone() for name, one in self._weights.items()}

    def load_parameters(self, stored: Mapping[str, Tensor]) -> None:
        """See VectorTrainer."""
        load_arrays(self._weights, stored)

    def state_dict(self) -> dict[str, Any]:
        """See VectorTrainer."""
        return {"step": self._step, "arrays": {name: one.clone() for name, one in self._arrays().items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See VectorTrainer."""
        self._step = count(state["step"])
        load_arrays(self._arrays(), read(dict[str, Tensor], state["arrays"]))

    def _arrays(self) -> dict[str, Tensor]:
        return {**self._weights, **self._optimiser.state}
