import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.common.seeding import numpy_rng
from core.losses.loss import ProgramLoss
from core.programs.space import OperatorSpace
from recommenders.backends.stacked import summed_by_product, summed_in_order
from recommenders.backends.trainer import Trainer
from recommenders.common.machine import Machine
from recommenders.models.mf import MF
from recommenders.models.mlp import MLP
from recommenders.tasks.losses import make_loss
from recommenders.testing.plain import random_interactions
from tests.recommenders.problems import CPU
from tests.strategies import law

SPACE = OperatorSpace()
gpu = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]


@law
@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.sampled_from([(), (3,)]), st.integers(0, 99))
def test_rows_of_equal_index_are_summed_where_the_first_of_them_stands(ids, shape, seed):
    gradient = torch.randn(2, len(ids), *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    first = torch.tensor([ids.index(i) for i in ids], dtype=torch.int32)
    expected = torch.zeros_like(gradient)
    for b, to in enumerate(first.tolist()):
        expected[:, to] += gradient[:, b]
    for add in (summed_in_order, summed_by_product):
        assert torch.allclose(add(gradient.clone(), first), expected, rtol=1e-12, atol=1e-12)


def losses():
    named = [make_loss(name, SPACE) for name in ("BCE", "MaxR", "focal", "hinge")]
    return named + [ProgramLoss(program, SPACE) for program in SPACE.decode(SPACE.sample(28, numpy_rng("gpu")))]


def trained(recommender, device, epochs=2):
    rows = random_interactions(40, 30, 333, seed=3)
    trainer = Trainer(recommender, rows, 50, 0.5, Machine(device, torch.float64, "torch"))
    models = trainer.model_copies(recommender.initial(40, 30, seed=3), [0.1] * 32, [0.3] * 32)
    prepared = trainer.prepare(losses())
    for epoch in range(epochs):
        trainer.train_epoch(models, prepared, seed=1, epoch=epoch)
    return {name: weight.cpu() for name, weight in models.weights.items()}


class TestGpu:
    pytestmark = gpu

    @pytest.mark.parametrize("recommender", [MF(), MLP(16, (24, 16), dropout=0.0)])
    def test_training_ends_as_on_the_cpu(self, recommender):
        on_cpu, on_gpu = trained(recommender, CPU), trained(recommender, torch.device("cuda"))
        for name, weight in on_cpu.items():
            assert torch.allclose(weight, on_gpu[name], rtol=1e-8, atol=1e-8, equal_nan=True), name

    @pytest.mark.parametrize("recommender", [MF(), MLP(16, (24, 16), dropout=0.2)])
    def test_training_gives_the_same_bits_again(self, recommender):
        first, again = (trained(recommender, torch.device("cuda")) for _ in range(2))
        assert all(torch.equal(first[name].nan_to_num(), again[name].nan_to_num()) for name in first)

    @pytest.mark.parametrize("recommender", [MF(), MLP(16, (24, 16), dropout=0.2)])
    def test_nothing_in_an_epoch_waits_for_the_device(self, recommender, monkeypatch):
        rows, device = random_interactions(40, 30, 333, seed=3), torch.device("cuda")
        trainer = Trainer(recommender, rows, 50, 0.5, Machine(device))
        models = trainer.model_copies(recommender.initial(40, 30, seed=3), [0.1] * 32, [1e-4] * 32)
        prepared = trainer.prepare(losses())
        trainer.train_epoch(models, prepared, seed=0)  # libraries are loaded by now
        epoch, nobody = trainer.batches(seed=0, epoch=1), torch.empty(0, dtype=torch.int64, device=device)
        torch.cuda.set_sync_debug_mode("error")
        try:
            prepared(models, epoch, nobody, nobody)
        finally:
            torch.cuda.set_sync_debug_mode("default")
