import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from core.common.seeding import numpy_rng
from core.losses.loss import ProgramLoss
from core.programs.space import HANDCRAFTED_SPACE, OperatorSpace
from recommenders.backends.model_copies import ModelCopies
from recommenders.backends.trainer import Trainer
from recommenders.common.machine import Machine
from recommenders.models.mf import MF
from recommenders.models.mlp import MLP
from recommenders.tasks.losses import make_loss
from recommenders.tasks.task import TrainSettings
from recommenders.testing import plain
from recommenders.testing.plain import random_interactions
from tests.recommenders import oracle
from tests.recommenders.problems import CPU, ON_CPU
from tests.strategies import examples

both_backends = pytest.mark.parametrize("backend", ON_CPU)

#: (name or formula, smoothing term, the same in plain torch).
LOSSES = (
    ("SumR", 0.1, plain.sum_of_reciprocals(0.1)),
    ("BCE", None, plain.bce),
    ("MaxR", 0.05, plain.max_of_ratios(0.05)),
)


def made(names_and_smoothing):
    return [make_loss(name, HANDCRAFTED_SPACE, epsilon) for name, epsilon in names_and_smoothing]


def oracle_of(recommender, weights):
    return oracle.OracleMF(weights) if isinstance(recommender, MF) else oracle.OracleMLP(weights, recommender.dropout)


def difference(models: ModelCopies, copy: int, model) -> float:
    """The largest difference of a weight, relative where weights are large."""
    expected = model.weights()
    assert expected.keys() == models.weights.keys()
    return max(
        ((models.weights[name][copy] - weight).abs() / weight.abs().clamp(min=1)).max().item()
        for name, weight in expected.items()
    )


def compare(recommender, rows, rates, decays, *, backend, batch_size, clip, seed, losses=LOSSES):
    """Largest difference from the oracle over all copies; clipped and moved elements of the first one."""
    weights = recommender.initial(int(rows.user.max()) + 2, int(rows.item.max()) + 2, seed)
    trainer = Trainer(recommender, rows, batch_size, clip, Machine(CPU, torch.float64, backend))
    models = trainer.model_copies(weights, rates, decays)
    trainer.train_epoch(models, trainer.prepare(made([(name, epsilon) for name, epsilon, _ in losses])), seed)
    counts, worst = [], 0.0
    for k, (_, _, value) in enumerate(losses):
        model, how = oracle_of(recommender, weights), {"learning_rate": rates[k], "weight_decay": decays[k]}
        counts.append(plain.train_epoch(model, rows, value, batch_size=batch_size, clip=clip, seed=seed, **how))
        worst = max(worst, difference(models, k, model))
    return worst, counts[0]


@examples(15, 100)
@given(data=st.data())
@both_backends
def test_an_epoch_of_mf_is_that_of_the_oracle(data, backend):
    n_users, n_items = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 7))
    n, seed = data.draw(st.integers(1, 50)), data.draw(st.integers(0, 10**6))
    worst, _ = compare(
        MF(embedding_size=3),
        random_interactions(n_users, n_items, n, seed),
        data.draw(st.lists(st.floats(1e-3, 0.5), min_size=3, max_size=3)),
        data.draw(st.lists(st.sampled_from([0.0, 1e-4, 0.3, 1.9]), min_size=3, max_size=3)),
        batch_size=data.draw(st.integers(1, 20)),
        clip=data.draw(st.sampled_from([0.01, 0.2, 50.0])),
        seed=seed,
        backend=backend,
    )
    assert worst < 1e-9


@pytest.mark.parametrize("recommender", [MF(embedding_size=4)] + [MLP(3, (6, 4), dropout=p) for p in (0.0, 0.2)])
@pytest.mark.parametrize("seed", range(4))
@both_backends
def test_an_epoch_with_biting_clip_and_repeated_rows_is_that_of_the_oracle(recommender, seed, backend):
    rows = random_interactions(6, 5, 45, seed)  # three batches, the last of 13; users repeat in each
    worst, (clipped, moved) = compare(
        recommender, rows, [0.5, 0.05, 0.2], [0.1, 0.0, 0.3], batch_size=16, clip=0.03, seed=seed, backend=backend
    )
    assert 0 < clipped < moved
    assert worst < 1e-9


