"""Bounds of the lines of a program."""

import math

import pytest
import torch
from hypothesis import given

from core.analysis.ranges import bounded_lines
from core.losses.loss import ProgramLoss
from core.programs.clamp import clamp
from core.programs.operators import OPERATORS
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from tests.strategies import law, losses

SPACE = OperatorSpace()
PAIRS = torch.cartesian_prod(
    torch.cat([torch.linspace(0, 1, 41), torch.tensor([1e-12, 1e-6, 1 - 1e-6])]).double(),
    torch.linspace(0, 1, 11).double(),
)


def run(loss):
    """Every line's result before and after the clamp, on all pairs."""
    program = loss.program.canonical
    known = {"y_hat": PAIRS[:, 0], "y": PAIRS[:, 1], "1": torch.ones(len(PAIRS)).double()}
    known["eps"] = torch.full_like(PAIRS[:, 0], loss.smoothing)
    slots, results = [known[name] for name in program.inputs], []
    for name, operands in program.lines:
        raw = OPERATORS[name].value(*(slots[o] for o in operands), loss.smoothing)
        slots.append(raw if name == "identity" else clamp(raw, loss.space.clamp, loss.space.xi))
        results.append((raw, slots[-1]))
    return results


@law
@given(losses())
def test_every_result_stays_within_its_bounds(loss):
    for bounded, (_, result) in zip(bounded_lines(loss), run(loss), strict=True):
        low, high = bounded.result
        slack = 1e-9 * max(1.0, *(abs(x) for x in (low, high) if math.isfinite(x)))
        finite = result[result.isfinite()]
        assert ((finite >= low - slack) & (finite <= high + slack)).all()


@law
@given(losses())
def test_a_clamp_that_is_left_out_would_have_changed_nothing(loss):
    for bounded, (raw, result) in zip(bounded_lines(loss), run(loss), strict=True):
        if not bounded.clamped:
            assert torch.equal(raw, result)


@pytest.mark.parametrize(
    ("formula", "clamped"),
    [
        ("y_hat + 1", [False]),
        ("log(y_hat)", [True]),
        ("1/(y_hat + 1)", [False, False]),
        ("y_hat - 1", [False, True]),
        ("y_hat", [False]),
    ],
)
def test_the_clamp_is_left_out_where_a_person_sees_that_it_can_be(formula, clamped):
    assert [b.clamped for b in bounded_lines(ProgramLoss(LossProgram.parse(formula), SPACE))] == clamped


def test_sides_of_zero_are_seen():
    lines = bounded_lines(ProgramLoss(LossProgram.parse("log(-(y_hat^2 + 1))"), SPACE))
    assert lines[-1].operands[0] == pytest.approx((-2.0, -1.0), abs=1e-5)
