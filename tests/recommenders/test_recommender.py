import math

import pytest
import torch

from core.common.errors import UserError
from recommenders import RECOMMENDERS, Recommender, make_recommender
from recommenders.common.draws import Training
from recommenders.models.mf import MF
from recommenders.models.recommender import autograd_vjp
from recommenders.testing.recommender import B, K, gathered, logit_gradient


class UserAlone(Recommender):
    """Does not use the items, and has a buffer that counts training passes."""

    tables = {"user_embedding": "user", "item_embedding": "item"}  # noqa: RUF012
    buffers = frozenset({"passes"})

    def initial(self, n_users, n_items, seed):
        return {"user_embedding": torch.ones(n_users), "item_embedding": torch.ones(n_items), "passes": torch.zeros(())}

    def logit(self, weights: dict, training: Training | None):
        if training is not None:
            weights["passes"] += 1
        return weights["user_embedding"] ** 2

    def vjp(self, weights, training):
        return autograd_vjp(self, weights, training)


def test_autograd_gives_unused_weights_a_zero_gradient_and_buffers_none():
    weights = gathered(UserAlone())
    _, pullback = UserAlone().vjp(weights, None)
    gradients = pullback(logit_gradient())
    assert set(gradients) == {"user_embedding", "item_embedding"}
    assert torch.allclose(gradients["user_embedding"], 2 * weights["user_embedding"] * logit_gradient())
    assert torch.equal(gradients["item_embedding"], torch.zeros(K, B, dtype=torch.float64))


def test_autograd_lets_a_training_pass_update_buffers_in_place():
    weights = gathered(UserAlone())
    before = weights["passes"].clone()
    UserAlone().vjp(weights, Training(torch.Generator()))
    assert torch.equal(weights["passes"], before + 1)


def test_autograd_leaves_no_graph_behind():
    weights = gathered(UserAlone())
    logit, pullback = UserAlone().vjp(weights, None)
    assert not logit.requires_grad
    assert not any(gradient.requires_grad for gradient in pullback(logit_gradient()).values())
    assert not any(weight.requires_grad for weight in weights.values())


@pytest.mark.parametrize("name", RECOMMENDERS)
def test_every_registered_recommender_can_be_made_and_says_what_it_is(name):
    assert isinstance(make_recommender(name), Recommender)
    assert RECOMMENDERS[name].about


def test_settings_reach_the_recommender():
    assert make_recommender("mf", embedding_size=5, init_std=0.1) == MF(embedding_size=5, init_std=0.1)


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(UserError, match=r"unknown recommender 'mlpp'.*Did you mean 'mlp'"):
        make_recommender("mlpp")


@pytest.mark.parametrize("name", ["mf", "mlp"])
@pytest.mark.parametrize(
    "bad", [{"embedding_size": 0}, {"embedding_size": math.inf}, {"init_std": -1.0}, {"init_std": math.nan}]
)
def test_settings_out_of_range_are_refused_by_name(name, bad):
    with pytest.raises(UserError, match=f"{next(iter(bad))}: expected at least .* and below .*, got"):
        make_recommender(name, **bad)


@pytest.mark.parametrize("dropout", [-0.1, 1.0, math.nan])
def test_a_dropout_that_is_no_share_is_refused(dropout):
    with pytest.raises(UserError, match="dropout: expected at least 0 and below 1"):
        make_recommender("mlp", dropout=dropout)
