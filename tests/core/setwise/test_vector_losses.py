"""Losses of vectors: gradients are those of the formula, and what follows from it."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import normalize

from core.common.errors import UserError
from core.losses.setwise import uniformity
from core.losses.setwise.registry import RANKING_LOSSES, VECTOR_LOSSES, parse_ranking_loss, parse_set_loss
from core.losses.setwise.uniformity import DirectAU
from core.losses.setwise.vector_loss import BatchVectors
from tests.strategies import law

gammas = st.sampled_from((0.0, 0.2, 1.0, 10.0))


@st.composite
def batches(draw, fewest=2):
    """Vectors of any length, some of them there twice, and users that lie on their items or opposite to them."""
    rng = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.integers(fewest, 12)), draw(st.integers(1, 5))
    users, items = (torch.randn(n, d, generator=rng, dtype=torch.float64) for _ in range(2))
    for one in (users, items):
        one += one.sign() * 0.01  # in one dimension, a vector near nothing has a large gradient
        one[draw(st.integers(0, n - 1))] = one[0]
        one *= draw(st.sampled_from((1e-3, 1.0, 100.0)))
    users[0] = items[0] * draw(st.sampled_from((-1.0, 0.5, 1.0)))
    return BatchVectors(users, items)


def directau(vectors, gamma):
    """The published code."""
    sides = [one.clone().requires_grad_() for one in (vectors.users, vectors.positives)]
    x, y = (normalize(one, dim=-1) for one in sides)
    spread = sum(torch.pdist(one, p=2).pow(2).mul(-2).exp().mean().log() for one in (x, y))
    value = (x - y).norm(p=2, dim=1).pow(2).mean() + gamma * spread / 2
    return value.detach(), *torch.autograd.grad(value, sides)


def close(found, expected, shortest=1.0):
    """Equal up to rounding; a gradient is as large as the shortest vector is short, or what is left of such a sum."""
    for one, other in zip(found, expected, strict=True):
        scale = max(1.0, float(other.abs().max()), 1 / shortest)
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10 * scale)


@law
@given(batches(), gammas)
def test_directau_is_the_published_code_by_autograd(vectors, gamma):
    shortest = min(float(one.norm(dim=1).min()) for one in (vectors.users, vectors.positives))
    close(DirectAU(gamma).evaluate(vectors), directau(vectors, gamma), shortest)


@law
@given(batches(), gammas)
def test_gradients_lie_along_the_sphere_so_lengths_do_not_matter(vectors, gamma):
    found = DirectAU(gamma).evaluate(vectors)
    longer = DirectAU(gamma).evaluate(BatchVectors(vectors.users * 4, vectors.positives * 0.25))
    close(longer, (found.value, found.users / 4, found.positives * 4))
    for side, by in zip((vectors.users, vectors.positives), found[1:], strict=True):
        assert ((side * by).sum(1).abs() <= 1e-9 * side.norm(dim=1) * (1 + by.norm(dim=1))).all()


@law
@given(batches(), gammas, st.integers(1, 5))
def test_how_many_rows_are_computed_together_changes_nothing(vectors, gamma, at_once):
    found = DirectAU(gamma).evaluate(vectors)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uniformity, "_AT_ONCE", at_once)
        close(DirectAU(gamma).evaluate(vectors), found)


def test_by_hand():
    right, up = [1.0, 0.0], [0.0, 1.0]
    vectors = BatchVectors(torch.tensor([right, up]), torch.tensor([up, up]))
    found = DirectAU(0.5).evaluate(vectors)
    # users are 2 apart in squared distance, the items 0; one of two pairs of a user and an item is 2 apart
    assert float(found.value) == pytest.approx(1 + 0.5 * (-4 + 0) / 2)
    # towards the item 2 / 2, and away from the other user: .5 / 2 * 4
    assert found.users.tolist() == [[0.0, pytest.approx(-1 + 1)], [pytest.approx(1.0), 0.0]]
    assert found.positives.tolist() == [[-1.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("n", [0, 1])
def test_without_pairs_there_is_alignment_alone(n):
    users, items = torch.tensor([[3.0, 0.0]])[:n], torch.tensor([[0.0, 2.0]])[:n]
    found = DirectAU(5.0).evaluate(BatchVectors(users, items))
    assert float(found.value) == 2 * n
    assert found.users.tolist() == [[0.0, pytest.approx(-2 / 3)]][:n]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("fill", [0.0, 1e-30, 1.0, 1e15])
def test_vectors_that_are_all_alike_are_finite(dtype, fill):
    same = torch.full((5, 3), fill, dtype=dtype)
    found = DirectAU().evaluate(BatchVectors(same, same))
    assert all(one.dtype == dtype for one in found)
    assert all(one.isfinite().all() for one in found)
    assert not found.users.abs().max() > 1e-3


def test_what_came_with_autograd_goes_without():
    users = torch.eye(3, requires_grad=True)
    found = DirectAU().evaluate(BatchVectors(users * 2, users))
    assert not any(one.requires_grad for one in found)


@pytest.mark.parametrize(
    ("users", "positives", "message"),
    [
        (torch.zeros(3), torch.zeros(3), r"expected users \[B, D\]"),
        (torch.zeros(3, 2), torch.zeros(2, 2), r"got \[\(3, 2\), \(2, 2\)\]"),
        (torch.zeros(3, 2), torch.zeros(3, 2).double(), "one float dtype, got torch.float32 for users and torch.float"),
        (torch.zeros(3, 2).long(), torch.zeros(3, 2).long(), "one float dtype"),
    ],
)
def test_vectors_that_do_not_fit(users, positives, message):
    with pytest.raises(UserError, match=message):
        BatchVectors(users, positives)


@pytest.mark.parametrize("name", VECTOR_LOSSES)
def test_they_are_named_beside_the_others_and_are_none_of_scores(name):
    loss = parse_ranking_loss(name)
    assert type(loss) is RANKING_LOSSES[name]
    assert parse_ranking_loss(str(loss).upper()) == loss
    with pytest.raises(UserError, match=f"loss {name}: expected a loss of scores such as MML, got one of vectors"):
        parse_set_loss(name)


@pytest.mark.parametrize("value", ["-1", "nan", "x"])
def test_gamma_is_a_weight(value):
    with pytest.raises(UserError, match="gamma: expected a"):
        parse_ranking_loss(f"directau:gamma={value}")
    assert math.isclose(parse_ranking_loss("DirectAU:gamma=.2").gamma, 0.2)
