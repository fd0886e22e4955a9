import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.losses.batched import BatchedPrograms
from core.losses.loss import ProgramLoss
from core.programs.program import LossProgram
from core.programs.space import HANDCRAFTED_SPACE, OperatorSpace
from tests.core import oracles
from tests.core.oracles import assert_gradients_agree, gradient_size, prediction_gradient
from tests.strategies import law, losses

CPU = torch.device("cpu")
#: As many examples as two vector registers hold: what torch computes in a remainder may differ in its last bit.
SIZE = 32
Y_HAT, Y, SPECIAL_Y_HAT, SPECIAL_Y = (
    examples.repeat(SIZE // 8) for examples in (oracles.Y_HAT, oracles.Y, oracles.SPECIAL_Y_HAT, oracles.SPECIAL_Y)
)
SIGNED, PAPER = OperatorSpace(), OperatorSpace(clamp="paper")


def made(text, space=HANDCRAFTED_SPACE, epsilon=None):
    return ProgramLoss(LossProgram.parse(text), space, epsilon)


def together(batch, y_hat, y):
    shared = y_hat.ndim == 1
    return BatchedPrograms(batch, shared=shared, device=CPU, dtype=y_hat.dtype)(y_hat, y)


def assert_each_is_as_alone(batch, y_hat, y, rtol=1e-10):
    """Values and gradients against the compiled program and autograd, one program at a time."""
    values, gradients = together(batch, y_hat, y)
    assert values.shape == gradients.shape == (len(batch), y.shape[0])
    for k, loss in enumerate(batch):
        at = y_hat if y_hat.ndim == 1 else y_hat[k]
        assert torch.equal(values[k], loss.function(at, y).expand_as(y))
        size = gradient_size(loss.program, loss.space, at, y, loss.epsilon)
        assert_gradients_agree(gradients[k], prediction_gradient(loss.function, at, y), size, rtol)


def batches(**kinds):
    return st.lists(losses(**kinds), min_size=1, max_size=4)


@law
@given(batches())
def test_programs_that_share_the_prediction_are_each_as_alone(batch):
    assert_each_is_as_alone(batch, Y_HAT, Y)
    assert_each_is_as_alone(batch, SPECIAL_Y_HAT, SPECIAL_Y)


@law
@given(batches(), st.integers(0, 1000))
def test_programs_with_predictions_of_their_own_are_each_as_alone(batch, seed):
    rng = torch.Generator().manual_seed(seed)
    y_hat = torch.rand(len(batch), SIZE, generator=rng, dtype=torch.float64)
    y_hat[-1] = SPECIAL_Y_HAT
    assert_each_is_as_alone(batch, y_hat, Y)


@law
@given(batches(clamps=("signed", "paper")))
def test_single_precision_agrees_with_autograd_in_single_precision(batch):
    assert_each_is_as_alone(batch, Y_HAT.float(), Y.float(), rtol=1e-4)
    assert_each_is_as_alone(batch, Y_HAT.float().expand(len(batch), SIZE), Y.float(), rtol=1e-4)


@law
@given(batches(), st.randoms())
def test_the_order_of_the_programs_does_not_matter(batch, random):
    order = random.sample(range(len(batch)), len(batch))
    values, gradients = together(batch, Y_HAT, Y)
    moved_values, moved_gradients = together([batch[k] for k in order], Y_HAT, Y)
    assert torch.equal(moved_values, values[order])
    assert torch.equal(moved_gradients, gradients[order])


@law
@given(losses(), st.integers(2, 4))
def test_a_program_given_several_times_is_the_same_each_time(loss, times):
    values, gradients = together([loss] * times, Y_HAT, Y)
    assert torch.equal(values, values[:1].expand_as(values))
    assert torch.equal(gradients, gradients[:1].expand_as(gradients))


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(
    ("text", "value", "tangent"),
    [("y_hat", Y_HAT, 1.0), ("y", Y, 0.0), ("1", torch.ones(SIZE), 0.0), ("eps", torch.full((SIZE,), 0.5), 0.0)],
)
def test_a_program_may_be_a_lone_input(text, value, tangent, own):
    batch = [made("(y_hat - y)^2"), made(text, epsilon=0.5)]
    values, gradients = together(batch, Y_HAT.expand(2, SIZE) if own else Y_HAT, Y)
    assert torch.equal(values[1], value.double())
    assert gradients[1].tolist() == [tangent] * SIZE


@pytest.mark.parametrize("own", [False, True])
def test_spaces_and_smoothing_terms_may_be_mixed(own):
    texts = ["log(y_hat)", "1/(y_hat - y)", "log(eps + y_hat*y) + eps", "max(y_hat, y) - y_hat"]
    spaces = [HANDCRAFTED_SPACE, SIGNED, PAPER, OperatorSpace(xi=0.01), OperatorSpace(xi=0.01, clamp="paper")]
    batch = [made(text, space, epsilon) for text in texts for space in spaces for epsilon in (None, 0.1, 1.0)]
    assert_each_is_as_alone(batch, Y_HAT.expand(len(batch), SIZE) if own else Y_HAT, Y)


def test_equal_parts_under_different_settings_are_kept_apart():
    batch = [made("log(y)", epsilon=e) for e in (0.1, 0.2)] + [made("y*y", s) for s in (HANDCRAFTED_SPACE, SIGNED)]
    values, _ = together(batch, Y_HAT, Y)
    assert values[:, 0].tolist() == pytest.approx([math.log(0.1), math.log(0.2), 0.0, 1e-6])


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("text", ["(1/(y_hat - y_hat))^2", "1/(y - y) - (1/(y - y))^2", "(1/(y_hat - y_hat))^2*y"])
def test_infinities_and_nans_do_not_spread_from_one_program_to_another(text, own):
    sound = [made("(y_hat - y)^2"), made("log(y_hat)"), made("1/(y_hat + y)", SIGNED)]
    broken = made(text, epsilon=1e-200)
    batch = [sound[0], broken, *sound[1:]]
    values, gradients = together(batch, Y_HAT.expand(4, SIZE) if own else Y_HAT, Y)
    alone_values, alone_gradients = together(sound, Y_HAT.expand(3, SIZE) if own else Y_HAT, Y)
    assert not bool(values[1].isfinite().all())
    assert torch.equal(values[[0, 2, 3]], alone_values)
    assert torch.equal(gradients[[0, 2, 3]], alone_gradients)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_candidate_that_broke_down_does_not_spread(broken):
    batch = [made("(y_hat - y)^2", space) for space in (SIGNED, HANDCRAFTED_SPACE, SIGNED)]
    y_hat = Y_HAT.repeat(3, 1)
    values, gradients = together(batch, y_hat, Y)
    y_hat[1] = broken
    broken_values, broken_gradients = together(batch, y_hat, Y)
    assert torch.equal(broken_values[[0, 2]], values[[0, 2]])
    assert torch.equal(broken_gradients[[0, 2]], gradients[[0, 2]])
    assert not bool(broken_values[1].isfinite().any())


def test_one_broken_example_leaves_the_others():
    y_hat = Y_HAT.clone()
    y_hat[2] = math.nan
    values, gradients = together([made("(y_hat - y)^2"), made("log(y_hat)", SIGNED)], y_hat, Y)
    assert values.isnan().sum(dim=0).nonzero().tolist() == [[2]]
    assert values[:, 2].isnan().all()
    assert gradients.isnan().sum(dim=0).tolist()[:2] == [0, 0]


def test_the_squared_error_by_hand():
    values, gradients = together([made("(y_hat - y)^2")], Y_HAT, Y)
    torch.testing.assert_close(values[0], (Y_HAT - Y) ** 2)
    torch.testing.assert_close(gradients[0], 2 * (Y_HAT - Y))


@law
@given(batches())
def test_a_batch_may_be_run_again_on_other_examples(batch):
    programs = BatchedPrograms(batch, shared=True, device=CPU, dtype=torch.float64)
    first = programs(Y_HAT, Y)
    programs(Y_HAT[:3] + 1, Y[:3])
    assert all(torch.equal(a, b) for a, b in zip(programs(Y_HAT, Y), first, strict=True))
