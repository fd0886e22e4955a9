import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.programs.compile import compile_loss
from core.programs.operators import OPERATORS
from core.programs.program import LossProgram
from core.programs.space import HANDCRAFTED_SPACE, OperatorSpace
from tests.core.oracles import (
    SPECIAL_Y,
    SPECIAL_Y_HAT,
    Y_HAT,
    Y,
    assert_gradients_agree,
    gradient_size,
    prediction_gradient,
    run_raw,
)
from tests.strategies import CLAMP_RULES, law, losses, programs, space_of

SIGNED = OperatorSpace()
CONSTANTS = ("1", "y", "1 + 1", "y*y", "1/(y + 1)", "-log(y)")


def compiled(text, space=HANDCRAFTED_SPACE, epsilon=None):
    return compile_loss(LossProgram.parse(text), space, epsilon)


@law
@given(losses())
def test_a_compiled_program_is_the_raw_program_line_by_line(loss):
    program, space, epsilon = loss.program, loss.space, loss.epsilon
    function = compile_loss(program, space, epsilon)
    for y_hat, y in ((Y_HAT, Y), (SPECIAL_Y_HAT, SPECIAL_Y)):
        assert torch.equal(function(y_hat, y), run_raw(program, space, y_hat, y, epsilon))
        expected = prediction_gradient(lambda a, b: run_raw(program, space, a, b, epsilon), y_hat, y)
        size = gradient_size(program, space, y_hat, y, epsilon)
        assert_gradients_agree(prediction_gradient(function, y_hat, y), expected, size, rtol=1e-12)


@law
@given(losses())
def test_a_compiled_program_is_the_printed_formula(loss):
    again = LossProgram.parse(str(loss.program))
    expected = compile_loss(loss.program, loss.space, loss.epsilon)(Y_HAT, Y)
    assert torch.equal(compile_loss(again, loss.space, loss.epsilon)(Y_HAT, Y), expected)


@law
@given(losses())
def test_a_batch_of_candidates_is_computed_row_by_row(loss):
    function = compile_loss(loss.program, loss.space, loss.epsilon)
    y_hat, y = torch.stack([Y_HAT, SPECIAL_Y_HAT]).repeat(1, 4), torch.stack([Y, SPECIAL_Y]).repeat(1, 4)  # see lanes
    rows = torch.stack([function(*row) for row in zip(y_hat, y, strict=True)])
    assert torch.equal(function(y_hat, y), rows)
    deep = function(y_hat.expand(3, 2, 32), y.expand(3, 2, 32))
    assert torch.equal(deep, rows.expand(3, 2, 32))


@law
@given(losses())
def test_one_row_of_labels_serves_all_candidates(loss):
    function = compile_loss(loss.program, loss.space, loss.epsilon)
    y_hat, y = torch.stack([Y_HAT, Y_HAT.flip(0), SPECIAL_Y_HAT]).repeat(1, 4), Y.repeat(4)  # see core.common.padding
    expected = torch.stack([function(row, y) for row in y_hat])
    assert torch.equal(function(y_hat, y).expand(3, 32), expected)


@pytest.mark.parametrize("space", [SIGNED, HANDCRAFTED_SPACE])
@pytest.mark.parametrize("text", CONSTANTS)
@pytest.mark.parametrize("shape", [(8,), (3, 8)])
def test_a_program_without_the_prediction_has_a_value_an_example_and_no_gradient(text, shape, space):
    y_hat = Y_HAT.expand(shape).clone().requires_grad_()
    value = compiled(text, space)(y_hat, Y.expand(shape))
    assert value.shape == shape
    assert not value.requires_grad


def test_constants_have_their_values():
    assert compiled("1 + 1")(Y_HAT, Y).tolist() == [2.0] * 8
    assert torch.equal(compiled("y")(Y_HAT, Y), Y)
    assert torch.equal(compiled("y_hat")(Y_HAT, Y), Y_HAT)


def test_a_lone_input_is_not_clamped():
    y_hat = torch.tensor([0.0, -3.0], dtype=torch.float64)
    assert torch.equal(compiled("y_hat", OperatorSpace(clamp="paper"))(y_hat, y_hat), y_hat)


