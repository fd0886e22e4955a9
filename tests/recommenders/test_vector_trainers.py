"""Every back end of vectors keeps the contract, and all compute the same."""

import numpy as np
import pytest
import torch

from core.common.errors import UserError
from core.losses.setwise.registry import SET_LOSSES, parse_ranking_loss
from recommenders.backends.ranking.base import Recipe, VectorTask
from recommenders.backends.ranking.compiled.trainer import CompiledTrainer
from recommenders.backends.ranking.epochs import Epochs
from recommenders.backends.ranking.optimisers import OPTIMISERS, Adam, parse_optimiser
from recommenders.backends.ranking.registry import make_trainer
from recommenders.backends.ranking.torch_trainer import TorchTrainer
from recommenders.common.machine import Machine
from recommenders.data.implicit.samplers import SAMPLERS, parse_sampler
from recommenders.models.vectors.mf import VectorMF
from recommenders.testing.vector_trainer import DATA, VectorTrainerContract

CPU = Machine(torch.device("cpu"), torch.float64)


class TestCompiled(VectorTrainerContract):
    backend = CompiledTrainer


class TestTorch(VectorTrainerContract):
    backend = TorchTrainer


@pytest.mark.gpu
class TestTorchOnGpu(VectorTrainerContract):
    backend = TorchTrainer
    device = torch.device("cuda")

    @pytest.fixture(autouse=True)
    def _needs_a_gpu(self):
        if not torch.cuda.is_available():
            pytest.skip("no CUDA device here")


def test_every_optimiser_and_sampler_is_the_same_in_both():
    """Also `hard`, whose choice a plain loop would have to repeat."""
    for sampler in SAMPLERS:
        for optimiser in OPTIMISERS:
            size = {"hard": "hard:negatives=3:pool=8"}.get(sampler, f"{sampler}:negatives=5")
            recipe = Recipe(parse_sampler(size), parse_optimiser(optimiser), batch_size=64, weight_decay=0.01)
            task = VectorTask(VectorMF(embedding_size=5), DATA, recipe)
            ours, theirs = CompiledTrainer(task, CPU, 1), TorchTrainer(task, CPU, 1)
            for epoch in range(3):
                losses = [one.train_epoch(SET_LOSSES["SL"](), epoch, 0.05) for one in (ours, theirs)]
                assert losses[0] == pytest.approx(losses[1], abs=1e-9), (sampler, optimiser)
            for name, one in ours.parameters().items():
                np.testing.assert_allclose(one, theirs.parameters()[name], atol=1e-9, err_msg=f"{sampler} {optimiser}")


@pytest.mark.parametrize("name", SET_LOSSES)
def test_every_loss_trains_alike_in_both(name):
    task = VectorTask(VectorMF(embedding_size=5), DATA, Recipe(parse_sampler("shared:negatives=16"), batch_size=100))
    quantile = np.linspace(-0.3, 0.6, DATA.n_users).astype(np.float32)
    ours, theirs = CompiledTrainer(task, CPU, 1), TorchTrainer(task, CPU, 1)
    for epoch in range(2):
        losses = [one.train_epoch(SET_LOSSES[name](), epoch, 0.02, quantile) for one in (ours, theirs)]
        assert losses[0] == pytest.approx(losses[1], abs=1e-9)
    for key, one in ours.parameters().items():
        np.testing.assert_allclose(one, theirs.parameters()[key], atol=1e-9)


class _WithoutExpression(SET_LOSSES["BSL"]):
    """A loss as a person may write it: in torch alone."""

    @property
    def expression(self):
        return None


@pytest.mark.parametrize("sampler", ["shared:negatives=300", "uniform:negatives=4", "hard:negatives=3:pool=8"])
def test_a_loss_that_is_no_expression_trains_as_if_it_were_one(sampler):
    """In steps that Python takes apart, and again with the same bits on more threads."""
    recipe = Recipe(parse_sampler(sampler), Adam(), batch_size=300, clip_norm=0.5)
    task = VectorTask(VectorMF(embedding_size=5), DATA, recipe)
    trainers = [CompiledTrainer(task, Machine(torch.device("cpu"), torch.float64, threads=n), 1) for n in (1, 1, 3)]
    losses = (SET_LOSSES["BSL"](), _WithoutExpression(), _WithoutExpression())
    for epoch in range(2):
        means = [one.train_epoch(loss, epoch, 0.02) for one, loss in zip(trainers, losses, strict=True)]
        assert means == pytest.approx([means[0]] * 3, abs=1e-9)
    whole, apart, beside = (one.parameters() for one in trainers)
    for name in whole:
        np.testing.assert_allclose(apart[name], whole[name], atol=1e-9)
        assert torch.equal(apart[name], beside[name])


@pytest.mark.parametrize("epsilon", [1e-12, 1e-8, 1e-3])
def test_momentum_of_rows_seldom_seen_is_exact_in_float32_too(epsilon):
    """Hundreds of steps between two gradients of a row, with an epsilon that matters and one that does not."""
    recipe = Recipe(parse_sampler("uniform:negatives=1"), Adam(epsilon=epsilon), batch_size=1)
    task = VectorTask(VectorMF(embedding_size=5), DATA, recipe)
    machine = Machine(torch.device("cpu"), torch.float32)
    single, double = CompiledTrainer(task, machine, 1), TorchTrainer(task, CPU, 1)
    for one in (single, double):
        one.train_epoch(SET_LOSSES["SL"](), 0, 1e-3)
    for name, found in single.parameters().items():
        np.testing.assert_allclose(found, double.parameters()[name], atol=2e-4)


def test_losses_of_vectors_draw_no_negatives_and_go_to_the_next_back_end():
    task = VectorTask(VectorMF(), DATA, Recipe())
    for_scores, for_vectors = (task.of(parse_ranking_loss(name)) for name in ("SL", "DirectAU"))
    assert for_scores is task
    assert type(make_trainer(for_vectors, CPU, 0)) is TorchTrainer
    (batch,) = Epochs(DATA.train, DATA.n_items, for_vectors.recipe, 0).batches(0)
    assert batch.negatives.shape == (0,)
    with pytest.raises(UserError, match=r"expected a positive \[B\] and negatives \[B, N\] with N > 0"):
        TorchTrainer(for_vectors, CPU, 0).train_epoch(parse_ranking_loss("SL"), 0, 0.1)


def test_auto_takes_compiled_code_where_it_can():
    by_tables = Recipe(weight_decay=0.1, decay_of="tables")
    for recipe, expected in ((Recipe(), CompiledTrainer), (by_tables, TorchTrainer)):
        assert type(make_trainer(VectorTask(VectorMF(), DATA, recipe), CPU, 0)) is expected


def test_a_back_end_that_cannot_is_refused_in_a_line():
    task = VectorTask(VectorMF(), DATA, Recipe(weight_decay=0.1, decay_of="tables"))
    with pytest.raises(UserError, match="got mf with a loss of scores and weight decay of tables on cpu"):
        make_trainer(task, Machine(torch.device("cpu"), backend="compiled"), 0)
    with pytest.raises(UserError, match="backend"):
        make_trainer(task, Machine(torch.device("cpu"), backend="nothing"), 0)


def test_a_state_of_something_else_is_refused_in_a_line():
    task = VectorTask(VectorMF(embedding_size=5), DATA, Recipe())
    other = VectorTask(VectorMF(embedding_size=6), DATA, Recipe())
    for kind in (CompiledTrainer, TorchTrainer):
        with pytest.raises(UserError, match="it is one of something else"):
            kind(task, CPU, 0).load_state_dict(kind(other, CPU, 0).state_dict())
