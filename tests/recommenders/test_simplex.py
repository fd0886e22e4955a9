"""SimpleX against its equations, user by user."""

import numpy as np
import pytest
import torch

from core.common.errors import UserError
from recommenders.data.implicit import UserItems
from recommenders.models.vectors.simplex import History, SimpleX

#: User 2 has nothing, user 3 one item.
USER, ITEM = np.array([0, 0, 0, 1, 1, 3]), np.array([0, 2, 3, 2, 1, 0])
N_USERS, N_ITEMS, SIZE = 4, 5, 6
TRAIN = UserItems.of_pairs(USER, ITEM, N_USERS)
KINDS = ("mean", "user_attention", "self_attention")


def weights_of(model, scale=1.0):
    made = model.initial(N_USERS, N_ITEMS, seed=1)
    return {name: (scale * one.double()).requires_grad_() for name, one in made.items()}


def plain(model, weights, user, positive=None):
    """The vector of one user, by the paper's Eq. 8 and 9; the official code's padding."""
    own = weights["user_embedding"][user]
    rows = weights["item_embedding" if model.share_embedding else "history_embedding"]
    rows = rows[[int(item) for item in TRAIN.of(user) if item != positive]]
    if model.aggregation == "mean":
        shares = torch.full((len(rows),), 1 / max(len(rows), 1), dtype=torch.float64)
    else:
        query = own if model.aggregation == "user_attention" else weights["query"][:, 0]
        powers = (torch.tanh(rows @ weights["key"].T + weights["key_bias"]) @ query).exp()
        shares = powers / (powers.sum() + max(model.padding - len(rows), 0))
    return model.gamma * own + (1 - model.gamma) * weights["value"] @ (shares @ rows)


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_vectors_and_gradients_are_those_of_the_equations(kind, share, padding):
    model = SimpleX(embedding_size=SIZE, aggregation=kind, share_embedding=share, padding=padding, init_std=1)
    model = model.on(TRAIN, N_ITEMS)
    weights = weights_of(model)
    weights = {name: (one.detach() + 0.1).requires_grad_() for name, one in weights.items()}  # a bias too
    users, positives = [3, 0, 0, 2, 1, 0], [0, 2, 3, 1, 2, 4]
    slope = torch.randn(len(users), SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for left_out in (None, positives):
        given = None if left_out is None else torch.tensor(left_out)
        own = model.vectors(weights, torch.tensor(users), None, given)[0]
        expected = torch.stack(
            [plain(model, weights, u, p) for u, p in zip(users, left_out or [None] * 6, strict=True)]
        )
        assert torch.allclose(own, expected, rtol=1e-12)
        found = [torch.autograd.grad(one, list(weights.values()), slope, retain_graph=True, materialize_grads=True)
                 for one in (own, expected)]  # fmt: skip
        for name, one, other in zip(weights, *found, strict=True):
            assert torch.allclose(one, other, rtol=1e-10, atol=1e-13), name
    everyone, items = model.vectors(weights, None, None)
    assert torch.allclose(everyone, torch.stack([plain(model, weights, u) for u in range(N_USERS)]), rtol=1e-12)
    assert items is weights["item_embedding"]


@pytest.mark.parametrize("padding", [0, 4])
def test_large_scores_do_not_overflow(padding):
    model = SimpleX(embedding_size=SIZE, padding=padding).on(TRAIN, N_ITEMS)
    for scale in (1e5, -1e5):
        weights = weights_of(model, scale)
        users = model.vectors(weights, None, None)[0]
        users.sum().backward()
        assert users.isfinite().all()
        assert all(one.grad is None or one.grad.isfinite().all() for one in weights.values())


def test_with_gamma_1_it_is_matrix_factorisation():
    model = SimpleX(gamma=1).on(TRAIN, N_ITEMS)
    weights = weights_of(model)
    assert torch.equal(model.vectors(weights, None, None)[0], weights["user_embedding"])


def test_a_history_is_cut_to_items_drawn_once():
    rng = np.random.default_rng(0)
    train = UserItems.of_pairs(rng.integers(40, size=2000), rng.integers(300, size=2000), 40)
    first, again = (History(train, 5).of(torch.arange(40), None) for _ in range(2))
    assert torch.equal(first.items, again.items)
    assert first.counts.tolist() == [5] * 40
    assert all(set(first.items[first.user == u].tolist()) <= set(train.of(u).tolist()) for u in range(40))
    assert 100 < first.items.double().mean() < 200  # not the first ones
    whole = History(train, 300).of(torch.arange(40), None)
    assert whole.items.tolist() == train.items.tolist()


def test_initial_layers_are_xavier_normal_and_tables_normal():
    made = SimpleX(aggregation="self_attention", share_embedding=False, init_std=1e-4).initial(500, 400, 0)
    stds = {"user_embedding": 1e-4, "item_embedding": 1e-4, "history_embedding": 1e-4}
    stds |= {"value": (2 / 128) ** 0.5, "key": (2 / 128) ** 0.5, "query": (2 / 65) ** 0.5}
    assert {name: one.std().item() for name, one in made.items() if name != "key_bias"} == {
        name: pytest.approx(std, rel=0.25 if name == "query" else 0.05) for name, std in stds.items()
    }
    assert not made["key_bias"].any()


@pytest.mark.parametrize("setting", [{"gamma": 1.1}, {"gamma": -0.1}, {"history_length": 0}, {"padding": -1}])
def test_settings_are_checked(setting):
    with pytest.raises(UserError, match=f"{next(iter(setting))}: expected at least"):
        SimpleX(**setting)


def test_it_needs_a_training_part():
    with pytest.raises(UserError, match="SimpleX: expected a model of a training part"):
        SimpleX().vectors(weights_of(SimpleX()), None, None)
