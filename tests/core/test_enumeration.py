"""Every loss once: what is enumerated is what brute force finds, and no two are the same."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.losses.loss import ProgramLoss
from core.losses.running import run_programs
from core.programs.enumeration import enumerate_losses
from core.programs.line import Line
from core.programs.probes import Probes
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from tests.strategies import NIGHTLY, law

#: How exact a gradient is that went through several large and small numbers.
CLOSE = {"rtol": 3e-8, "atol": 1e-9}


def gradients(programs, space):
    """By the same way as the proxy test, on both smoothing terms."""
    probes = Probes(space)
    sides = [
        run_programs(
            [ProgramLoss(one, space, epsilon) for one in programs],
            torch.from_numpy(probes.predictions),
            torch.from_numpy(probes.labels),
        )
        for epsilon in probes.smoothing
    ]
    return np.concatenate([gradient for _, gradient in sides], axis=1)


def brute_force(space, n_lines):
    """The gradient of every straight-line program of so many lines."""
    rows = []
    for i in range(n_lines):
        slots = range(len(space.inputs) + i)
        rows.append(
            [Line(o, s) for o, n in zip(space.operators, space.arities, strict=True) for s in product(slots, repeat=n)]
        )
    return gradients([LossProgram(lines) for lines in product(*rows)], space)


def places(wanted, there):
    """For each gradient the first of others that equals it; -1 for none."""
    order = np.argsort(there[:, 0], kind="stable")
    found = np.full(len(wanted), -1)
    slack = 1e-6 * np.abs(wanted[:, 0]) + 1e-9
    ends = [np.searchsorted(there[order, 0], wanted[:, 0] + side * slack) for side in (-1, 1)]
    for i, (low, high) in enumerate(zip(*ends, strict=True)):
        near = order[low:high]
        equal = near[np.isclose(there[near], wanted[i], **CLOSE).all(axis=1)]
        if len(equal):
            found[i] = equal.min()
    return found


@pytest.mark.parametrize("clamp", ["signed", pytest.param("paper", marks=pytest.mark.nightly)])
@pytest.mark.parametrize("operators", [None, ("add", "identity", "exp", "max", "neg")])
def test_it_is_what_brute_force_finds(clamp, operators):
    n_lines = 2 if operators is None and not NIGHTLY else 3
    changes = {} if operators is None else {"operators": operators}
    space = OperatorSpace(max_variables=3 + n_lines, clamp=clamp, **changes)
    ours, all_of_them = enumerate_losses(space, n_lines), brute_force(space, n_lines)
    theirs = all_of_them[np.isfinite(all_of_them).all(axis=1) & (np.abs(all_of_them).max(axis=1) > 1e-9)]
    assert (places(theirs, ours.gradients) >= 0).all()
    assert (places(ours.gradients, theirs) >= 0).all()


def test_no_two_are_the_same():
    ours = enumerate_losses(OperatorSpace(), 3)
    assert places(ours.gradients, ours.gradients).tolist() == list(range(len(ours)))
    assert np.bincount(ours.sizes).tolist() == [0, 8, 72, 956]


@pytest.fixture(scope="module")
def of_three():
    return enumerate_losses(OperatorSpace(), 3)


@law
@given(st.integers(0, 2**32 - 1))
def test_a_program_that_is_drawn_is_there_in_a_form_that_is_no_longer(of_three, seed):
    space = OperatorSpace(max_variables=6)
    (drawn,) = space.decode(space.sample(1, np.random.default_rng(seed)))
    gradient = gradients([drawn], space)
    (place,) = places(gradient, of_three.gradients)
    if np.isfinite(gradient).all() and np.abs(gradient).max() > 1e-9:
        assert of_three.sizes[place] <= drawn.complexity
    else:
        assert place == -1


def test_programs_have_the_gradients_and_sizes_that_are_told(of_three):
    programs = [of_three.program(i) for i in range(len(of_three))]
    assert [one.complexity for one in programs] == of_three.sizes.tolist()
    np.testing.assert_allclose(gradients(programs, of_three.space), of_three.gradients, **CLOSE)


def test_those_of_the_same_direction_differ_by_a_factor_above_zero(of_three):
    units = of_three.gradients / np.abs(of_three.gradients).max(axis=1)[:, None]
    assert np.abs(units - units[of_three.same_direction]).max() <= 1e-5
    firsts = np.unique(of_three.same_direction)
    assert (of_three.same_direction[firsts] == firsts).all()
    assert (of_three.same_direction <= np.arange(len(of_three))).all()
    apart = np.abs(units[firsts, None] - units[None, firsts]).max(axis=2) + np.eye(len(firsts))
    assert apart.min() > 1e-5


def test_how_far_it_is_can_be_told():
    told = []
    enumerate_losses(OperatorSpace(), 2, lambda size, n: told.append((size, n)))
    assert told == [(1, 0), (2, 8)]


@pytest.mark.parametrize("most", [0, 6])
def test_other_numbers_of_operators_are_refused(most):
    with pytest.raises(UserError, match="expected 1 to 5 operators"):
        enumerate_losses(OperatorSpace(), most)
