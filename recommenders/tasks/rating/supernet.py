"""Supernets of interaction functions: tables and biases are shared, weights belong to a way to meet.

Steps are those of `.kernel`; only slopes by the architecture are taken by torch, on a batch.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.common.seeding import numpy_rng
from core.interactions.interaction import Interaction
from core.interactions.nets import ScalarNet, through
from core.interactions.spaces import MEETINGS, SIDES, FunctionSpace, NetSpace
from core.search.supernet import Path, Supernet
from recommenders.data.explicit import RatingData, RatingPart
from recommenders.tasks.rating.training import RatingModel, RatingPlan, Trainer

_SIDES = tuple(Interaction.parse(text.format("p")) for text in SIDES.values())
_MEETINGS = NetSpace().meetings


class InteractionSupernet(Supernet):
    """See Supernet. Of the 405 functions, or of those with scalar networks, whose numbers are the architecture's, too.

    Args:
        data: ratings.
        plan: how models are trained; the middle one of its decays is taken.
        seed: of the vectors that training begins with, of networks, and of the order of ratings.
        space: of which.
    """

    def __init__(self, data: RatingData, plan: RatingPlan, seed: int, space: FunctionSpace | NetSpace) -> None:
        self._data, self._plan, self._seed, self._space = data, plan, seed, space
        models = [Trainer(one, plan).fresh(data, seed) for one in _MEETINGS]
        self._models = [models[0]._replace(weights=one.weights) for one in models]
        self._squares, self._gradients = (self._zeros() for _ in range(2))
        self._decay = sorted(plan.decays)[len(plan.decays) // 2]
        train, validation = (data.parts[name] for name in ("train", "validation"))
        # Where an architecture learns from the training part, it goes through that in another order than the weights.
        self._batches = {
            "weights": _Batches(train, plan.batch_size, seed, "train"),
            "train": _Batches(train, plan.batch_size, seed, "train", "architecture"),
            "validation": _Batches(validation, plan.batch_size, seed, "validation"),
        }

    @property
    def sizes(self) -> tuple[int, ...]:
        """See Supernet: functions of p, functions of q, ways to meet; or these alone."""
        meetings = (len(MEETINGS),)
        return meetings if isinstance(self._space, NetSpace) else (len(SIDES), len(SIDES), *meetings)

    @property
    def steps(self) -> int:
        """See Supernet."""
        return -(-len(self._data.parts["train"]) // self._plan.batch_size)

    @property
    def numbers(self) -> tuple[np.ndarray, ...]:
        """See Supernet: of the networks of p and of q, as random search draws them, in the unit ball."""
        if not isinstance(self._space, NetSpace):
            return ()
        (genome,) = self._space.sample(1, numpy_rng(self._seed, "supernet", "networks"))
        (drawn,) = self._space.decode(genome[None])
        assert isinstance(drawn, Interaction)
        every = [np.array(net.numbers) for net in drawn.nets or ()]
        return tuple(one / max(1.0, float(np.linalg.norm(one))) for one in every)

    def genome(self, path: Path) -> np.ndarray:
        """See Supernet."""
        if isinstance(self._space, NetSpace):
            return self._space.nearest(int(path.options[-1]), path.numbers.tolist())
        return path.options

    def train(self, path: Path) -> None:
        """See Supernet."""
        meeting = int(path.options[-1])
        model, squares, gradients = (one[meeting] for one in (self._models, self._squares, self._gradients))
        trainer = Trainer(self._interaction(path), self._plan)
        trainer.train_epoch(model, squares, gradients, self._next("weights"), self._decay)

    def _interaction(self, path: Path) -> Interaction:
        if isinstance(self._space, NetSpace):
            of_p, of_q = (ScalarNet(tuple(one)) for one in path.numbers.reshape(2, -1).tolist())
            return Interaction(_MEETINGS[path.options[-1]].parts, (of_p, of_q))
        (found,) = self._space.decode(path.options[None])
        assert isinstance(found, Interaction)
        return found

    def _zeros(self) -> list[RatingModel]:
        """Zeros for each way to meet, of which tables and biases are shared as those of the models are."""
        shared = self._models[0].zeros()
        return [shared._replace(weights=np.zeros_like(one.weights)) for one in self._models]

    def _next(self, of: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The next batch for the weights, or of a part for the architecture, with standardised ratings."""
        user, item, value = self._batches[of].next()
        return user, item, (value - self._data.mean) / self._data.std

    def slopes(self, path: Path, order: int, part: str) -> tuple[list[np.ndarray], np.ndarray]:
        """See Supernet."""
        meeting, choice = int(path.options[-1]), [torch.zeros(n, dtype=torch.float64) for n in self.sizes]
        for one, option in zip(choice, path.options.tolist(), strict=True):
            one[option] = 1.0
        numbers = torch.from_numpy(path.numbers).clone()
        for one in (*choice, numbers):
            one.requires_grad_()
        tables = [torch.from_numpy(one) for one in self._models[meeting][:4]]
        weights = [torch.from_numpy(one.weights) for one in self._models]
        if order == 2:
            tables, weights = self._stepped(tables, weights, (choice, numbers), meeting)
        loss = _loss(tables, weights, (choice, numbers), self._next(part))
        found = torch.autograd.grad(loss, [*choice, numbers], materialize_grads=True)
        return [one.numpy() for one in found[:-1]], found[-1].numpy()

    def _stepped(
        self, tables: list[Tensor], weights: list[Tensor], architecture: tuple[list[Tensor], Tensor], meeting: int
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return all weights after a step down the slope of the next batch of the training part, for autograd."""
        trained = [one.clone().requires_grad_() for one in (*tables, weights[meeting])]
        mixed = [trained[4] if k == meeting else one for k, one in enumerate(weights)]
        loss = _loss(trained[:4], mixed, architecture, self._next("weights"))
        slopes = torch.autograd.grad(loss, trained, create_graph=True)
        moved = [one - self._plan.learning_rate * slope for one, slope in zip(trained, slopes, strict=True)]
        return moved[:4], [moved[4] if k == meeting else one for k, one in enumerate(weights)]


def _loss(
    tables: list[Tensor],
    weights: list[Tensor],
    architecture: tuple[list[Tensor], Tensor],
    rows: tuple[np.ndarray, ...],
) -> Tensor:
    """Return half the mean squared error of a batch, every option multiplied by its architecture parameter."""
    users, items, user_bias, item_bias = tables
    choice, numbers = architecture
    user, item, value = (torch.from_numpy(one) for one in rows)
    both = users[user], items[item]
    if len(numbers):
        sides = [through(*one) for one in zip(numbers.chunk(2), both, strict=True)]
    else:
        sides = [_mixed(*one) for one in zip(choice[:2], both, strict=True)]
    total = user_bias[user] + item_bias[item]
    for a, meeting, weight in zip(choice[-1], _MEETINGS, weights, strict=True):
        total = total + a * (meeting.evaluate(*sides) * weight.reshape(-1)).sum(1)
    return (total - value).square().mean() / 2


def _mixed(choice: Tensor, x: Tensor) -> Tensor:
    """Return all functions of a side, each multiplied by its parameter, added up."""
    return (choice[:, None, None] * torch.stack([one.evaluate(x, x) for one in _SIDES])).sum(0)


class _Batches:
    """Batches of a part, pass after pass, each in an order of its own."""

    def __init__(self, part: RatingPart, size: int, seed: int, *names: str) -> None:
        self._part, self._size, self._seed, self._names = part, size, seed, names
        self._order, self._at, self._passes = np.empty(0, dtype=np.int64), 0, 0

    def next(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Users, items and ratings."""
        if self._at >= len(self._order):
            self._order = numpy_rng(self._seed, "supernet", *self._names, self._passes).permutation(len(self._part))
            self._at, self._passes = 0, self._passes + 1
        rows = self._order[self._at : self._at + self._size]
        self._at += self._size
        return self._part.user[rows], self._part.item[rows], self._part.value[rows]
