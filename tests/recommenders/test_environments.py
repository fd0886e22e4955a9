import math

import pytest
import torch

from core.common.errors import UserError
from core.losses.loss import ProgramLoss
from core.problems.proxy import ProxyTest
from core.search.halving import survivors
from core.testing.evaluator import BLOWN_UP, FORMULAS, SQUARES, EvaluatorContract, loss, scores
from recommenders.models.mf import MF
from recommenders.models.mlp import MLP
from recommenders.tasks.environments import AlternatingEnvironment, FromScratchEnvironment, proxy_batch_of
from recommenders.tasks.task import Pairs
from tests.recommenders import oracle
from tests.recommenders.problems import CPU, interactions, make_task

SMALL_MLP = MLP(embedding_size=3, hidden_sizes=(6, 4), init_std=0.3)


def task_of(recommender=None, **settings):
    return make_task(recommender, metric="rmse", **({"search_weight_decay": 0.0} | settings))


class TestAlternating(EvaluatorContract):
    def make(self, seed=0):
        return AlternatingEnvironment(task_of(), seed)


class TestFromScratch(EvaluatorContract):
    def make(self, seed=0):
        return FromScratchEnvironment(task_of(), seed, epochs=2)


def test_alternating_takes_every_offer_and_from_scratch_none():
    for environment, moves in (
        (AlternatingEnvironment(task_of(), 0), True),
        (FromScratchEnvironment(task_of(), 0), False),
    ):
        scores(environment, FORMULAS)
        assert environment.adopt(1) is moves
        assert environment.restart(4) is moves


def test_alternating_draws_its_batches_from_the_seed_of_the_step():
    environment = AlternatingEnvironment(task_of(), 0)
    assert scores(environment, FORMULAS, seed=1) != scores(environment, FORMULAS, seed=2)


def test_from_scratch_measures_the_same_in_every_step():
    environment = FromScratchEnvironment(task_of(), 0)
    first = scores(environment, FORMULAS, seed=1)
    environment.adopt(0)
    assert scores(environment, FORMULAS, seed=2) == first


@pytest.mark.parametrize("epochs", [1, 3])
def test_candidates_train_for_as_many_epochs_as_they_cost(epochs, monkeypatch):
    task, trained = task_of(), []
    train = task.trainer.train_and_predict
    monkeypatch.setattr(task.trainer, "train_and_predict", lambda *a: (trained.append(a[3]), train(*a))[1])
    environments = (FromScratchEnvironment(task, 0, epochs=epochs), epochs), (AlternatingEnvironment(task, 0), 1)
    for environment, cost in environments:
        trained.clear()
        (measured,) = environment.measure([loss(SQUARES)], 1)
        assert trained == list(range(cost))
        assert measured.cost == cost


def lonely(formula, epochs):
    """The score of a loss that is trained by itself for so many epochs."""
    return scores(FromScratchEnvironment(task_of(), 0, epochs=epochs), [formula])[0]


def test_with_halving_the_best_go_on_as_if_they_had_never_paused():
    formulas = [*FORMULAS, "(y - y_hat)^2", "-(y*log(y_hat))", "y_hat^2", "y_hat"]
    halved = FromScratchEnvironment(task_of(), 0, epochs=9, fidelity=3)
    found = halved.measure([loss(one) for one in formulas], 0)
    going = list(range(len(formulas)))
    for epochs in (1, 3, 9):
        reached = [lonely(formulas[i], epochs) for i in going]
        kept = survivors(reached, 3)
        stopped = [i for k, i in enumerate(going) if k not in kept or epochs == 9]
        for i in stopped:
            assert (found[i].score, found[i].cost) == (pytest.approx(lonely(formulas[i], epochs), abs=1e-9), epochs)
        going = [going[k] for k in kept]
    assert {one.cost for one in found} == {1, 3, 9}


def test_with_halving_memory_changes_nothing(monkeypatch):
    expected = scores(FromScratchEnvironment(task_of(), 0, epochs=4, fidelity=2), FORMULAS)
    task = task_of()
    monkeypatch.setattr(task.trainer, "at_once", lambda weights: 2)
    assert scores(FromScratchEnvironment(task, 0, epochs=4, fidelity=2), FORMULAS) == pytest.approx(expected, abs=1e-9)


def test_the_search_has_a_decay_of_its_own():
    with_decay = AlternatingEnvironment(task_of(search_weight_decay=0.5, weight_decay=0.0), 0)
    without = AlternatingEnvironment(task_of(search_weight_decay=0.0, weight_decay=0.5), 0)
    assert scores(without, ["y^2"]) == pytest.approx([without.score()])
    assert abs(scores(with_decay, ["y^2"])[0] - with_decay.score()) > 1e-3


@pytest.mark.parametrize("make", [AlternatingEnvironment, FromScratchEnvironment])
def test_a_batch_normalised_recommender_with_dropout_is_measured_alike(make):
    environment = make(task_of(SMALL_MLP), 0)
    together = scores(environment, FORMULAS)
    assert [scores(environment, [f])[0] for f in FORMULAS] == pytest.approx(together, abs=1e-6)


