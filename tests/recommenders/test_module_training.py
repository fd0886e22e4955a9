"""Modules trained K at once are the same modules trained alone, in torch's own way."""

import pytest
import torch
from torch import nn

from core.programs.space import HANDCRAFTED_SPACE
from recommenders.backends.trainer import Trainer
from recommenders.common.machine import Machine
from recommenders.models.mf import MF
from recommenders.models.recommender import gather
from recommenders.modules.isolation import drawing_from
from recommenders.tasks.losses import make_loss
from recommenders.testing import plain
from recommenders.testing.plain import random_interactions
from tests.recommenders import modules
from tests.recommenders.problems import CPU
from tests.recommenders.test_module_contract import recommender_of
from tests.recommenders.test_trainer import LOSSES, TableSizedWork

ROWS = random_interactions(6, 5, 46, seed=4)  # batches of 15 and a last one of a single example
N_USERS, N_ITEMS = 8, 7


class Alone(nn.Module):
    """A module for the oracle: its own draws come from the oracle's generator."""

    def __init__(self, recommender, weights):
        super().__init__()
        self.module, self.takes_one = (
            recommender.source.build(N_USERS, N_ITEMS, {}, 0).double(),
            recommender.plan.lone[1],
        )
        self.module.load_state_dict({n: w for n, w in weights.items() if n[0] != "."}, strict=False)

    def forward(self, user, item, rng=None):
        n = len(user)
        if n == 1 and not self.takes_one:
            user, item = user.repeat(2), item.repeat(2)
        with drawing_from(rng, everywhere=False):
            y = self.module(user.long(), item.long())[:n].reshape(-1)
        return torch.logit(y) if getattr(self.module, "output", "") == "probability" else y

    def weights(self):
        return {name: state.detach().double() for name, state in self.module.state_dict().items()}


def trained(recommender, losses, rates, decays, epochs=2, dtype=torch.float64):
    trainer = Trainer(recommender, ROWS, 15, 0.05, Machine(CPU, dtype))
    models = trainer.model_copies(recommender.initial(N_USERS, N_ITEMS, 3), rates, decays)
    prepared = trainer.prepare([make_loss(name, HANDCRAFTED_SPACE, epsilon) for name, epsilon, _ in losses])
    for epoch in range(epochs):
        trainer.train_epoch(models, prepared, seed=7, epoch=epoch)
    return models


@pytest.mark.parametrize(
    "kind",
    [
        modules.PlainMF,
        modules.ProbabilityMF,
        modules.Clipped,
        modules.NeuMF,
        modules.Normed,
        modules.Featured,
        modules.Graph,
        modules.Padded,
        modules.Branching,
    ],
)
def test_two_epochs_are_those_of_the_module_alone(kind):
    recommender = recommender_of(kind, N_USERS, N_ITEMS)
    rates, decays = [0.5, 0.05, 0.2], [0.1, 0.0, 0.3]
    models, start = trained(recommender, LOSSES, rates, decays), recommender.initial(N_USERS, N_ITEMS, 3)
    for k, (_, _, value) in enumerate(LOSSES):
        model = Alone(recommender, start)
        for epoch in range(2):
            how = {"learning_rate": rates[k], "weight_decay": decays[k], "clip": 0.05}
            clipped, moved = plain.train_epoch(model, ROWS, value, batch_size=15, seed=7, epoch=epoch, **how)
            assert 0 < clipped <= moved
        for name, expected in model.weights().items():
            assert torch.allclose(models.weights[name][k], expected, rtol=1e-9, atol=1e-9), name


def test_mf_as_a_module_takes_the_way_of_mf():
    module, ours = recommender_of(modules.PlainMF, N_USERS, N_ITEMS), MF(embedding_size=3)
    rates, decays = [0.5, 0.05, 0.2], [0.1, 0.0, 0.3]
    weights = ours.initial(N_USERS, N_ITEMS, 0)
    ids = {name: w for name, w in module.initial(N_USERS, N_ITEMS, 0).items() if name[0] == "."}
    losses = [make_loss(name, HANDCRAFTED_SPACE, epsilon) for name, epsilon, _ in LOSSES]
    ends = []
    for recommender, start in ((module, weights | ids), (ours, weights)):
        trainer = Trainer(recommender, ROWS, 15, 0.05, Machine(CPU, torch.float64))
        models = trainer.model_copies(start, rates, decays)
        for epoch in range(5):
            trainer.train_epoch(models, trainer.prepare(losses), seed=1, epoch=epoch)
        ends.append(models.weights)
    for name in weights:
        assert torch.allclose(ends[0][name], ends[1][name], rtol=1e-9, atol=1e-9), name


