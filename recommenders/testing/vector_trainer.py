"""The contract tests of back ends that train vectors. Inherit them and set `backend`: see docs/add-a-backend.md."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from core.losses.setwise.ranking_loss import RankingLoss
from core.losses.setwise.registry import VECTOR_LOSSES, parse_ranking_loss
from core.losses.setwise.set_loss import SetLoss, SetScores
from core.losses.setwise.vector_loss import BatchVectors, VectorLoss
from recommenders.backends.ranking.base import Recipe, VectorTask, VectorTrainer
from recommenders.backends.ranking.epochs import Epochs, mask
from recommenders.backends.ranking.optimisers import parse_optimiser
from recommenders.common.machine import Machine
from recommenders.data.implicit.samplers import parse_sampler
from recommenders.data.implicit.synthetic import planted_items
from recommenders.models.vectors.mf import VectorMF

DATA = planted_items(n_users=40, n_items=60, mean_items=8)
#: Optimiser -> the one of torch that it is, made of parameters and a learning rate.
OPTIMISERS: dict[str, Callable[[list[Tensor], float], torch.optim.Optimizer]] = {
    "sgd": lambda p, rate: torch.optim.SGD(p, rate),
    "adam": lambda p, rate: torch.optim.Adam(p, rate),
    "adam:beta1=.5:beta2=.99:epsilon=1e-3": lambda p, rate: torch.optim.Adam(p, rate, (0.5, 0.99), 1e-3),
    "adam:beta1=0": lambda p, rate: torch.optim.Adam(p, rate, (0.0, 0.999)),
    "adagrad": lambda p, rate: torch.optim.Adagrad(p, rate),
}
SAMPLERS = ("shared:negatives=9", "uniform:negatives=4", "popularity:negatives=3:exclude_positives=true")
LOSSES = ("BSL", "CCL:margin=.2")
#: Settings of the model, and of the recipe.
WAYS: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({}, {}),
    ({"dropout_place": "before", "dropout": 0.3}, {"clip_norm": 0.02}),
    ({"similarity": "dot", "dropout": 0.0}, {"weight_decay": 0.1}),
    ({"init": "xavier"}, {"weight_decay": 0.5}),
)
EPOCHS, STEPS = 2, 50
#: Ways of training with a sampler, a loss and an optimiser each; any two of them meet, half of all threes do.
CASES = tuple(
    (model, recipe, sampler, loss, optimiser)
    for i, (model, recipe) in enumerate(WAYS)
    for j, (sampler, loss) in enumerate(zip(SAMPLERS, (*LOSSES, LOSSES[0]), strict=True))
    for k, optimiser in enumerate(OPTIMISERS)
    if (i + j + k) % 2 == 0
)


def plain_training(task: VectorTask, optimiser: str, loss: str, seed: int) -> tuple[list[Tensor], list[float]]:
    """Train as `recommenders.backends.ranking.base` says, example by example, by autograd and torch's optimisers.

    Args:
        task: of a VectorMF.
        optimiser: a key of OPTIMISERS.
        loss: its name.
        seed: of all draws.

    Returns:
        The two tables [rows, D], and the mean loss of every epoch.
    """
    model, recipe, data = task.model, task.recipe, task.data
    tables = [one.double().requires_grad_() for one in model.initial(data.n_users, data.n_items, seed).values()]
    epochs, means, minimised = Epochs(data.train, data.n_items, recipe, seed), list[float](), parse_ranking_loss(loss)
    stepper = OPTIMISERS[optimiser](tables, 1.0)
    for epoch in range(EPOCHS):
        stepper.param_groups[0]["lr"], values = rate_of(epoch), list[float]()
        for batch in epochs.batches(epoch):
            masks = np.ones((len(batch.users), model.embedding_size))
            if model.dropout:
                mask(epochs.dropout_seed(epoch), batch.first, model.dropout, masks)
            stepper.zero_grad()
            total, pairs = torch.zeros((), dtype=torch.float64), list[tuple[Tensor, Tensor]]()
            for b, (user, positive) in enumerate(zip(batch.users, batch.positives, strict=True)):
                negatives = batch.negatives if recipe.sampler.shared else batch.negatives[b]
                u, items = tables[0][int(user)], tables[1][[int(positive), *map(int, negatives)]]
                drop = torch.from_numpy(masks[b])
                decay = (u.square().sum() + items.square().sum()) * recipe.weight_decay / 2
                cosine = model.similarity == "cosine"
                if model.dropout_place == "before":
                    u = u * drop
                u = u / u.norm() if cosine else u
                u = u * drop if model.dropout_place == "after" else u
                items = items / items.norm(dim=1, keepdim=True) if cosine else items
                pairs.append((u, items[0]))
                total = total + (_of_scores(minimised, items @ u, values) + decay) / len(batch.users)
            (total + _of_vectors(minimised, pairs, values)).backward()
            if recipe.clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(tables, recipe.clip_norm)
            stepper.step()
        means.append(float(np.mean(values)))
    return [one.detach() for one in tables], means


#: What every back end is held to, computed once.
_EXPECTED: dict[str, tuple[list[Tensor], list[float]]] = {}


def expected_training(task: VectorTask, optimiser: str, loss: str) -> tuple[list[Tensor], list[float]]:
    """Return what `plain_training` on DATA with the seed 3 returns.

    Args:
        task: of a VectorMF on DATA.
        optimiser: a key of OPTIMISERS.
        loss: its name.

    Returns:
        The two tables [rows, D], and the mean loss of every epoch.
    """
    asked = repr((task.model, task.recipe, optimiser, loss))
    if asked not in _EXPECTED:
        _EXPECTED[asked] = plain_training(task, optimiser, loss, 3)
    return _EXPECTED[asked]


def _of_scores(loss: RankingLoss, scores: Tensor, values: list[float]) -> Tensor:
    """Return what has a loss's gradient by the scores [1 + N] of an example, and note its value."""
    if not isinstance(loss, SetLoss):
        return scores.new_zeros(())
    found = loss.evaluate(SetScores(scores[:1], scores[None, 1:]))
    values.append(float(found.value))
    return (torch.cat([found.positive, found.negatives[0]]) * scores).sum()


