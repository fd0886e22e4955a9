"""LightGCN against dense matrices."""

import numpy as np
import pytest
import torch

from core.common.errors import UserError
from recommenders.data.implicit import UserItems
from recommenders.models.vectors.lightgcn import LightGCN

#: User 2 and item 4 have nobody.
USER, ITEM = np.array([0, 0, 0, 1, 1, 3]), np.array([0, 2, 3, 2, 1, 0])
N_USERS, N_ITEMS = 4, 5
TRAIN = UserItems.of_pairs(USER, ITEM, N_USERS)


def dense(layers):
    """The matrix of all weights together, by the paper's Eq. 7 and 8."""
    graph = torch.zeros(N_USERS + N_ITEMS, N_USERS + N_ITEMS, dtype=torch.float64)
    graph[USER, ITEM + N_USERS] = 1
    graph += graph.T.clone()
    degree = graph.sum(1).clamp(min=1)
    graph /= degree.sqrt()[:, None] * degree.sqrt()
    return sum(torch.linalg.matrix_power(graph, k) for k in range(layers + 1)) / (layers + 1)


def weights_of(model, dtype=torch.float64):
    made = model.initial(N_USERS, N_ITEMS, seed=1)
    return {name: one.to(dtype).requires_grad_() for name, one in made.items()}


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_vectors_and_gradients_are_those_of_dense_matrices(layers):
    model = LightGCN(embedding_size=6, layers=layers).on(TRAIN, N_ITEMS)
    weights, users, items = weights_of(model), torch.tensor([3, 0, 0, 2]), torch.tensor([4, 1])
    expected = dense(layers) @ torch.cat(list(weights.values()))
    slopes = [torch.randn(n, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(n)) for n in (4, 2)]
    results = {}
    for name, found in (
        ("own", model.vectors(weights, users, items)),
        ("dense", (expected[users], expected[4:][items])),
    ):
        gradients = torch.autograd.grad(found, list(weights.values()), slopes)
        results[name] = [*found, *gradients]
    for own, other in zip(*results.values(), strict=True):
        assert torch.allclose(own, other, rtol=1e-12, atol=1e-14)


def test_neither_threads_nor_repetition_change_a_bit():
    rng = np.random.default_rng(0)
    train = UserItems.of_pairs(rng.integers(300, size=20_000), rng.integers(200, size=20_000), 300)
    model, before = LightGCN().on(train, 200), torch.get_num_threads()
    weights = {name: one.requires_grad_() for name, one in model.initial(300, 200, 0).items()}
    bits = set()
    try:
        for threads in (1, 2, 4, 1):
            torch.set_num_threads(threads)
            users, items = model.vectors(weights, None, None)
            gradients = torch.autograd.grad((users.sin().sum() + items.cos().sum()), list(weights.values()))
            bits.add(b"".join(one.detach().numpy().tobytes() for one in (users, items, *gradients)))
    finally:
        torch.set_num_threads(before)
    assert len(bits) == 1


def test_it_needs_a_training_part():
    model = LightGCN()
    with pytest.raises(UserError, match="expected a model of a training part"):
        model.vectors(weights_of(model), None, None)
    assert model.on(TRAIN, N_ITEMS) == model  # by settings


def test_layers_are_checked():
    with pytest.raises(UserError, match="layers: expected at least 0"):
        LightGCN(layers=-1)
