import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.losses.loss import ProgramLoss
from core.losses.running import run_programs
from core.programs import interpreter
from core.programs.encoded import CLAMP_RULES, CLOSED_FORMS, OPERATIONS, EncodedProgram
from core.programs.operators import OPERATORS
from core.programs.program import LossProgram
from core.programs.space import CLAMPS, HANDCRAFTED_SPACE, OperatorSpace
from recommenders.tasks.losses import NAMED_LOSSES
from tests.core.oracles import (
    SPECIAL_Y,
    SPECIAL_Y_HAT,
    Y_HAT,
    Y,
    assert_gradients_agree,
    gradient_size,
    prediction_gradient,
)
from tests.strategies import law, losses


def made(text, space=HANDCRAFTED_SPACE, epsilon=None):
    return ProgramLoss(LossProgram.parse(text), space, epsilon)


def gradients_of(encoded, logit, y):
    """What a kernel gets: d loss / d logit in the type of the logits."""
    dtype, n = logit.numpy().dtype, len(logit)
    room = np.empty((2, interpreter.N_INPUTS + len(encoded.lines), n + 3), dtype)
    gradient = np.full(n + 3, 7, dtype)
    constants = encoded.constants.astype(dtype)
    interpreter.gradients(encoded.lines, encoded.rule, constants, logit.numpy(), y.numpy(), *room, gradient, n)
    assert (gradient[n:] == 7).all()
    return torch.from_numpy(gradient[:n])


@law
@given(st.lists(losses(), min_size=1, max_size=4))
def test_programs_have_the_values_of_torch_and_the_gradients_of_autograd(batch):
    for y_hat, y in ((Y_HAT, Y), (SPECIAL_Y_HAT, SPECIAL_Y)):
        values, gradients = map(torch.from_numpy, run_programs(batch, y_hat, y))
        for k, loss in enumerate(batch):
            torch.testing.assert_close(values[k], loss.function(y_hat, y).expand_as(y), rtol=1e-12, atol=1e-12)
            size = gradient_size(loss.program, loss.space, y_hat, y, loss.epsilon)
            assert_gradients_agree(gradients[k], prediction_gradient(loss.function, y_hat, y), size)


@pytest.mark.parametrize("operator", OPERATIONS)
@pytest.mark.parametrize("clamp", CLAMPS)
def test_every_operator_is_that_of_the_table(operator, clamp):
    arity = OPERATORS[operator].arity
    space = OperatorSpace(clamp=clamp)
    numbers = torch.tensor([-2e6, -2.0, -1e-7, -0.0, 0.0, 1e-7, 0.5, 1.0, 3.0, 2e6], dtype=torch.float64)
    x, z = (grid.flatten() for grid in torch.meshgrid(numbers, numbers, indexing="ij"))
    loss = made(f"{operator}({', '.join(('y_hat', 'y')[:arity])})", space)
    values, gradients = map(torch.from_numpy, run_programs([loss], x, z))
    torch.testing.assert_close(values[0], loss.function(x, z), rtol=1e-14, atol=0)
    torch.testing.assert_close(gradients[0], prediction_gradient(loss.function, x, z), rtol=1e-14, atol=0)


@pytest.mark.parametrize("text", ["max(y_hat, y)", "min(y, y_hat)", "log(y_hat)", "1/(y_hat)", "y_hat*y", "-y_hat"])
@pytest.mark.parametrize("clamp", CLAMPS)
def test_what_is_not_a_number_stays_so(text, clamp):
    y_hat = torch.tensor([torch.nan, 0.5], dtype=torch.float64)
    values, _ = run_programs([made(text, OperatorSpace(clamp=clamp))], y_hat, torch.ones(2, dtype=torch.float64))
    assert np.isnan(values[0]).tolist() == [True, False]


@law
@given(losses(clamps=("signed", "paper")), st.sampled_from([torch.float32, torch.float64]))
def test_gradients_of_the_logit_are_those_of_the_loss(loss, dtype):
    logit = torch.tensor([-3.0, -0.4, 0.0, 0.1, 1.7, 4.0, -1.0, 2.0], dtype=dtype)
    y = Y.to(dtype)
    y_hat = torch.sigmoid(logit)
    size = gradient_size(loss.program, loss.space, y_hat, y, loss.epsilon) * y_hat * (1 - y_hat)
    found = gradients_of(loss.encoded, logit, y)
    assert found.dtype == dtype
    assert_gradients_agree(found, loss.gradient(logit, y), size, 1e-10 if dtype == torch.float64 else 1e-4)


@pytest.mark.parametrize("name", CLOSED_FORMS)
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float32, 1e-5), (torch.float64, 1e-13)])
def test_closed_forms_are_those_of_the_named_losses(name, dtype, rtol):
    form = NAMED_LOSSES[name].closed_form
    logit, y = (
        grid.flatten() for grid in torch.meshgrid(torch.linspace(-60, 60, 241), torch.arange(2.0), indexing="ij")
    )
    logit, y = logit.to(dtype), y.to(dtype)
    found = gradients_of(EncodedProgram.closed_form(name), logit, y)
    torch.testing.assert_close(found, form.gradient(logit, y), rtol=rtol, atol=1e-30)


def test_every_named_loss_and_every_clamp_rule_is_known_to_compiled_code():
    assert {row.name for row in NAMED_LOSSES.values() if row.closed_form} == set(CLOSED_FORMS)
    assert set(CLAMP_RULES) == set(CLAMPS)


@pytest.mark.parametrize("number", [-1, len(OPERATIONS), len(OPERATIONS) + len(CLOSED_FORMS), 99])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rule", range(len(CLAMP_RULES)))
def test_a_number_that_no_operator_has_is_nothing(number, dtype, rule):
    """Whatever is made of it, and never another operator; the first line alone may be a closed form."""
    lines = np.array([[0, 0, 1], [number, 0, 1], [1, 4, 5]], dtype=np.int32)
    assert (
        gradients_of(EncodedProgram(lines, rule, np.array([1e-6, 1e-6, 1e6, 1.0])), Y_HAT.to(dtype), Y.to(dtype))
        .isnan()
        .all()
    )


def test_a_number_that_no_closed_form_has_is_nothing():
    encoded = EncodedProgram.closed_form("BCE")
    unknown = encoded._replace(lines=encoded.lines + len(CLOSED_FORMS))
    assert gradients_of(unknown, Y_HAT, Y).isnan().all()
    assert gradients_of(encoded, Y_HAT, Y).isfinite().all()
