"""The factor beside BCE on a fresh recommender's batch."""

import pytest
import torch

from core.common.errors import UserError
from core.losses.closed_forms import BCE
from core.programs.space import HANDCRAFTED_SPACE
from recommenders.models.mf import MF
from recommenders.models.mlp import MLP
from recommenders.tasks.environments import AlternatingEnvironment, FromScratchEnvironment
from recommenders.tasks.losses import NAMED_LOSSES, make_loss
from recommenders.tasks.scaling import bce_factor, fresh_normaliser
from tests.recommenders.problems import make_task


@pytest.mark.parametrize("environment", [AlternatingEnvironment, FromScratchEnvironment])
def test_it_is_measured_where_an_environment_of_the_same_seed_starts(environment):
    task = make_task()
    ours, theirs = fresh_normaliser(task, 7, 6).proxy_batch, environment(task, 7, 6).proxy_batch()
    for name in ("y_hat", "y", "gram"):
        assert torch.equal(getattr(ours, name), getattr(theirs, name))


@pytest.mark.parametrize("recommender", [MF(4, init_std=0.3), MLP(3, (6, 4), dropout=0.0)])
@pytest.mark.parametrize("name", NAMED_LOSSES)
def test_it_is_the_quotient_of_the_norms_that_autograd_finds(recommender, name):
    task, loss = make_task(recommender), make_loss(name, HANDCRAFTED_SPACE)

    def norm(one):
        environment = AlternatingEnvironment(task, 3, 6)
        pairs = environment._proxy_pairs
        weights = {key: w.clone().requires_grad_() for key, w in environment._start.weights.items()}
        tables = task.recommender.tables
        ids = {"user": pairs.user, "item": pairs.item}
        gathered = {key: w[:, ids[tables[key]]] if key in tables else w for key, w in weights.items()}
        logit = task.recommender.logit(gathered, None)[0]
        trained = [w for key, w in weights.items() if key not in task.recommender.buffers]
        gradients = torch.autograd.grad(one.value(logit, pairs.label.double()).mean(), trained)
        return torch.cat([gradient.flatten() for gradient in gradients]).norm().item()

    assert bce_factor(task, loss, 3, 6) == pytest.approx(norm(BCE) / norm(loss), rel=1e-9)
    assert bce_factor(task, loss.scaled(4.0), 3, 6) == bce_factor(task, loss, 3, 6) / 4
    assert bce_factor(task, BCE, 3, 6) == 1.0


@pytest.mark.parametrize("size", [0, 10**6])
def test_a_batch_that_there_is_not_is_refused(size):
    with pytest.raises(UserError, match="proxy batch: expected 1 to"):
        bce_factor(make_task(), BCE, 0, size)