class TableSizedWork(TorchDispatchMode):
    """Counts operations that write as many rows as a table has, but for the row-wise index_add_."""

    def __init__(self, sizes):
        super().__init__()
        self.sizes, self.seen = sizes, []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        rows = result.shape[1] if isinstance(result, torch.Tensor) and result.dim() > 1 else 0
        if rows in self.sizes and func is not torch.ops.aten.index_add_.default:
            self.seen.append(func.overloadpacket.__name__)
        return result


@pytest.mark.parametrize("recommender", [MF(embedding_size=4), MLP(3, (5,))])
@pytest.mark.parametrize("n", [8, 64])
def test_whole_tables_are_touched_once_an_epoch_however_many_steps(recommender, n):
    n_users, n_items = 1_009, 2_003
    trainer = Trainer(
        recommender, random_interactions(n_users, n_items, n, seed=2), 4, 50.0, Machine(CPU, torch.float64, "torch")
    )
    models = trainer.model_copies(recommender.initial(n_users, n_items, 0), [0.1], [0.1])
    with TableSizedWork({n_users, n_items}) as work:
        trainer.train_epoch(models, trainer.prepare(made([("BCE", None)])), seed=0)
    assert work.seen == ["mul_"] * len(recommender.tables)


@pytest.mark.parametrize("recommender", [MF(embedding_size=4), MLP(3, (6, 4), dropout=0.2)])
@pytest.mark.parametrize("k", [1, 7, 32])
@both_backends
def test_many_copies_are_those_of_the_oracle(recommender, k, backend):
    rows = random_interactions(6, 5, 45, seed=k)
    losses = [LOSSES[i % len(LOSSES)] for i in range(k)]
    rates, decays = ([base * (1 + i % 5) for i in range(k)] for base in (0.05, 0.1))
    worst, _ = compare(
        recommender, rows, rates, decays, batch_size=16, clip=0.03, seed=k, losses=losses, backend=backend
    )
    assert worst < 1e-9


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("recommender", "backend"),
    [(MF(5), "auto"), (MF(), "auto"), (MLP(3, (5,)), "auto"), (MLP(16, (24, 16)), "auto"), (MF(5), "torch")],
)
def test_a_copy_has_the_same_bits_whatever_its_neighbours(recommender, dtype, backend):
    """With ragged batches, losses of all kinds, programs that share parts, and a decay that has to be folded in.

    Torch's products of many matrices round by where in memory each stands, so there MLP has them but for rounding.
    """
    rows, n = random_interactions(40, 30, 333, seed=3), 32
    space = OperatorSpace()
    losses = [ProgramLoss(program, space) for program in space.decode(space.sample(n - 4, numpy_rng("neighbours")))]
    losses += [make_loss(name, space) for name in ("BCE", "MaxR", "hinge", "focal")]
    rates, decays = ([base * (1 + i % 5) for i in range(n)] for base in (0.05, 0.2))
    weights = recommender.initial(40, 30, seed=3)

    def trained(copies, threads):
        trainer = Trainer(recommender, rows, 50, 0.5, Machine(CPU, dtype, backend, threads))
        models = trainer.model_copies(weights, [rates[i] for i in copies], [decays[i] for i in copies])
        trainer.train_epoch(models, trainer.prepare([losses[i] for i in copies]), seed=3)
        return models.weights, trainer.predict(models.weights, torch.arange(30), torch.arange(30))

    everything, y_hat = trained(range(n), threads=2)
    for copies in ([5], [31, 0, 30, 7, 8, 2, 29], [28]):
        some, of_some = trained(copies, threads=1)
        for place, i in enumerate(copies):
            assert same_bits(of_some[place], y_hat[i])
            assert all(same_bits(some[name][place], everything[name][i]) for name in some)


