"""Losses as expressions: compiled code evaluates them as torch does."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.common.jit import compiled
from core.losses.setwise.set_loss import SetScores
from core.programs.sets import functions
from core.programs.sets.by_torch import evaluate_by_torch
from core.programs.sets.encoded import encode
from core.programs.sets.expression import COUNT, QUANTILE, RATE, D, Expression, Level, N, P
from core.programs.sets.interpreter import evaluate
from tests.core.setwise import strategies as made
from tests.strategies import examples, law

few = examples(20, 200)


def run(expression, scores):
    """Value and gradients of an expression, as tensors."""
    arrays = [one.numpy() for one in (scores.positive, scores.negatives, scores.quantile)]
    return [torch.from_numpy(one) for one in evaluate(encode(expression), *arrays, scores.sampling_rate)]


@pytest.mark.parametrize("name", made.LOSSES)
@pytest.mark.parametrize("values", [made.dropped, made.large])
@few
@given(st.data())
def test_every_loss_is_its_expression(values, name, data):
    loss, scores = data.draw(made.LOSSES[name]), data.draw(made.score_sets(values))
    for found, expected in zip(run(loss.expression, scores), loss.evaluate(scores), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", made.LOSSES)
@few
@given(made.score_sets(made.large), st.data())
def test_float32_is_finite_for_large_scores(name, scores, data):
    single = SetScores(scores.positive.float(), scores.negatives.float(), scores.quantile.float(), scores.sampling_rate)
    for one in run(data.draw(made.LOSSES[name]).expression, single):
        assert one.dtype == torch.float32
        assert one.isfinite().all()


@few
@given(st.data())
def test_negatives_up_to_the_threshold_need_not_be_known(data):
    loss = data.draw(st.sampled_from(["MML", "CCL", "contrastive"]).flatmap(lambda name: made.LOSSES[name]))
    scores = data.draw(made.score_sets(made.dropped))
    below = torch.where(scores.negatives <= loss.threshold, -torch.inf, scores.negatives)
    screened = SetScores(scores.positive, below, scores.quantile, scores.sampling_rate)
    for one, other in zip(run(loss.expression, screened), run(loss.expression, scores), strict=True):
        assert torch.equal(one, other)


#: Operations of one operand that take any number, those that keep numbers small first.
_ANYWHERE = ("tanh", "sigmoid", "atan", "softplus", "relu", "square")


@st.composite
def elementwise(draw, depth=3):
    """An expression of every negative, of numbers that stay small."""
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from([N, D]))
    x = draw(elementwise(depth - 1))
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return x * draw(elementwise(depth - 1))
    if kind == 1:
        return x + draw(elementwise(depth - 1))
    if kind == 2:
        return x * draw(st.sampled_from([P, QUANTILE, Expression("", number=0.5)]))
    if kind == 3:
        return x / (P.square() + 1)
    if kind == 4:
        return (x.tanh() * 0.5 + 1).log() - x.tanh().exp()
    return Expression(draw(st.sampled_from(_ANYWHERE)), (x,))


@st.composite
def losses(draw):
    """An expression with a value for every example."""
    reductions = ("mean", "sum", "max", "log_mean_exp", "log_sum_exp")
    first, second = (Expression(draw(st.sampled_from(reductions)), (draw(elementwise()),)) for _ in range(2))
    outer = Expression(draw(st.sampled_from(_ANYWHERE)), (first + P * draw(st.sampled_from([RATE, COUNT, P])),))
    return outer * second + (first / (second.square() + 1)).tanh().exp() - draw(st.sampled_from([P, second, first]))


@law
@given(losses(), st.integers(0, 2**32 - 1), st.integers(1, 40), st.sampled_from([1, 3, 16, 17, 300]))
def test_an_expression_is_what_autograd_says(expression, seed, batch, n):
    rng = np.random.default_rng(seed)
    p, n_scores, quantile = rng.uniform(-1, 1, batch), rng.uniform(-1, 1, (batch, n)), rng.uniform(-1, 1, batch)
    leaves = {"p": torch.tensor(p[:, None], requires_grad=True), "n": torch.tensor(n_scores, requires_grad=True)}
    constants = {"count": n, "rate": 0.01}
    leaves |= {name: torch.tensor(float(value), dtype=torch.float64) for name, value in constants.items()}
    leaves["quantile"] = torch.tensor(quantile[:, None])
    value = evaluate_by_torch(expression, leaves)
    value.sum().backward()
    found = evaluate(encode(expression), p, n_scores, quantile, 0.01)
    expected = value[:, 0].detach(), leaves["p"].grad[:, 0], leaves["n"].grad
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other.numpy(), rtol=1e-8, atol=1e-9 * (1 + float(other.abs().max())))


def test_what_occurs_twice_is_computed_once():
    shared = (D * 3).softplus().mean()
    assert len(encode(shared * shared + shared).lines) == len(encode(shared).lines) + 2


def test_numbers_around_a_function_are_part_of_its_line():
    """Hinges of a loss with margins are one pass over the negatives each."""
    plain, around = N.relu().mean(), ((N * 2 - 0.9).relu() * 3).mean()
    assert len(encode(around).lines) == len(encode(plain).lines)
    twice = (N - 0.5).relu()
    assert len(encode((twice * 3 + twice).mean()).lines) == 4  # the function, its multiple, their sum, the mean


def test_a_loss_may_be_a_mere_input_or_number():
    scores = SetScores(torch.tensor([0.5]), torch.tensor([[0.25, 1.0]]), torch.tensor([0.0]), 0.5)
    value, positive, negatives = run(P, scores)
    assert (float(value), float(positive), negatives.tolist()) == (0.5, 1.0, [[0.0, 0.0]])
    assert float(run(Expression("", number=2.0), scores)[0]) == 2.0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Expression("nothing"), "expected one of p, n, count"),
        (lambda: Expression("add", (P,)), "add: expected 2 operands, got 1"),
        (P.mean, "mean: expected something of every negative, such as d .* got a number for each positive"),
        (lambda: N.mean().mean(), "mean: expected something of every negative"),
        (lambda: N + N.mean(), "got one that is reduced and one that is not"),
        (lambda: P / N, "div: expected a divisor that is no number of every negative"),
        (lambda: P + math.nan, "expected finite numbers"),
        (lambda: encode(N * 2), "a value for every example"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_line(build, message):
    with pytest.raises(UserError, match=message):
        build()


def test_levels_and_text():
    assert [one.level for one in (P, D, N.mean(), P * 2, N.mean() + P)] == [
        *(Level.EXAMPLE, Level.NEGATIVE, Level.REDUCED, Level.EXAMPLE, Level.REDUCED)
    ]
    assert str((1 - P).relu() + 2 * N.mean()) == "add(relu(add(mul(p, -1), 1)), mul(mean(n), 2))"


@compiled(uses=(functions,))
def _tabulated(x, exponentials, logarithms):
    for i in range(len(x)):
        exponentials[i] = functions.exp(x[i])
        logarithms[i] = functions.log1p_of_part(functions.exp(-abs(x[i])))


@pytest.mark.parametrize(
    ("dtype", "accuracy", "low", "high"), [(np.float64, 1e-15, -708, 709), (np.float32, 4e-7, -87, 88)]
)
def test_exponentials_and_logarithms_are_those_of_numpy(dtype, accuracy, low, high):
    x = np.linspace(low, high, 100_001).astype(dtype)
    x = np.concatenate([x, np.linspace(-1, 1, 10_001).astype(dtype)])
    found = np.empty_like(x), np.empty_like(x)
    _tabulated(x, *found)
    exact = x.astype(np.longdouble)
    np.testing.assert_allclose(found[0].astype(np.longdouble), np.exp(exact), rtol=accuracy)
    np.testing.assert_allclose(found[1], np.log1p(np.exp(-np.abs(exact))), rtol=accuracy, atol=1e-37)
    ends = np.array([-np.inf, np.inf, np.nan, low - 50, high + 50], dtype=dtype)
    found = np.empty_like(ends), np.empty_like(ends)
    _tabulated(ends, *found)
    assert found[0][0] == found[0][3] < 1e-37
    assert np.isfinite(found[0][1])
    assert np.isnan(found[0][2])
