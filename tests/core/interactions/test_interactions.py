"""Interaction functions and their spaces."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.interactions.interaction import Interaction
from core.interactions.nets import DEEP, NCF, Network, ScalarNet
from core.interactions.spaces import (
    MEETINGS,
    SIDES,
    FunctionSpace,
    InteractionSpace,
    NetSpace,
    NetworkSpace,
    ProgramSpace,
    read_meeting,
)
from core.testing.space import SpaceContract
from tests.strategies import law

SPACES = {"functions": FunctionSpace(), "programs": ProgramSpace(4), "nets": NetSpace(), "networks": NetworkSpace()}
seeds = st.integers(0, 2**32 - 1)


class TestFunctions(SpaceContract):
    def make(self):
        return FunctionSpace()


class TestPrograms(SpaceContract):
    def make(self):
        return ProgramSpace(3, ("add", "mul", "max", "root", "identity"))


class TestNets(SpaceContract):
    def make(self):
        return NetSpace()


class TestNetworks(SpaceContract):
    def make(self):
        return NetworkSpace()


def drawn(space: InteractionSpace, seed: int) -> Interaction | Network:
    (found,) = space.decode(space.sample(1, np.random.default_rng(seed)))
    return found


@law
@given(st.sampled_from(sorted(SPACES)), seeds)
def test_what_is_printed_is_read_back(name, seed):
    interaction = drawn(SPACES[name], seed)
    assert read_meeting(str(interaction)).key == interaction.key
    assert interaction.complexity == read_meeting(str(interaction)).complexity
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
        ("p*q with p = net(1 2 3 4)", r"expected p = net\(numbers\), q = net\(numbers\) behind with"),
        (
            "p*q with p = net(1 2 3), q = net(1 2 3)",
            "expected 3 numbers for each hidden unit and one more, as 25, got 3",
        ),
        ("p*q with p = net(1 2 3 x), q = net(1 2 3 4)", "expected numbers with blanks between them, got '1 2 3 x'"),
        ("p*q with p = net(1 2 3 inf), q = net(1 2 3 4)", "expected finite numbers"),
        ("p*q with p = net(1 2 3 4), q = net(1 2 3 4 5 6 7)", "as many numbers in the network of p as in that of q"),
        ("network(16, x)", r"expected units of layers, as in network\(16, 8\), got 'network\(16, x\)'"),
        ("network(0)", "expected at most 16 layers of 1 to 1,024 units"),
        (f"network({'4, ' * 16}4)", "expected at most 16 layers"),
        ("network(99999999999)", "expected units of layers"),
    ],
)
def test_what_is_no_interaction_gets_a_line(text, told):
    with pytest.raises(UserError, match=told):
        read_meeting(text)


def test_a_scalar_network_is_the_formula_it_is_said_to_be():
    net, x = ScalarNet.parse("0.5 -1 0.1 0.2 2 3 -0.25"), np.linspace(-3, 3, 12).reshape(3, 4)
    expected = 2 * np.tanh(0.5 * x + 0.1) + 3 * np.tanh(-x + 0.2) - 0.25
    np.testing.assert_allclose(net.evaluate(torch.from_numpy(x)).numpy(), expected, rtol=1e-12)
    together = Interaction.parse(f"max(p, q) with p = net({net}), q = net(1 0 0 0 1 0 0)")
    found = together.evaluate(torch.from_numpy(x), torch.from_numpy(-x)).numpy()
    np.testing.assert_allclose(found, np.maximum(expected, np.tanh(-x)), rtol=1e-12)
    assert together.complexity == 1 + 2 + 2


def test_networks_are_the_formulas_they_are_said_to_be():
    rng = np.random.default_rng(0)
    p, q = rng.normal(size=(2, 5, 3))
    x = np.concatenate([p, q], axis=1)
    a, b, c, e = (rng.normal(size=shape) for shape in ((6, 4), 4, (4, 2), 2))
    numbers = torch.from_numpy(np.concatenate([one.ravel() for one in (a, b, c, e)]))
    found = Network((4, 2)).evaluate(numbers, torch.from_numpy(p), torch.from_numpy(q)).numpy()
    np.testing.assert_allclose(found, np.tanh(np.tanh(x @ a + b) @ c + e), rtol=1e-12)
    w, b = rng.normal(size=(6, 3)), rng.normal(size=3)
    numbers = torch.from_numpy(np.concatenate([w.ravel(), b]))
    found = NCF.evaluate(numbers, torch.from_numpy(p), torch.from_numpy(q)).numpy()
    np.testing.assert_allclose(found, np.tanh(p * q + x @ w + b), rtol=1e-12)
    assert (DEEP.complexity, NCF.complexity, Network().complexity) == (2, 1, 0)


def test_networks_of_the_space_are_1365_in_3125_ways():
    space = NetworkSpace()
    genomes = space.repaired(np.array(list(np.ndindex(*space.sizes))))
    every = space.decode(np.unique(genomes, axis=0))
    assert len({one.key for one in every}) == len(every) == sum(4**layers for layers in range(6)) == 1365


def test_given_numbers_become_the_nearest_there_are():
    space = NetSpace()
    (found,) = space.decode(space.nearest(2, [0.123, -7.0, *[0.0] * 48])[None])
    assert found.nets[0].numbers[:3] == (0.12, -1.0, 0.0)
    with pytest.raises(UserError, match="expected 25 numbers for each side, got 4"):
        space.encode(Interaction.parse("p*q with p = net(1 2 3 4), q = net(1 2 3 4)"))


def test_what_is_not_in_a_space_is_told():
    with pytest.raises(UserError, match="expected one of p and q as x, "):
        FunctionSpace().encode(Interaction.parse("p*q*p"))
    for text in ("concat(p, q)", "network(4)", "p*q with p = net(1 2 3 4), q = net(1 2 3 4)"):
        with pytest.raises(UserError, match="expected one program of p and q"):
            ProgramSpace().encode(read_meeting(text))
    for text in ("p*q", "network(4)", "p*q*p with p = net(1 2 3 4), q = net(1 2 3 4)"):
        with pytest.raises(UserError, match="meet by plus, multiply, max, min, concat, with scalar networks"):
            NetSpace().encode(read_meeting(text))
    for text in ("p*q", "NCF", "network(3)", "network(2, 2, 2, 2, 2, 2)"):
        with pytest.raises(UserError, match="expected a network of at most 5 layers of 2, 4, 8, 16 units"):
            NetworkSpace().encode(read_meeting(text))
    with pytest.raises(UserError, match="lines: expected 1 to 12, got 0"):
        ProgramSpace(0)
    with pytest.raises(UserError, match="expected one program or two, got 0"):
        Interaction(())