def same_bits(one, other) -> bool:
    return torch.equal(one.nan_to_num(nan=1e30), other.nan_to_num(nan=1e30))


@both_backends
def test_selected_copies_go_their_own_way(backend):
    trainer = Trainer(MF(4), random_interactions(6, 5, 40, seed=3), 16, 0.5, Machine(CPU, torch.float64, backend))
    start = trainer.model_copies(MF(4).initial(6, 5, seed=3), [0.1, 0.2, 0.3], [0.0, 0.1, 0.2])
    start.weights["user_bias"][2] += 1
    before = start.weights["user_bias"].clone()
    copies = start.select([2, 0, 2])
    assert len(copies) == 3
    assert copies.learning_rate == (0.3, 0.1, 0.3)
    assert copies.weight_decay == (0.2, 0.0, 0.2)
    assert torch.equal(copies.weights["user_bias"], before[[2, 0, 2]])
    trainer.train_epoch(copies, trainer.prepare(made([("BCE", None)] * 3)), seed=0)
    assert torch.equal(start.weights["user_bias"], before)


@pytest.mark.parametrize(
    ("k", "dtype"),
    [(1, torch.float64), (2, torch.float64), (2, torch.float32), (1, torch.float32)],
)
@both_backends
def test_training_leaves_the_initial_weights_alone(k, dtype, backend):
    trainer = Trainer(MF(4), random_interactions(6, 5, 40, seed=3), 16, 0.5, Machine(CPU, dtype, backend))
    weights = MF(4).initial(6, 5, seed=3)
    models = trainer.model_copies(weights, [0.1] * k, [0.0] * k)
    losses = trainer.prepare([make_loss("BCE", OperatorSpace())] * k)
    trainer.train_epoch(models, losses, seed=0)
    fresh = MF(4).initial(6, 5, seed=3)
    assert all(torch.equal(weights[name], fresh[name]) for name in fresh)


@both_backends
def test_the_strongest_decay_that_settings_take_trains(backend):
    settings = TrainSettings(learning_rate=0.5, weight_decay=1.98)
    trainer = Trainer(
        MF(4), random_interactions(6, 5, 10, seed=3), 2, settings.clip, Machine(CPU, torch.float32, backend)
    )
    weights = MF(4).initial(6, 5, seed=3)
    models = trainer.model_copies(weights, [settings.learning_rate], [settings.weight_decay])
    losses = trainer.prepare([make_loss("BCE", OperatorSpace())])
    trainer.train_epoch(models, losses, seed=3)
    assert all(weight.isfinite().all() for weight in models.weights.values())


@pytest.mark.parametrize("recommender", [MF(embedding_size=4), MLP(3, (5,))])
@pytest.mark.parametrize("at_a_time", [1, 7, 100])
@both_backends
def test_predictions_are_those_of_the_oracle_however_they_are_cut(recommender, at_a_time, monkeypatch, backend):
    for module in ("stacked", "compiled.mlp"):
        monkeypatch.setattr(f"recommenders.backends.{module}._EVALUATION_ROWS", at_a_time)
    rows = random_interactions(6, 5, 40, seed=3)
    weights = recommender.initial(6, 5, seed=3)
    trainer = Trainer(recommender, rows, 16, 0.5, Machine(CPU, torch.float64, backend))
    models = trainer.model_copies(weights, [0.1] * 2, [0.0] * 2)
    user, item = torch.as_tensor(rows.user), torch.as_tensor(rows.item)
    y_hat = trainer.predict(models.weights, user, item)
    expected = torch.sigmoid(oracle_of(recommender, weights).eval()(user, item))
    assert y_hat.shape == (2, 40)
    assert np.allclose(y_hat.numpy(), expected.detach().numpy(), rtol=1e-12)