def test_a_saturated_probability_trains_as_its_logit():
    """In float32, sigmoid(20) is 1: what the module takes the sigmoid of is used in its place."""
    probability, logit = (recommender_of(kind, N_USERS, N_ITEMS) for kind in (modules.ProbabilityMF, modules.PlainMF))
    weights = {n: w[None] for n, w in logit.initial(N_USERS, N_ITEMS, 0).items()}
    weights["global_bias"] = torch.tensor([30.0])
    ids = torch.arange(5)
    for_each = [r.vjp(gather(r, weights, ids, ids), None) for r in (probability, logit)]
    assert torch.equal(for_each[0][0], for_each[1][0])
    gradient = torch.ones(1, 5)
    assert torch.equal(for_each[0][1](gradient)["user_bias"], for_each[1][1](gradient)["user_bias"])


def test_probabilities_that_no_sigmoid_made_stay_finite_at_their_ends():
    recommender = recommender_of(modules.Clipped, N_USERS, N_ITEMS)
    weights = {n: w[None] for n, w in recommender.initial(N_USERS, N_ITEMS, 0).items()}
    for bias in (1e30, -1e30):
        logit, pullback = recommender.vjp(
            gather(recommender, weights | {"global_bias": torch.tensor([bias])}, torch.arange(5), torch.arange(5)), None
        )
        assert logit.isfinite().all()
        assert all(gradient.isfinite().all() for gradient in pullback(torch.ones(1, 5)).values())


@pytest.mark.parametrize("kind", [modules.NeuMF, modules.Normed, modules.Graph, modules.Branching])
def test_many_copies_are_what_they_are_alone(kind):
    recommender = recommender_of(kind, N_USERS, N_ITEMS)
    losses, rates, decays = [LOSSES[i % 3] for i in range(7)], [0.1 + 0.05 * i for i in range(7)], [0.1] * 7
    together = trained(recommender, losses, rates, decays)
    for k in (0, 4):
        alone = trained(recommender, losses[k : k + 1], rates[k : k + 1], decays[k : k + 1])
        for name, weight in alone.weights.items():
            assert torch.allclose(together.weights[name][k], weight[0], rtol=1e-9, atol=1e-9), name


@pytest.mark.parametrize("kind", [modules.PlainMF, modules.NeuMF, modules.Featured, modules.Branching])
@pytest.mark.parametrize("n", [8, 64])
def test_whole_tables_are_touched_once_an_epoch_however_many_steps(kind, n):
    n_users, n_items = 1_009, 2_003
    recommender = recommender_of(kind, n_users, n_items)
    rows = random_interactions(n_users, n_items, n, seed=2)
    trainer = Trainer(recommender, rows, 4, 50.0, Machine(CPU, torch.float64))
    models = trainer.model_copies(recommender.initial(n_users, n_items, 0), [0.1], [0.1])
    prepared = trainer.prepare([make_loss("BCE", HANDCRAFTED_SPACE)])
    with TableSizedWork({n_users, n_items}) as work:
        trainer.train_epoch(models, prepared, seed=0)
    assert work.seen == ["mul_"] * len(set(recommender.tables) - recommender.buffers)


@pytest.mark.parametrize("kind", [modules.Featured, modules.Graph])
def test_what_is_not_trained_does_not_decay(kind):
    recommender = recommender_of(kind, N_USERS, N_ITEMS)
    start = recommender.initial(N_USERS, N_ITEMS, 3)
    end = trained(recommender, LOSSES, [0.5] * 3, [1.5] * 3, dtype=torch.float32).weights
    for name in recommender.buffers:
        assert torch.equal(end[name], start[name].expand_as(end[name])), name


def test_draws_of_a_training_pass_are_those_of_its_generator():
    recommender = recommender_of(modules.Normed, N_USERS, N_ITEMS)
    first, again = (trained(recommender, LOSSES[:1], [0.1], [0.0]) for _ in range(2))
    assert all(torch.equal(first.weights[name], again.weights[name]) for name in first.weights)
    torch.manual_seed(1)
    here = torch.rand(3)
    torch.manual_seed(1)
    trained(recommender, LOSSES[:1], [0.1], [0.0])
    assert torch.equal(torch.rand(3), here)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", [modules.PlainMF, modules.NeuMF, modules.Featured, modules.Graph])
def test_on_a_gpu_training_ends_as_on_the_cpu(kind):
    recommender, ends = recommender_of(kind, N_USERS, N_ITEMS), []
    for device in ("cpu", "cuda"):
        trainer = Trainer(recommender, ROWS, 15, 0.05, Machine(torch.device(device), torch.float64))
        models = trainer.model_copies(recommender.initial(N_USERS, N_ITEMS, 3), [0.3] * 3, [0.1] * 3)
        prepared = trainer.prepare([make_loss(name, HANDCRAFTED_SPACE, epsilon) for name, epsilon, _ in LOSSES])
        trainer.train_epoch(models, prepared, seed=7)
        ends.append({name: weight.cpu() for name, weight in models.weights.items()})
    for name, weight in ends[0].items():
        assert torch.allclose(weight, ends[1][name], rtol=1e-8, atol=1e-8), name
