import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.programs.clamp import clamp, clamp_derivative
from tests.strategies import CLAMP_RULES, law

XI = 1e-6
EDGES = (XI, 1 / XI, 1e-3, 1e3)
NEAR = tuple(math.nextafter(edge, to) for edge in EDGES for to in (0, math.inf))
SIZES = (*EDGES, *NEAR, 0.0, 1e-9, 0.5, 1.0, 1e9, math.inf)
SPECIAL = (*SIZES, *(-x for x in SIZES))


def plain_clamp(x, rule, xi):
    if rule == "none":
        return x
    if rule == "paper":
        return min(max(x, xi), 1 / xi)
    return math.copysign(min(max(abs(x), xi), 1 / xi), -1.0 if x < 0 else 1.0)


def autograd_gradient(x, rule, xi):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(clamp(x, rule, xi).sum(), x)[0] if rule != "none" else torch.ones_like(x)


@pytest.mark.parametrize("xi", [XI, 1e-3])
@pytest.mark.parametrize("rule", CLAMP_RULES)
def test_values_are_those_of_the_rule(rule, xi):
    found = clamp(torch.tensor(SPECIAL, dtype=torch.float64), rule, xi)
    assert found.tolist() == [plain_clamp(x, rule, xi) for x in SPECIAL]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("xi", [XI, 1e-3])
@pytest.mark.parametrize("rule", ["signed", "paper"])
def test_the_gradient_is_that_of_autograd_at_every_edge(rule, xi, dtype):
    x = torch.tensor(SPECIAL, dtype=dtype)
    assert torch.equal(clamp_derivative(x, clamp(x, rule, xi)), autograd_gradient(x, rule, xi))


@law
@given(st.floats(width=32, allow_nan=False), st.sampled_from(["signed", "paper"]), st.sampled_from([XI, 1e-3, 0.9]))
def test_the_gradient_is_that_of_autograd_anywhere(number, rule, xi):
    x = torch.tensor([number], dtype=torch.float32)
    assert torch.equal(clamp_derivative(x, clamp(x, rule, xi)), autograd_gradient(x, rule, xi))


def test_without_a_rule_nothing_is_changed():
    x = torch.tensor(SPECIAL, dtype=torch.float64, requires_grad=True)
    assert torch.equal(clamp(x, "none", XI), x)
    assert torch.equal(torch.autograd.grad(clamp(x, "none", XI).sum(), x)[0], torch.ones_like(x))
    assert torch.equal(clamp_derivative(x, clamp(x, "none", XI)), torch.ones_like(x))


@pytest.mark.parametrize("rule", CLAMP_RULES)
def test_nan_stays_nan(rule):
    assert clamp(torch.tensor([math.nan, 1.0]), rule, XI).isnan().tolist() == [True, False]


@law
@given(
    st.floats(width=32), st.sampled_from(CLAMP_RULES), st.floats(1e-9, 0.999), st.sampled_from(["float32", "float64"])
)
def test_clamping_twice_is_clamping_once(number, rule, xi, dtype):
    once = clamp(torch.tensor([number], dtype=getattr(torch, dtype)), rule, xi)
    assert torch.equal(clamp(once, rule, xi).nan_to_num(7.0), once.nan_to_num(7.0))


@law
@given(st.floats(width=32, allow_nan=False), st.floats(1e-6, 0.999))
def test_the_signed_rule_is_odd_but_at_zero(number, xi):
    x = torch.tensor([number], dtype=torch.float64)
    if number:
        assert torch.equal(clamp(-x, "signed", xi), -clamp(x, "signed", xi))
    else:
        assert clamp(x, "signed", xi).item() == xi


def test_under_the_papers_rule_every_negative_number_is_xi():
    assert clamp(torch.tensor([-1e9, -1.0, -1e-9, -0.0], dtype=torch.float64), "paper", XI).tolist() == [XI] * 4