@pytest.mark.parametrize("recommender", [MF(8), SMALL_MLP])
def test_wild_training_in_float32_raises_nothing(recommender):
    settings = {"learning_rate": 1e4, "clip": 1e30, "weight_decay": 0.0, "search_weight_decay": 0.0}
    environment = AlternatingEnvironment(make_task(recommender, dtype=torch.float32, **settings), 0)
    measured = environment.measure([loss(formula, epsilon) for formula, epsilon in BLOWN_UP], seed=0)
    assert all(math.isnan(m.score) or 0 <= m.score <= 1 for m in measured)


@pytest.mark.parametrize("make", [AlternatingEnvironment, FromScratchEnvironment])
@pytest.mark.parametrize("proxy_size", [0, -1, 161])
def test_a_proxy_batch_that_the_training_part_cannot_give_is_refused(make, proxy_size):
    with pytest.raises(UserError, match="a proxy batch of 1 to 160 rows"):
        make(task_of(), 0, proxy_size=proxy_size)


def test_no_epochs_are_refused():
    with pytest.raises(UserError, match="at least 1 epoch"):
        FromScratchEnvironment(task_of(), 0, epochs=0)


@pytest.mark.parametrize("proxy_size", [1, 5, 160])
def test_the_proxy_batch_holds_distinct_training_rows_as_many_as_asked_for(proxy_size):
    task = task_of()
    proxy_batch = AlternatingEnvironment(task, 0, proxy_size=proxy_size).proxy_batch()
    assert len(proxy_batch.y) == proxy_size
    if proxy_size == len(task.dataset.train):
        assert proxy_batch.y.sum() == task.dataset.train.label.sum()


def some_weights(task, recommender):
    """Weights of one copy away from their start, running statistics too."""
    models = task.model_copies(task.initial(0), 1, 0.01)
    generator = torch.Generator().manual_seed(0)
    return {n: w + 0.3 * torch.rand(w.shape, generator=generator, dtype=w.dtype) for n, w in models.weights.items()}


def direct_jacobian(model, pairs) -> torch.Tensor:
    """D y_hat_b / d (every parameter) for one example after the other: [B, n_parameters]."""
    rows = []
    for user, item in zip(pairs.user, pairs.item, strict=True):
        y_hat = torch.sigmoid(model(user[None], item[None]))[0]
        gradients = torch.autograd.grad(y_hat, list(model.parameters()))
        rows.append(torch.cat([gradient.reshape(-1) for gradient in gradients]))
    return torch.stack(rows)


@pytest.mark.parametrize(
    ("recommender", "oracle_of"), [(MF(embedding_size=3), oracle.OracleMF), (SMALL_MLP, oracle.OracleMLP)]
)
def test_the_gram_matrix_is_that_of_the_jacobian_of_all_parameters(recommender, oracle_of):
    task = task_of(recommender)
    weights = some_weights(task, recommender)
    pairs = Pairs.of(interactions([3, 0, 3, 3, 5, 0], [1, 2, 4, 1, 2, 4], [1, 0, 0, 1, 1, 0]), CPU)
    model = oracle_of({name: weight[0] for name, weight in weights.items()}).eval()
    jacobian = direct_jacobian(model, pairs)
    proxy_batch = proxy_batch_of(task, weights, pairs)
    assert torch.allclose(proxy_batch.gram, jacobian @ jacobian.T, rtol=1e-10, atol=1e-12)
    assert torch.allclose(proxy_batch.y_hat, torch.sigmoid(model(pairs.user, pairs.item)), rtol=1e-12)
    assert proxy_batch.y.tolist() == [1, 0, 0, 1, 1, 0]


@pytest.mark.parametrize(
    ("recommender", "oracle_of"), [(MF(embedding_size=3), oracle.OracleMF), (SMALL_MLP, oracle.OracleMLP)]
)
def test_proxy_vectors_have_the_norms_and_distances_of_parameter_gradients(recommender, oracle_of):
    task = task_of(recommender)
    weights = some_weights(task, recommender)
    pairs = Pairs.of(interactions([3, 0, 3, 5, 0], [1, 2, 4, 2, 4], [1, 0, 0, 1, 1]), CPU)
    losses: list[ProgramLoss] = [loss(formula) for formula in FORMULAS]
    gradients = []
    for one in losses:  # Eq. 7 to the letter: the gradient of the mean loss by all parameters
        model = oracle_of({name: weight[0] for name, weight in weights.items()}).eval()
        one.value(model(pairs.user, pairs.item), pairs.label.double()).mean().backward()
        gradients.append(torch.cat([p.grad.reshape(-1) for p in model.parameters()]))
    direct = torch.stack(gradients)
    proxy = ProxyTest()
    proxy.renew(proxy_batch_of(task, weights, pairs))
    vectors = torch.from_numpy(proxy.gradients(losses))
    assert torch.allclose(vectors.norm(dim=1), direct.norm(dim=1), rtol=1e-8)
    assert torch.allclose(torch.cdist(vectors, vectors), torch.cdist(direct, direct), rtol=1e-6, atol=1e-8)


def test_looking_at_the_proxy_batch_changes_nothing():
    task = task_of(SMALL_MLP)
    weights = some_weights(task, SMALL_MLP)
    before = {name: weight.clone() for name, weight in weights.items()}
    proxy_batch_of(task, weights, Pairs.of(task.dataset.train, CPU))
    assert all(torch.equal(weights[name], before[name]) for name in weights)
