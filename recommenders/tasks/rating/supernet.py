"""The supernet of the 405 interaction functions: tables and biases are shared, weights belong to a way to meet.

Steps are those of `.kernel`; only slopes by the architecture parameters are taken by torch, on a batch.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.common.seeding import numpy_rng
from core.interactions.interaction import Interaction
from core.interactions.spaces import MEETINGS, SIDES, FunctionSpace
from core.search.supernet import Supernet
from recommenders.data.explicit import RatingData, RatingPart
from recommenders.tasks.rating.kernel import train_epoch
from recommenders.tasks.rating.training import RatingModel, RatingPlan, encoded, fresh_model

_SIDES = tuple(Interaction.parse(text.format("p")) for text in SIDES.values())
_MEETINGS = tuple(Interaction.parse(text.format("p", "q")) for text in MEETINGS.values())


class InteractionSupernet(Supernet):
    """See Supernet.

    Args:
        data: ratings.
        plan: how models are trained; the middle one of its decays is taken.
        seed: of the vectors that training begins with, and of the order of ratings.
    """

    def __init__(self, data: RatingData, plan: RatingPlan, seed: int) -> None:
        self._data, self._plan, self._seed, self._space = data, plan, seed, FunctionSpace()
        models = [fresh_model(one, data, plan, seed) for one in _MEETINGS]
        self._models = [RatingModel(*models[0][:4], one.weights) for one in models]
        self._squares, self._gradients = (self._zeros() for _ in range(2))
        self._decay = sorted(plan.decays)[len(plan.decays) // 2]
        parts = {name: data.parts[name] for name in ("train", "validation")}
        self._batches = {name: _Batches(part, plan.batch_size, seed, name) for name, part in parts.items()}

    @property
    def sizes(self) -> tuple[int, ...]:
        """See Supernet: functions of p, functions of q, ways to meet."""
        return len(SIDES), len(SIDES), len(MEETINGS)

    @property
    def steps(self) -> int:
        """See Supernet."""
        return -(-len(self._data.parts["train"]) // self._plan.batch_size)

    def train(self, genome: np.ndarray) -> None:
        """See Supernet."""
        (interaction,) = self._space.decode(genome[None])
        model, squares, gradients = (one[genome[2]] for one in (self._models, self._squares, self._gradients))
        user, item, value = self._next("train")
        settings = len(value), self._plan.learning_rate, self._decay, self._plan.biases
        train_epoch(model, squares, gradients, encoded(interaction), (user, item, value), *settings)

    def _zeros(self) -> list[RatingModel]:
        """Zeros for each way to meet, of which tables and biases are shared as those of the models are."""
        shared = self._models[0].zeros()
        return [RatingModel(*shared[:4], np.zeros_like(one.weights)) for one in self._models]

    def _next(self, part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The next batch of a part, with standardised ratings."""
        user, item, value = self._batches[part].next()
        return user, item, (value - self._data.mean) / self._data.std

    def slopes(self, genome: np.ndarray, order: int) -> list[np.ndarray]:
        """See Supernet."""
        choice = [torch.zeros(n, dtype=torch.float64) for n in self.sizes]
        for one, option in zip(choice, genome.tolist(), strict=True):
            one[option] = 1.0
            one.requires_grad_()
        tables = [torch.from_numpy(one) for one in self._models[genome[2]][:4]]
        weights = [torch.from_numpy(one.weights) for one in self._models]
        if order == 2:
            tables, weights = self._stepped(tables, weights, choice, int(genome[2]))
        loss = _loss(tables, weights, choice, self._next("validation"))
        return [one.numpy() for one in torch.autograd.grad(loss, choice)]

    def _stepped(
        self, tables: list[Tensor], weights: list[Tensor], choice: list[Tensor], meeting: int
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return all weights after a step down the slope of the next batch of the training part, for autograd."""
        trained = [one.clone().requires_grad_() for one in (*tables, weights[meeting])]
        mixed = [trained[4] if k == meeting else one for k, one in enumerate(weights)]
        loss = _loss(trained[:4], mixed, choice, self._next("train"))
        slopes = torch.autograd.grad(loss, trained, create_graph=True)
        moved = [one - self._plan.learning_rate * slope for one, slope in zip(trained, slopes, strict=True)]
        return moved[:4], [moved[4] if k == meeting else one for k, one in enumerate(weights)]


def _loss(tables: list[Tensor], weights: list[Tensor], choice: list[Tensor], rows: tuple[np.ndarray, ...]) -> Tensor:
    """Return half the mean squared error of a batch, every option multiplied by its architecture parameter."""
    users, items, user_bias, item_bias = tables
    user, item, value = (torch.from_numpy(one) for one in rows)
    p, q = users[user], items[item]
    sides = [_mixed(*one) for one in zip(choice, (p, q), strict=False)]
    total = user_bias[user] + item_bias[item]
    for a, meeting, weight in zip(choice[2], _MEETINGS, weights, strict=True):
        total = total + a * (meeting.evaluate(*sides) * weight.reshape(-1)).sum(1)
    return (total - value).square().mean() / 2


def _mixed(choice: Tensor, x: Tensor) -> Tensor:
    """Return all functions of a side, each multiplied by its parameter, added up."""
    return (choice[:, None, None] * torch.stack([one.evaluate(x, x) for one in _SIDES])).sum(0)


class _Batches:
    """Batches of a part, pass after pass, each in an order of its own."""

    def __init__(self, part: RatingPart, size: int, seed: int, name: str) -> None:
        self._part, self._size, self._seed, self._name = part, size, seed, name
        self._order, self._at, self._passes = np.empty(0, dtype=np.int64), 0, 0

    def next(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Users, items and ratings."""
        if self._at >= len(self._order):
            self._order = numpy_rng(self._seed, "supernet", self._name, self._passes).permutation(len(self._part))
            self._at, self._passes = 0, self._passes + 1
        rows = self._order[self._at : self._at + self._size]
        self._at += self._size
        return self._part.user[rows], self._part.item[rows], self._part.value[rows]
