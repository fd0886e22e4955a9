"""Plain, slow and independent ways to get the numbers that core gets cleverly."""

import torch

from core.programs.clamp import clamp, clamp_derivative
from core.programs.operators import OPERATORS

Y_HAT = torch.tensor([0.013, 0.171, 0.337, 0.529, 0.618, 0.743, 0.911, 0.987], dtype=torch.float64)
Y = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0], dtype=torch.float64)
#: Where ties, bounds and kinks are.
SPECIAL_Y_HAT = torch.tensor([0.0, 1.0, 0.5, 1e-6, 1.0, 0.0, 1e-9, 0.25], dtype=torch.float64)
SPECIAL_Y = torch.tensor([0.0, 1.0, 0.5, 1.0, 0.0, 5.0, 0.0, 0.25], dtype=torch.float64)
#: Derivatives that autograd takes from a result s that nears 1, s (1 - s) and 1 - s^2, are rounded like 1, not like
#: themselves: some machine epsilons, which this is times any relative tolerance that the tests ask for.
ROUNDED_LIKE_ONE = {"sigmoid": 0.01, "tanh": 0.01}


def run_raw(program, space, y_hat, y, epsilon=None):
    """Every line as it stands, dead or not; every result is clamped, but not that of `identity`."""
    epsilon = space.xi if epsilon is None else epsilon
    known = {"y_hat": y_hat, "y": y, "1": torch.ones_like(y_hat), "eps": torch.full_like(y_hat, epsilon)}
    slots = [known[name] for name in program.inputs]
    for operator, operands in program.lines:
        result = OPERATORS[operator].value(*(slots[o] for o in operands), epsilon)
        slots.append(result if operator == "identity" else clamp(result, space.clamp, space.xi))
    return slots[-1]


def prediction_gradient(function, y_hat, y):
    """D function(y_hat, y) / d y_hat of every example, by autograd."""
    y_hat = y_hat.detach().clone().requires_grad_()
    value = function(y_hat, y)
    return torch.autograd.grad(value.sum(), y_hat)[0] if value.requires_grad else torch.zeros_like(y_hat)


def gradient_size(program, space, y_hat, y, epsilon=None):
    """The sum of the absolute contributions to a gradient; rounding may change it by a tiny part of that."""
    epsilon = space.xi if epsilon is None else epsilon
    zeros = torch.zeros_like(y_hat)
    known = {
        "y_hat": (y_hat, zeros + 1),
        "y": (y.to(y_hat), zeros),
        "1": (zeros + 1, zeros),
        "eps": (zeros + epsilon, zeros),
    }
    slots = [known[name] for name in program.inputs]
    for operator, operands in program.lines:
        values = [slots[o][0] for o in operands]
        result = OPERATORS[operator].value(*values, epsilon)
        partials = OPERATORS[operator].derivatives(*values, epsilon)
        least = ROUNDED_LIKE_ONE.get(operator, 0.0)
        size = sum((partial.abs() + least) * slots[o][1] for partial, o in zip(partials, operands, strict=True))
        if operator != "identity":
            clamped = clamp(result, space.clamp, space.xi)
            size, result = size * clamp_derivative(result, clamped), clamped
        slots.append((result, size))
    return slots[-1][1]


def assert_gradients_agree(found, expected, size, rtol=1e-10):
    """Equal up to rounding."""
    assert found.shape == expected.shape
    bound = rtol * size + torch.finfo(expected.dtype).tiny
    assert bool(((found - expected).abs() <= bound).all()), (found, expected, size)
