import itertools

import pytest
import torch

from core.common.seeding import torch_rng
from recommenders.common.draws import Training
from recommenders.models.mlp import MLP
from recommenders.testing.recommender import RecommenderContract, clones, gathered
from tests.recommenders.oracle import OracleMLP


class TestMLP(RecommenderContract):
    def make(self):
        return MLP(embedding_size=3, hidden_sizes=(6, 4))


class TestMLPWithoutDropout(RecommenderContract):
    def make(self):
        return MLP(embedding_size=2, hidden_sizes=(5,), dropout=0.0)


def training(seed=0):
    return Training(torch_rng(seed))


def test_evaluation_is_that_of_torchs_modules_with_their_running_statistics():
    recommender = MLP(embedding_size=3, hidden_sizes=(6, 4))
    weights = gathered(recommender)
    for k in range(3):
        model = OracleMLP({name: weight[k] for name, weight in weights.items()}).eval()
        expected = model(torch.arange(5), torch.arange(5))
        assert torch.allclose(recommender.logit(weights, None)[k], expected, rtol=1e-12)


def test_a_training_pass_is_that_of_torchs_modules_and_updates_running_statistics_alike():
    recommender = MLP(embedding_size=3, hidden_sizes=(6, 4), dropout=0.2)
    weights = gathered(recommender)
    models = [OracleMLP({name: w[k].clone() for name, w in weights.items()}, dropout=0.2) for k in range(3)]
    logit = recommender.logit(weights, training())
    for k, model in enumerate(models):
        assert torch.allclose(logit[k], model(torch.arange(5), torch.arange(5), torch_rng(0)), rtol=1e-10)
        for name in recommender.buffers:
            assert torch.allclose(weights[name][k], model.weights()[name], rtol=1e-12), name


def test_layers_are_those_of_the_paper_and_start_as_torchs():
    weights = MLP().initial(5, 6, seed=0)
    shapes = [tuple(weights[f"weight.{i}"].shape) for i in range(3)]
    assert shapes == [(128, 64), (64, 16), (16, 1)]
    for i, (n_in, n_out) in enumerate(shapes):
        bound = n_in**-0.5
        assert weights[f"bias.{i}"].shape == (n_out,)
        assert weights[f"weight.{i}"].abs().max() <= bound
        assert weights[f"bias.{i}"].abs().max() <= bound
    assert weights["weight.0"].std().item() == pytest.approx(128**-0.5 / 3**0.5, rel=0.03)


def test_copies_share_their_dropout_masks():
    recommender = MLP(embedding_size=3, hidden_sizes=(6, 4), dropout=0.5)
    one = {name: weight[:1].expand_as(weight).contiguous() for name, weight in gathered(recommender).items()}
    logit = recommender.logit(one, training())
    assert torch.allclose(logit, logit[:1].expand_as(logit), rtol=1e-12)


def test_other_draws_drop_other_units():
    recommender = MLP(embedding_size=3, hidden_sizes=(6, 4), dropout=0.5)
    weights = gathered(recommender)
    logits = [recommender.logit(clones(weights), training(seed)) for seed in range(2)]
    assert not torch.allclose(*logits)


def test_without_dropout_nothing_is_drawn():
    recommender, rng = MLP(embedding_size=3, hidden_sizes=(6,), dropout=0.0), torch_rng(0)
    before = rng.get_state()
    recommender.logit(gathered(recommender), Training(rng))
    assert torch.equal(rng.get_state(), before)


def test_dropout_keeps_its_share_and_the_mean():
    recommender = MLP(embedding_size=1, hidden_sizes=(4_000,), dropout=0.25)
    weights = gathered(recommender, k=1, b=50)
    for name in ("scale.0", "weight.1", "bias.1"):  # h = relu(0 * normalised + 1) = 1; the logit is its sum
        weights[name] = torch.zeros_like(weights[name])
    weights["shift.0"] = torch.ones_like(weights["shift.0"])
    weights["weight.1"] += 1 / 4_000
    mean = recommender.logit(weights, training())
    assert mean.mean().item() == pytest.approx(1, abs=0.01)
    assert mean.std().item() == pytest.approx((0.25 / 0.75 / 4_000) ** 0.5, rel=0.5)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_batch_of_one_example_trains_without_breaking(dropout):
    recommender = MLP(embedding_size=3, hidden_sizes=(6, 4), dropout=dropout)
    weights = gathered(recommender, k=2, b=1)
    logit, pullback = recommender.vjp(weights, training())
    tensors = itertools.chain([logit], weights.values(), pullback(torch.ones_like(logit)).values())
    assert all(tensor.isfinite().all() for tensor in tensors)


def test_the_defaults_are_the_papers():
    assert MLP() == MLP(embedding_size=64, hidden_sizes=(64, 16), dropout=0.2, init_std=1.0)
