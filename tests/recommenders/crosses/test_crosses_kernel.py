"""Field-wise logistic regression in machine code against a dense one by autograd, and laws of its parts."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recommenders.tasks.crosses import kernel
from recommenders.tasks.crosses.judging import auc, log_loss
from recommenders.tasks.crosses.kernel import (
    bucket_sums,
    bucket_sums_at,
    curvatures,
    errors,
    expected_gain,
    loss_saved,
    newton,
    number_pairs,
    shifted,
)
from tests.strategies import law

SEEDS = st.integers(0, 2**32 - 1)


def rows(seed, n=60, n_buckets=7):
    """Buckets, scores of a model so far, labels and weights."""
    rng = np.random.default_rng(seed)
    label = rng.integers(2, size=n).astype(np.uint8)
    return rng.integers(n_buckets, size=n).astype(np.int32), 3 * rng.normal(size=n), label, rng.normal(size=n_buckets)


def dense(bucket, scores, label, weights, decay):
    """The loss of a logistic regression on one-hot buckets, with what the model so far says as an offset."""
    w = torch.tensor(weights, requires_grad=True)
    one_hot = torch.nn.functional.one_hot(torch.tensor(bucket, dtype=torch.int64), len(weights)).double()
    logit, y = torch.tensor(scores) + one_hot @ w, torch.tensor(label, dtype=torch.float64)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, y, reduction="sum")
    return loss + 0.5 * decay * w.square().sum(), w


@law
@given(SEEDS, st.sampled_from([0.1, 3.0]))
def test_gradients_and_newton_steps_are_those_of_a_dense_logistic_regression(seed, decay):
    bucket, scores, label, weights = rows(seed)
    loss, w = dense(bucket, scores, label, weights, decay)
    (gradient,) = torch.autograd.grad(loss, w)
    hessian = torch.autograd.functional.hessian(
        lambda at: dense_loss(bucket, scores, label, at, decay), torch.tensor(weights)
    )
    sums, weight = np.empty((2, len(weights)))
    bucket_sums_at(bucket, scores, label, weights, sums, weight)
    np.testing.assert_allclose(decay * weights - sums, gradient.numpy(), rtol=0, atol=1e-9)
    moved = weights.copy()
    newton(sums, weight, decay, moved)
    expected = weights - np.linalg.solve(hessian.numpy(), gradient.numpy())
    np.testing.assert_allclose(moved, expected, rtol=1e-9, atol=1e-9)


def dense_loss(bucket, scores, label, w, decay):
    logit, y = torch.tensor(scores) + w[torch.tensor(bucket, dtype=torch.int64)], torch.tensor(label).double()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, y, reduction="sum")
    return loss + 0.5 * decay * w.square().sum()


@law
@given(SEEDS)
def test_the_first_step_needs_no_weights_and_losses_are_those_of_torch(seed):
    bucket, scores, label, weights = rows(seed)
    residual, curvature = np.empty((2, len(label)))
    loss = errors(scores, label, residual)
    curvatures(residual, label, curvature)
    first, second = np.empty((2, 2, len(weights)))
    bucket_sums(bucket, residual, curvature, *first)
    bucket_sums_at(bucket, scores, label, np.zeros(len(weights)), *second)
    np.testing.assert_allclose(first, second, rtol=1e-12, atol=1e-12)
    before = float(dense_loss(bucket, scores, label, torch.zeros(len(weights)).double(), 0.0))
    after = float(dense_loss(bucket, scores, label, torch.tensor(weights), 0.0))
    assert loss == pytest.approx(before)
    assert log_loss(scores, label) == pytest.approx(before / len(label))
    assert loss_saved(bucket, scores, label, weights) == pytest.approx(before - after)
    found = np.empty(len(label))
    shifted(np.where(np.arange(60) < 5, -1, bucket).astype(np.int32), scores, weights, found)
    np.testing.assert_array_equal(found, scores + np.where(np.arange(60) < 5, 0.0, weights[bucket]))


def test_losses_are_finite_however_sure_a_model_is():
    scores, label = np.array([800.0, -800.0, 800.0]), np.array([1, 0, 0], np.uint8)
    assert errors(scores, label, np.empty(3)) == pytest.approx(800.0)


@law
@given(SEEDS, st.sampled_from([20, 2**22]), st.integers(0, 40))
def test_combinations_are_numbered_by_the_training_rows_that_have_them(seed, slots, n_fit):
    rng = np.random.default_rng(seed)
    left, right = rng.integers(9, size=40).astype(np.uint16), rng.integers(5, size=40).astype(np.uint32)
    left_of = rng.integers(4, size=9).astype(np.int32)  # several codes may be one bucket
    place, bucket, used = np.full(slots, -1, np.int32), np.empty(40, np.int32), np.empty(max(1, n_fit), np.int64)
    n = number_pairs(left, left_of, right, np.arange(5, dtype=np.int32), (4, 5), n_fit, place, bucket, used)
    combinations = list(zip(left_of[left].tolist(), right.tolist(), strict=True))
    known = list(dict.fromkeys(combinations[:n_fit]))
    assert n == len(known)
    assert bucket.tolist() == [known.index(one) if one in known else -1 for one in combinations]
    assert (place == -1).all()


def test_many_combinations_are_numbered_by_hashing():
    rng = np.random.default_rng(0)
    sizes = (3_000, 3_000)
    assert sizes[0] * sizes[1] > kernel.SLOTS
    left, right = (rng.integers(3_000, size=500).astype(np.uint16) for _ in range(2))
    place, bucket, used = np.full(kernel.SLOTS, -1, np.int32), np.empty(500, np.int32), np.empty(500, np.int64)
    same = np.arange(3_000, dtype=np.int32)
    assert number_pairs(left, same, right, same, sizes, 500, place, bucket, used) == 500
    assert (place == -1).all()


def test_the_expected_gain_is_what_new_rows_gain_on_average():
    rng = np.random.default_rng(1)
    n, k, decay = 4_000, 40, 5.0
    effect, bucket = 0.4 * rng.normal(size=k), np.repeat(np.arange(k, dtype=np.int32), n // k)
    scores, expected, gained = 0.5 * rng.normal(size=n), [], []
    chance = 1 / (1 + np.exp(-(scores + effect[bucket])))
    for _ in range(200):
        label, new = ((rng.random(n) < chance).astype(np.uint8) for _ in range(2))
        residual, curvature = np.empty((2, n))
        errors(scores, label, residual)
        curvatures(residual, label, curvature)
        sums, weight, weights = np.empty(k), np.empty(k), np.zeros(k)
        bucket_sums(bucket, residual, curvature, sums, weight)
        newton(sums, weight, decay, weights)
        expected.append(expected_gain(sums, weight, decay))
        gained.append(loss_saved(bucket, scores, new, weights))
    assert np.mean(expected) == pytest.approx(np.mean(gained), rel=0.05)


@law
@given(SEEDS)
def test_the_auc_is_the_share_of_pairs_in_order(seed):
    rng = np.random.default_rng(seed)
    scores, label = rng.integers(6, size=25) / 2.0, np.append(rng.integers(2, size=23), [0, 1]).astype(np.uint8)
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[label == 1] for b in scores[label == 0]]
    assert auc(scores, label) == pytest.approx(np.mean(pairs))