def _of_vectors(loss: RankingLoss, pairs: list[tuple[Tensor, Tensor]], values: list[float]) -> Tensor:
    """Return what has a loss's gradient by the vectors of a batch, and note its value for every example."""
    users, positives = (torch.stack(side) for side in zip(*pairs, strict=True))
    if not isinstance(loss, VectorLoss):
        return users.new_zeros(())
    found = loss.evaluate(BatchVectors(users, positives))
    values += [float(found.value)] * len(users)
    return (found.users * users).sum() + (found.positives * positives).sum()


def rate_of(epoch: int) -> float:
    """Return the learning rate of an epoch."""
    return 0.02 / (epoch + 1)


class VectorTrainerContract(ABC):
    """The tests that every back end of vectors has to pass on one device."""

    backend: type[VectorTrainer]
    device: torch.device = torch.device("cpu")

    def task(
        self, sampler: str = "shared:negatives=9", optimiser: str = "adam", model: Any = None, recipe: Any = None
    ) -> VectorTask:
        """Return a small task.

        Args:
            sampler: its line.
            optimiser: its line.
            model: settings of the model.
            recipe: settings of the recipe.
        """
        steps = -(-len(DATA.train) * EPOCHS // STEPS)
        made = Recipe(parse_sampler(sampler), parse_optimiser(optimiser), batch_size=steps)
        return VectorTask(VectorMF(embedding_size=7, **(model or {})), DATA, replace(made, **(recipe or {})))

    def trained(
        self, task: VectorTask, loss: str = "BSL", seed: int = 3, threads: int = 1, dtype: torch.dtype = torch.float64
    ) -> tuple[VectorTrainer, list[float]]:
        """Train for all epochs; return the trainer and the mean losses.

        Args:
            task: what to train.
            loss: its name.
            seed: of all draws.
            threads: CPU cores.
            dtype: of numbers.
        """
        machine = Machine(self.device, dtype, threads=threads)
        assert self.backend.takes(task.model, task.recipe, machine)
        trainer = self.backend(task, machine, seed)
        epochs = range(EPOCHS)
        return trainer, [trainer.train_epoch(parse_ranking_loss(loss), epoch, rate_of(epoch)) for epoch in epochs]

    @pytest.mark.parametrize(("model", "recipe", "sampler", "loss", "optimiser"), CASES)
    def test_trains_like_a_plain_loop_with_torchs_optimiser(
        self, model: Any, recipe: Any, sampler: str, loss: str, optimiser: str
    ) -> None:
        task = self.task(sampler, optimiser, model, recipe)
        expected, means = expected_training(task, optimiser, loss)
        trainer, found = self.trained(task, loss)
        for one, other in zip(trainer.parameters().values(), expected, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-9)
        assert found == pytest.approx(means, abs=1e-9)

    @pytest.mark.parametrize("optimiser", OPTIMISERS)
    @pytest.mark.parametrize("loss", VECTOR_LOSSES)
    @pytest.mark.parametrize(("model", "recipe"), WAYS)
    def test_losses_of_vectors_train_like_a_plain_loop(
        self, optimiser: str, loss: str, model: Any, recipe: Any
    ) -> None:
        """A back end that does not take them says so before."""
        task = self.task("uniform:negatives=2", optimiser, model, recipe).of(parse_ranking_loss(loss))
        assert not task.recipe.has_negatives
        if not self.backend.takes(task.model, task.recipe, Machine(self.device, torch.float64)):
            pytest.skip("takes no losses of vectors")
        expected, means = expected_training(task, optimiser, loss)
        trainer, found = self.trained(task, loss)
        for one, other in zip(trainer.parameters().values(), expected, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-9)
        assert found == pytest.approx(means, abs=1e-9)

    @pytest.mark.parametrize("optimiser", ["sparse-adam", "rowwise-adam"])
    @pytest.mark.parametrize("loss", LOSSES)
    def test_lazy_optimisers_leave_rows_without_a_gradient_alone(self, optimiser: str, loss: str) -> None:
        task = self.task("uniform:negatives=1", optimiser, {}, {"batch_size": 10_000})
        trainer = self.backend(task, Machine(self.device, torch.float64), 3)
        before = trainer.parameters()
        for epoch in range(2):
            (batch,) = Epochs(DATA.train, DATA.n_items, task.recipe, 3).batches(epoch)
            trainer.train_epoch(parse_ranking_loss(loss), epoch, 0.1)
            after = trainer.parameters()
            moved = (before["item_embedding"] != after["item_embedding"]).any(1).numpy()
            named = np.zeros(DATA.n_items, dtype=bool)
            named[[*batch.positives, *batch.negatives.ravel()]] = True
            assert moved.any()
            assert not moved[~named].any()
            before = after

    @pytest.mark.parametrize("sampler", [*SAMPLERS, "hard:negatives=3:pool=8"])
    def test_goes_on_from_a_stored_state_to_the_same_bits(self, sampler: str) -> None:
        task = self.task(sampler)
        whole, _ = self.trained(task, dtype=torch.float32)
        machine, loss = Machine(self.device, torch.float32), parse_ranking_loss("BSL")
        first, second = self.backend(task, machine, 3), self.backend(task, machine, 3)
        first.train_epoch(loss, 0, rate_of(0))
        second.load_state_dict(first.state_dict())
        first.train_epoch(loss, 1, 1.0)  # a state is a copy
        second.train_epoch(loss, 1, rate_of(1))
        for one, other in zip(second.parameters().values(), whole.parameters().values(), strict=True):
            assert torch.equal(one, other)

    @pytest.mark.parametrize("sampler", ["shared:negatives=300", "uniform:negatives=4"])
    def test_threads_change_no_bit(self, sampler: str) -> None:
        task = self.task(sampler, recipe={"batch_size": 600})
        alone, beside = (self.trained(task, threads=n, dtype=torch.float32)[0].parameters() for n in (1, 3))
        for name in alone:
            assert torch.equal(alone[name], beside[name])

    def test_vectors_are_those_of_the_parameters(self) -> None:
        for similarity in ("cosine", "dot"):
            task = self.task(model={"similarity": similarity})
            trainer, _ = self.trained(task)
            tables = [one.numpy() for one in trainer.parameters().values()]
            for vectors, table in zip(trainer.vectors(), tables, strict=True):
                length = np.linalg.norm(table, axis=1, keepdims=True) if similarity == "cosine" else 1.0
                np.testing.assert_allclose(vectors, table / length, atol=1e-12)

    def test_goes_on_from_other_parameters(self) -> None:
        trainer, _ = self.trained(self.task())
        other = {name: one * 2 for name, one in trainer.parameters().items()}
        trainer.load_parameters(other)
        assert all(torch.equal(one, other[name]) for name, one in trainer.parameters().items())

    def test_nothing_follows_from_another_seed(self) -> None:
        one, other = (self.trained(self.task(), seed=seed)[0].parameters() for seed in (3, 4))
        assert not any(torch.equal(one[name], other[name]) for name in one)
