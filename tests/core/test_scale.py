"""Factors that make losses comparable in scale."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.losses.closed_forms import BCE, FOCAL, HINGE, MSE
from core.losses.loss import ProgramLoss
from core.problems.proxy import ProxyBatch, ProxyTest
from core.problems.scale import GradientNormaliser, gradient_norms
from core.programs.line import Line
from core.programs.program import LossProgram
from core.programs.space import HANDCRAFTED_SPACE, OperatorSpace
from tests.strategies import law, losses, programs_of

CLOSED = st.sampled_from((MSE, BCE, HINGE, FOCAL))


@st.composite
def proxy_batches(draw):
    size, seed = draw(st.integers(1, 8)), draw(st.integers(0, 10**6))
    rng = np.random.default_rng(seed)
    jacobian = torch.from_numpy(rng.normal(size=(size, 12)))
    y_hat, y = torch.from_numpy(rng.uniform(0.01, 0.99, size)), torch.from_numpy(rng.integers(0, 2, size)).double()
    return ProxyBatch(y_hat, y, jacobian @ jacobian.T)


def norm_of(loss, proxy_batch):
    return gradient_norms([loss], proxy_batch)[0]


@law
@given(st.lists(losses() | CLOSED, min_size=1, max_size=5), proxy_batches())
def test_factors_bring_all_norms_to_that_of_the_reference(some, proxy_batch):
    normaliser = GradientNormaliser(BCE, proxy_batch)
    for loss, factor, scaled in zip(some, normaliser.factors(some), normaliser.scaled(some), strict=True):
        assert scaled == loss.scaled(factor)
        norm = norm_of(loss, proxy_batch)
        if norm > 0:
            assert norm_of(scaled, proxy_batch) == pytest.approx(norm_of(BCE, proxy_batch), rel=1e-9)
        else:
            assert factor == 1
    assert normaliser.factors([BCE]) == [1.0]


@law
@given(st.lists(losses() | CLOSED, min_size=1, max_size=5), proxy_batches())
def test_no_bit_of_a_factor_depends_on_the_other_losses(some, proxy_batch):
    normaliser = GradientNormaliser(BCE, proxy_batch)
    assert normaliser.factors(some) == [normaliser.factors([loss])[0] for loss in some]


@law
@given(st.lists(losses(), min_size=1, max_size=5), proxy_batches())
def test_norms_are_those_of_the_proxy_test(some, proxy_batch):
    proxy = ProxyTest()
    proxy.renew(proxy_batch)
    with np.errstate(all="ignore"):
        expected = np.linalg.norm(proxy.gradients(some), axis=1)
    found, finite = gradient_norms(some, proxy_batch), np.isfinite(expected)
    assert np.allclose(found[finite], expected[finite], rtol=1e-6, atol=1e-6 * expected[finite].max(initial=0))


@law
@given(losses() | CLOSED, proxy_batches(), st.integers(-9, 9))
def test_what_is_trained_does_not_depend_on_a_constant_factor(loss, proxy_batch, power):
    normaliser = GradientNormaliser(BCE, proxy_batch)
    (one,), (other,) = normaliser.scaled([loss]), normaliser.scaled([loss.scaled(2.0**power)])
    if norm_of(loss, proxy_batch) > 0:
        assert one == other


@law
@given(programs_of(OperatorSpace(clamp="none", xi=1e-3)), proxy_batches())
def test_a_program_and_twice_that_program_train_alike(program, proxy_batch):
    last = len(program.inputs) + len(program.lines) - 1
    twice = LossProgram((*program.lines, Line("add", (last, last))), program.inputs)
    space = OperatorSpace(clamp="none", xi=1e-3)
    (one,), (other,) = (GradientNormaliser(BCE, proxy_batch).scaled([ProgramLoss(p, space)]) for p in (program, twice))
    if norm_of(ProgramLoss(program, space), proxy_batch) > 0:
        assert other.scale == one.scale / 2
        logit = proxy_batch.y_hat.logit()
        assert torch.equal(
            one.gradient(logit, proxy_batch.y).nan_to_num(7.0), other.gradient(logit, proxy_batch.y).nan_to_num(7.0)
        )


def made(text, space=HANDCRAFTED_SPACE):
    return ProgramLoss(LossProgram.parse(text), space)


PROXY_BATCH = ProxyBatch(torch.tensor([0.25, 0.5]).double(), torch.tensor([0.0, 1.0]).double(), torch.eye(2).double())


@pytest.mark.parametrize("text", ["y", "1", "log(y)", "1/(y_hat - y_hat)^2", "(1/(y_hat*(1 + -1)))^2"])
def test_where_there_is_no_factor_it_is_one(text):
    loss = made(text, OperatorSpace(clamp="none", xi=1e-300))
    assert GradientNormaliser(BCE, PROXY_BATCH).factors([loss]) == [1.0]


def test_where_the_reference_learns_nothing_losses_stay_as_they_are():
    done = ProxyBatch(torch.tensor([0.0, 1.0]).double(), torch.tensor([0.0, 1.0]).double(), torch.zeros(2, 2).double())
    assert GradientNormaliser(BCE, done).factors([made("y_hat"), MSE, BCE]) == [1.0, 1.0, 1.0]


def test_predictions_of_zero_and_one_have_no_part_in_it():
    y_hat, y = torch.tensor([0.25, 1.0, 0.0]).double(), torch.tensor([0.0, 0.0, 1.0]).double()
    gram = torch.diag(torch.tensor([1.0, 0.0, 0.0])).double()
    for loss in (BCE, HINGE, made("1/(y_hat)"), made("log(y_hat)")):
        lone = ProxyBatch(y_hat[:1], y[:1], gram[:1, :1])
        assert norm_of(loss, ProxyBatch(y_hat, y, gram)) == pytest.approx(norm_of(loss, lone) / 3, rel=1e-12)


def test_small_gradients_get_large_factors_without_a_bound():
    loss = made("y_hat", OperatorSpace(clamp="none")).scaled(1e-30)
    (factor,) = GradientNormaliser(BCE, PROXY_BATCH).factors([loss])
    assert 1e29 < factor < 1e31
