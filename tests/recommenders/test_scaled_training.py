"""Scale is a matter of learning rate and decay: p - lr (c g + wd p) = p - (lr c) (g + (wd / c) p)."""

import pytest
import torch

from core.common.seeding import numpy_rng
from core.losses.loss import ProgramLoss
from core.programs.space import HANDCRAFTED_SPACE, OperatorSpace
from recommenders.backends.trainer import Trainer
from recommenders.common.machine import Machine
from recommenders.models.mf import MF
from recommenders.models.mlp import MLP
from recommenders.tasks.losses import NAMED_LOSSES, make_loss
from recommenders.testing.plain import random_interactions
from tests.recommenders.problems import CPU, ON_CPU

RATE, DECAY, CLIP = 0.1, 0.02, 0.25


def some_losses():
    space = OperatorSpace()
    programs = [ProgramLoss(program, space) for program in space.decode(space.sample(12, numpy_rng("scaled training")))]
    return [make_loss(name, HANDCRAFTED_SPACE) for name in NAMED_LOSSES] + programs


def trained(recommender, backend, dtype, losses, rate, decay, clip):
    rows = random_interactions(9, 8, 100, seed=1)
    trainer = Trainer(recommender, rows, 32, clip, Machine(CPU, dtype, backend))
    models = trainer.model_copies(recommender.initial(9, 8, seed=1), [rate] * len(losses), [decay] * len(losses))
    for epoch in range(3):
        trainer.train_epoch(models, trainer.prepare(losses), 3, epoch)
    return models.weights


@pytest.mark.parametrize("recommender", [MF(4), MLP(3, (6, 4), dropout=0.2)])
@pytest.mark.parametrize("backend", ON_CPU)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("power", [-3, 2])
def test_a_scaled_loss_trains_like_another_learning_rate_with_another_decay(recommender, backend, dtype, power):
    c, losses = 2.0**power, some_losses()
    scaled = trained(recommender, backend, dtype, [loss.scaled(c) for loss in losses], RATE, DECAY, CLIP)
    raw = trained(recommender, backend, dtype, losses, RATE * c, DECAY / c, CLIP / c)
    for name, weight in scaled.items():
        if backend == "auto":
            assert torch.equal(weight, raw[name]), name
        else:
            assert torch.allclose(weight, raw[name], rtol=1e-4 if dtype is torch.float32 else 1e-10, atol=1e-7), name


@pytest.mark.parametrize("backend", ON_CPU)
def test_a_scaled_loss_has_its_bits_whatever_its_neighbours(backend):
    losses = [
        loss.scaled(factor) for loss, factor in zip(some_losses(), torch.logspace(-2, 2, 19).tolist(), strict=True)
    ]
    together = trained(MF(4), backend, torch.float32, losses, RATE, DECAY, CLIP)
    for k in (0, 5, 18):
        alone = trained(MF(4), backend, torch.float32, [losses[k]], RATE, DECAY, CLIP)
        assert all(torch.equal(alone[name][0], weight[k]) for name, weight in together.items())
