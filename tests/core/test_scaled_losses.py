"""A loss times a number: in torch, as machine code, many at once, and in every export."""

import dataclasses
import json

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.simplify import simplified
from core.common.errors import UserError
from core.export.exported import FORMS, Exported
from core.export.latex import latex
from core.export.mathml import mathml
from core.export.symbolic import expression, sympy_source
from core.export.torch_source import torch_source
from core.losses.batched import BatchedPrograms
from core.losses.closed_forms import BCE, FOCAL, HINGE, MSE
from core.losses.loss import ProgramLoss
from core.losses.module import LossModule
from core.losses.running import run_programs
from core.losses.stack import StackedLosses
from core.problems.validation import ValidationCheck
from core.programs.compile import prediction_gradient
from core.programs.program import LossProgram
from core.programs.space import HANDCRAFTED_SPACE, OperatorSpace
from recommenders.tasks.losses import NAMED_LOSSES, make_loss
from tests.core.export import written
from tests.core.export.test_symbolic import numbers
from tests.core.export.written import Foreign, imported
from tests.core.oracles import Y_HAT, Y
from tests.core.test_interpreter import gradients_of
from tests.strategies import costly_law, law, losses

CPU = torch.device("cpu")
LOGIT = torch.logit(Y_HAT)
CLOSED = (MSE, BCE, HINGE, FOCAL)
FACTORS = st.floats(1e-6, 1e6)
RESIDUE = 1e-14  # what is left of numbers near 1 that cancel


def close(found, expected, factor=None):
    """Equal but for rounding, in units of the factor: where terms cancel, what is left is rounding alone."""
    found, expected = (torch.as_tensor(one) / (1.0 if factor is None else factor) for one in (found, expected))
    atol = 0.0 if factor is None else RESIDUE
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=atol, equal_nan=True)


@law
@given(losses() | st.sampled_from(CLOSED), FACTORS)
def test_value_and_gradient_are_so_many_times_as_large_by_every_way_of_computing_them(loss, factor):
    scaled = loss.scaled(factor)
    assert scaled.scale == factor
    close(scaled.value(LOGIT, Y), factor * loss.value(LOGIT, Y), factor)
    close(scaled.gradient(LOGIT, Y), factor * loss.gradient(LOGIT, Y), factor)
    close(gradients_of(scaled.encoded, LOGIT, Y), factor * gradients_of(loss.encoded, LOGIT, Y), factor)
    both = StackedLosses([loss, scaled], device=CPU, dtype=LOGIT.dtype).gradient(torch.stack([LOGIT, LOGIT]), Y)
    close(both[1], factor * both[0], factor)


@law
@given(st.lists(st.tuples(losses(), FACTORS), min_size=1, max_size=4))
def test_programs_together_have_each_its_own_scale(batch):
    plain, scaled = [loss for loss, _ in batch], [loss.scaled(factor) for loss, factor in batch]
    factors = torch.tensor([[factor] for _, factor in batch], dtype=torch.float64)

    def batched(some):
        return BatchedPrograms(some, shared=True, device=CPU, dtype=torch.float64)(Y_HAT, Y)

    for compute in (batched, lambda some: run_programs(some, Y_HAT, Y)):
        for found, expected in zip(compute(scaled), compute(plain), strict=True):
            close(found, factors * torch.as_tensor(expected), factors)


@law
@given(losses() | st.sampled_from(CLOSED), st.integers(-9, 9))
def test_powers_of_two_and_one_lose_no_bit(loss, power):
    scaled = loss.scaled(2.0**power)
    assert loss.scaled(1.0) is loss
    for dtype in (torch.float32, torch.float64):
        logit, y = LOGIT.to(dtype), Y.to(dtype)
        for way in (
            lambda one, z=logit, t=y: one.gradient(z, t),
            lambda one, z=logit, t=y: gradients_of(one.encoded, z, t),
        ):
            found, expected = way(scaled), 2.0**power * way(loss)
            tiny = expected.abs() < 1e-30  # where float32 runs out of bits
            assert torch.equal(found[~tiny].nan_to_num(7.0), expected[~tiny].nan_to_num(7.0))


@law
@given(losses(), FACTORS, FACTORS)
def test_scales_multiply_and_decide_over_neither_the_simplified_form_nor_the_direction(loss, one, other):
    both = loss.scaled(one).scaled(other)
    assert both.scale == one * other
    assert both != loss or both.scale == 1
    assert simplified(both) == simplified(loss)
    direction = ValidationCheck(n_pairs=50).direction
    assert direction(both.function) == direction(loss.function)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("loss", [BCE, make_loss("MaxR", HANDCRAFTED_SPACE)])
def test_a_scale_is_a_finite_number_above_zero(loss, factor):
    with pytest.raises(UserError, match="scale of a loss: expected a finite number above 0"):
        loss.scaled(factor)


