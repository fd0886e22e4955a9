"""Interaction functions and their spaces."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.interactions.interaction import Interaction
from core.interactions.spaces import MEETINGS, SIDES, FunctionSpace, InteractionSpace, ProgramSpace
from core.testing.space import SpaceContract
from tests.strategies import law

SPACES = {"functions": FunctionSpace(), "programs": ProgramSpace(4)}
seeds = st.integers(0, 2**32 - 1)


class TestFunctions(SpaceContract):
    def make(self):
        return FunctionSpace()


class TestPrograms(SpaceContract):
    def make(self):
        return ProgramSpace(3, ("add", "mul", "max", "root", "identity"))


def drawn(space: InteractionSpace, seed: int) -> Interaction:
    (found,) = space.decode(space.sample(1, np.random.default_rng(seed)))
    return found


@law
@given(st.sampled_from(sorted(SPACES)), seeds)
def test_what_is_printed_is_read_back(name, seed):
    interaction = drawn(SPACES[name], seed)
    assert Interaction.parse(str(interaction)).key == interaction.key
    assert interaction.complexity == Interaction.parse(str(interaction)).complexity
    assert interaction.to_dict() == {"formula": str(interaction)}


def test_the_405_functions_are_405_and_do_what_they_say():
    space = FunctionSpace()
    every = [space.parse(str(one)) for one in space.decode(np.array(list(np.ndindex(*space.sizes))))]
    assert len({one.key for one in every}) == len(every) == 9 * 9 * 5
    x, z = np.random.default_rng(0).normal(size=(2, 5, 3))
    sides = {
        "x": lambda v: v,
        "|x|": np.abs,
        "-|x|": lambda v: -np.abs(v),
        "root": lambda v: np.sign(v) * np.sqrt(np.abs(v)),
        "|root|": lambda v: np.sqrt(np.abs(v)),
        "-|root|": lambda v: -np.sqrt(np.abs(v)),
        "x|x|": lambda v: v * np.abs(v),
        "square": np.square,
        "-square": lambda v: -(v**2),
    }
    meetings = {
        "plus": np.add,
        "multiply": np.multiply,
        "max": np.maximum,
        "min": np.minimum,
        "concat": lambda a, b: np.concatenate([a, b], axis=1),
    }
    assert (set(sides), set(meetings)) == (set(SIDES), set(MEETINGS))
    for one in every:
        p, q, meeting = space.inner.decode(space.encode(one)[None])[0].names
        found = one.evaluate(torch.from_numpy(x), torch.from_numpy(z)).numpy()
        expected = meetings[meeting](sides[p](x), sides[q](z))
        smoothed = 0.12 if "root" in p + q else 1e-12  # the root is smoothed near 0
        np.testing.assert_allclose(found, expected, atol=smoothed * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize(
    ("text", "operators"), [("p*q", 1), ("concat(p, q)", 1), ("concat(p, root(q))", 2), ("max(p, -q)", 2), ("p", 0)]
)
def test_complexity_counts_operators(text, operators):
    assert Interaction.parse(text).complexity == operators


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("p*y", "unknown name 'y', expected one of p, q, 1, add"),
        ("y_hat*q", "unknown name 'y_hat'"),
        ("eps*q", "unknown name 'eps'"),
        ("concat(p)", r"expected two formulas, as in concat\(p, q\), got 'concat\(p\)'"),
        ("concat(p, q, p)", "expected two formulas"),
        ("concat(p, q) + p", "expected two formulas"),
        ("p*", "expected a variable"),
        ("", "expected a variable"),
        ("__import__('os')", "malformed formula"),
    ],
)
def test_what_is_no_interaction_gets_a_line(text, told):
    with pytest.raises(UserError, match=told):
        Interaction.parse(text)


def test_what_is_not_in_a_space_is_told():
    with pytest.raises(UserError, match="expected one of p and q as x, "):
        FunctionSpace().encode(Interaction.parse("p*q*p"))
    with pytest.raises(UserError, match="expected one program, got two"):
        ProgramSpace().encode(Interaction.parse("concat(p, q)"))
    with pytest.raises(UserError, match="lines: expected 1 to 12, got 0"):
        ProgramSpace(0)
    with pytest.raises(UserError, match="expected one program or two, got 0"):
        Interaction(())