@law
@given(programs(clamps=("signed", "paper"), max_lines=7).filter(lambda p: p.canonical.lines[0].operator != "identity"))
def test_results_are_within_the_clamp(program):
    for clamp in ("signed", "paper"):
        value = compile_loss(program, space_of(program.inputs, 7, clamp, 1e-3))(SPECIAL_Y_HAT, SPECIAL_Y)
        size = value if clamp == "paper" else value.abs()
        assert bool(((size >= 1e-3) & (size <= 1e3)).all())


@pytest.mark.parametrize("epsilon", [1.0, 0.1, 1e-6])
def test_epsilon_is_the_smoothing_term_of_log_and_reciprocal_and_the_input(epsilon):
    assert torch.equal(compiled("log(y_hat)", epsilon=epsilon)(Y_HAT, Y), torch.log(Y_HAT + epsilon))
    assert torch.equal(compiled("1/y_hat", epsilon=epsilon)(Y_HAT, Y), 1 / (Y_HAT + epsilon))
    assert torch.equal(compiled("y_hat + eps", epsilon=epsilon)(Y_HAT, Y), Y_HAT + epsilon)


def test_epsilon_is_the_xi_of_the_space_unless_given():
    space = OperatorSpace(xi=0.25, clamp="none")
    assert torch.equal(compiled("log(y_hat)", space)(Y_HAT, Y), torch.log(Y_HAT + 0.25))


def test_epsilon_does_not_move_the_clamp():
    zero = torch.zeros(1, dtype=torch.float64)
    assert compiled("1/y_hat", OperatorSpace(xi=1e-3), epsilon=1e-9)(zero, zero).tolist() == [1e3]
    assert compiled("y_hat*y", OperatorSpace(xi=1e-3), epsilon=1e-9)(zero, zero).tolist() == [1e-3]


@pytest.mark.parametrize("label", [torch.int64, torch.bool, torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_labels_of_any_type_are_taken_and_the_predictions_type_decides(label, precision):
    y_hat = Y_HAT.to(precision)
    for text in ("y", "1", "(y_hat - y)^2", "max(y_hat, y)"):
        found = compiled(text)(y_hat, Y.to(label))
        assert found.dtype == precision
        assert torch.equal(found, compiled(text)(y_hat, Y.to(precision)))


@pytest.mark.parametrize("clamp", CLAMP_RULES)
def test_nan_goes_through_and_stays_with_its_example(clamp):
    y_hat = torch.tensor([0.5, math.nan, 0.25], dtype=torch.float64)
    y = torch.ones_like(y_hat)
    for text in ("(y_hat - y)^2", "max(y_hat, y)", "log(1 + y_hat)", "1/y_hat"):
        assert compiled(text, OperatorSpace(clamp=clamp))(y_hat, y).isnan().tolist() == [False, True, False]


def test_an_infinity_goes_through_without_a_clamp():
    y_hat = torch.tensor([math.inf, -math.inf, 1e200], dtype=torch.float64)
    assert compiled("y_hat^2")(y_hat, y_hat).tolist() == [math.inf] * 3
    assert compiled("y_hat^2", SIGNED)(y_hat, y_hat).tolist() == [1e6] * 3


@law
@given(programs(), st.randoms())
def test_a_compiled_function_keeps_nothing_between_calls(program, random):
    function = compile_loss(program, SIGNED)
    first = function(Y_HAT, Y)
    function(torch.full((2,), random.random()), torch.ones(2))
    assert torch.equal(function(Y_HAT, Y), first)


def test_dead_lines_cost_nothing(monkeypatch):
    dead = LossProgram.from_dict({"inputs": ["y_hat", "y"], "lines": [["log", "y_hat"], ["neg", "y_hat"]]})

    monkeypatch.setattr("core.programs.compile.OPERATORS", {"neg": OPERATORS["neg"]})
    assert torch.equal(compile_loss(dead, HANDCRAFTED_SPACE)(Y_HAT, Y), -Y_HAT)
