"""Laws that hold for every row of the operator table, so that a new one is tested without a test of its own."""

from xml.etree import ElementTree

import numpy as np
import pytest
import sympy
import torch
from matplotlib.mathtext import MathTextParser

from core.analysis.gradient_equivalence import factor_between
from core.analysis.ranges import bounded_lines
from core.analysis.simplify import simplified
from core.export import symbolic
from core.export.latex import latex
from core.export.mathml import mathml
from core.export.symbolic import expression, sympy_source
from core.export.torch_source import torch_source
from core.losses.batched import BatchedPrograms
from core.losses.loss import ProgramLoss
from core.losses.running import run_programs
from core.programs.compile import prediction_gradient
from core.programs.operators import OPERATORS
from core.programs.program import LossProgram
from core.programs.space import CLAMPS, OperatorSpace
from tests.core.export.written import PAIRS, imported

#: Predictions a little away from the clamp's bound: there the last bit of a sum decides over a gradient.
Y_HAT, Y = PAIRS[PAIRS[:, 0] > 1e-5].T.contiguous()
#: What operators are applied to: inputs, negative numbers, both signs, and large numbers of both signs.
OPERANDS = [("y_hat", "y"), ("-y_hat - 1", "y"), ("y_hat - y", "y_hat"), ("1/(y_hat - y)", "-y_hat")]


def applied(name, operands):
    return f"{name}({', '.join(operands[: OPERATORS[name].arity])})"


@pytest.fixture(params=OPERATORS)
def name(request):
    return request.param


@pytest.fixture(params=OPERANDS, ids=["inputs", "negative", "both", "large"])
def loss(name, request):
    return ProgramLoss(LossProgram.parse(applied(name, request.param)), OperatorSpace(operators=tuple(OPERATORS)), 1e-3)


def close(found, expected):
    return np.allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_it_is_read_back_from_its_formula(loss):
    assert LossProgram.parse(str(loss.program)).key == loss.program.key
    assert LossProgram.from_dict(loss.program.to_dict()) == loss.program


@pytest.mark.parametrize("clamp", CLAMPS)
def test_compiled_code_duals_and_autograd_are_one(name, clamp):
    space = OperatorSpace(operators=tuple(OPERATORS), clamp=clamp)
    losses = [ProgramLoss(LossProgram.parse(applied(name, operands)), space, 1e-3) for operands in OPERANDS]
    values, gradients = run_programs(losses, Y_HAT, Y)
    batched = BatchedPrograms(losses, shared=True, device=Y.device, dtype=Y.dtype)(Y_HAT, Y)
    for k, one in enumerate(losses):
        expected, gradient = one.function(Y_HAT, Y).expand_as(Y), prediction_gradient(one.function, Y_HAT, Y)
        assert close(values[k], expected)
        assert close(gradients[k], gradient)
        assert close(batched[0][k], expected)
        assert close(batched[1][k], gradient)


def test_it_stays_within_its_bounds(loss):
    low, high = bounded_lines(loss)[-1].result
    values = loss.function(Y_HAT, Y)
    assert ((values >= low - 1e-12) & (values <= high + 1e-12 * abs(high))).all()


def test_the_torch_file_is_the_loss(loss, tmp_path):
    exported = imported(torch_source(loss, ["A loss."]), tmp_path).Loss("none")
    assert torch.allclose(exported(Y_HAT, Y), loss.function(Y_HAT, Y), rtol=1e-12, atol=1e-12)
    assert torch.allclose(
        prediction_gradient(exported, Y_HAT, Y), prediction_gradient(loss.function, Y_HAT, Y), rtol=1e-12, atol=1e-12
    )


def test_the_expression_and_its_file_are_the_loss(loss, tmp_path):
    exported, made = imported(sympy_source(loss, ["A loss."]), tmp_path), expression(loss)
    for y_hat, y, forms in (
        (exported.y_hat, exported.y, (exported.loss, exported.gradient)),
        (symbolic.Y_HAT, symbolic.Y, (made, sympy.diff(made, symbolic.Y_HAT))),
    ):
        value, gradient = sympy.lambdify([y_hat, y], forms, "numpy", cse=True)(Y_HAT.numpy(), Y.numpy())
        assert close(value, loss.function(Y_HAT, Y))
        assert close(gradient, prediction_gradient(loss.function, Y_HAT, Y))


def test_mathematics_renders(loss):
    assert MathTextParser("path").parse(f"${latex(loss)}$").width > 0
    assert ElementTree.fromstring(mathml(loss)).tag == "math"


def test_what_changes_nothing_is_simplified_away(loss):
    """However the operator behaves, a number that is added at the end is of no matter."""
    more = ProgramLoss(LossProgram.parse(f"{loss.program} + 1"), OperatorSpace(clamp="none"), 1e-3)
    alone = ProgramLoss(loss.program, more.space, 1e-3)
    assert simplified(more).complexity <= simplified(alone).complexity
    if np.abs(run_programs([alone], Y_HAT, Y)[1]).max() > 0:
        assert factor_between(more, alone) == pytest.approx(1.0)