def test_losses_of_other_kinds_have_none():
    foreign = Foreign()
    assert foreign.scaled(1.0) is foreign
    with pytest.raises(UserError, match="Foreign: has no scale, so it cannot be multiplied by 2"):
        foreign.scaled(2.0)


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("name", ["BCE", "MaxR"])
def test_the_module_has_the_scale(name, from_logits):
    loss = make_loss(name, HANDCRAFTED_SPACE)
    plain, scaled = (LossModule(one, from_logits=from_logits) for one in (loss, loss.scaled(2.5)))
    close(scaled(Y_HAT, Y), 2.5 * plain(Y_HAT, Y))
    assert "scale=2.5" in repr(scaled)
    assert "scale=2.5" not in repr(plain)


@costly_law
@given(losses(clamps=("signed", "paper")) | st.sampled_from(CLOSED), FACTORS)
def test_torch_exports_have_value_and_gradient_of_the_scaled_loss(tmp_path_factory, loss, factor):
    scaled = loss.scaled(factor)
    exported = imported(torch_source(scaled, ["A loss."]), tmp_path_factory.mktemp("torch")).Loss("none", True)
    logit = written.Y_HAT.logit()
    close(exported(logit, written.Y), scaled.value(logit, written.Y))
    close(prediction_gradient(exported, logit, written.Y), prediction_gradient(scaled.value, logit, written.Y))


@costly_law
@given(losses(clamps=("signed", "paper")), FACTORS)
def test_sympy_exports_have_value_and_gradient_of_the_scaled_loss(tmp_path_factory, loss, factor):
    scaled = loss.scaled(factor)
    exported = imported(sympy_source(scaled, ["A loss."]), tmp_path_factory.mktemp("sympy"))
    function, (y_hat, y) = scaled.function, (written.Y_HAT, written.Y)
    expected = [function(y_hat, y).numpy(), prediction_gradient(function, y_hat, y).numpy()]
    size = factor * 1e-12
    found = numbers(exported.y_hat, exported.y, exported.loss, exported.gradient)
    made = expression(scaled)
    found_here = numbers(*sympy.symbols("y_hat y", real=True), made, sympy.diff(made, sympy.Symbol("y_hat", real=True)))
    for values in (found, found_here):
        for value, wanted in zip(values, expected, strict=True):
            assert np.allclose(value, wanted, rtol=1e-12, atol=size, equal_nan=True)


@pytest.mark.parametrize("name", NAMED_LOSSES)
def test_known_losses_are_exported_with_their_scale(name, tmp_path):
    loss = make_loss(name, OperatorSpace()).scaled(0.1)
    text = sympy_source(loss, ["A loss."])
    assert "SCALE = Float(0.1)\n" in text
    exported = imported(text, tmp_path)
    (value,) = numbers(exported.y_hat, exported.y, exported.loss)
    assert np.allclose(value, loss.value(written.Y_HAT.logit(), written.Y), rtol=1e-7)


@pytest.mark.parametrize("name", [*NAMED_LOSSES, "log(y_hat - y)"])
def test_without_a_scale_no_form_speaks_of_one(name):
    loss = make_loss(name, OperatorSpace())
    for form in FORMS.values():
        assert "scale" not in form.write(Exported(name, loss)).lower()


def test_every_form_tells_the_scale():
    exported = Exported("log(y_hat - y)", make_loss("log(y_hat - y)", OperatorSpace()).scaled(0.123456789))
    for name, form in FORMS.items():
        text = form.write(exported)
        assert "0.123456789" in text
        assert "0.123457" in text or name == "json"
    assert json.loads(FORMS["json"].write(exported))["scale"] == 0.123456789


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y_hat - y", r"c \cdot \left(\hat{y} - y\right),\quad c = 2.5"),
        ("y_hat*y", r"c \cdot \hat{y} \cdot y,\quad c = 2.5"),
        ("-y_hat", r"c \cdot \left(-\hat{y}\right),\quad c = 2.5"),
        ("log(y_hat)", r"c \cdot \log\left(\hat{y} + \epsilon\right),\quad \epsilon = 10^{-6},\quad c = 2.5"),
        ("MSE", r"c \cdot \left(\left(- y + \hat{y}\right)^{2}\right),\quad c = 2.5"),
    ],
)
def test_mathematics_has_the_scale_before_it(text, expected):
    loss = make_loss(text, OperatorSpace()).scaled(2.5)
    assert latex(loss).endswith(f"= {expected}")
    if isinstance(loss, ProgramLoss):
        assert "<mi>c</mi><mo>·</mo>" in mathml(loss)
        assert "<mi>c</mi>" not in mathml(dataclasses.replace(loss, scale=1.0))


def test_equal_losses_of_other_scale_are_others():
    loss = ProgramLoss(LossProgram.parse("y_hat"), HANDCRAFTED_SPACE)
    assert len({loss, loss.scaled(1.0), loss.scaled(2.0), loss.scaled(4.0).scaled(0.5)}) == 2
