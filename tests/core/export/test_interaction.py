"""The torch file of an interaction function computes what the interaction does."""

import importlib.util

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.export.interaction import interaction_file
from core.interactions.interaction import Interaction
from core.interactions.nets import DEEP, NCF, Network
from core.interactions.spaces import FunctionSpace, NetSpace, ProgramSpace
from core.programs.operators import OPERATORS
from tests.strategies import law

SPACES = (FunctionSpace(), ProgramSpace(5), ProgramSpace(5, tuple(OPERATORS)), NetSpace())


def class_of(interaction, folder):
    file = folder / "interaction.py"
    file.write_text(interaction_file(interaction))
    spec = importlib.util.spec_from_file_location("found_interaction", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Interaction


@law
@given(st.sampled_from(SPACES), st.integers(0, 2**32 - 1))
def test_the_file_computes_the_interaction_and_its_gradients(tmp_path_factory, space, seed):
    rng = np.random.default_rng(seed)
    (interaction,) = space.decode(space.sample(1, rng))
    made = class_of(interaction, tmp_path_factory.mktemp("interaction"))()
    p, q = (torch.from_numpy(rng.normal(size=(4, 3))).requires_grad_() for _ in range(2))
    found, expected = made(p, q), interaction.evaluate(p, q)
    assert found.shape == (4, made.parts * 3)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9, equal_nan=True)
    slopes = [
        torch.autograd.grad(one.sum(), (p, q), allow_unused=True, materialize_grads=True) if one.requires_grad else ()
        for one in (found, expected)
    ]
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-7, equal_nan=True)


@pytest.mark.parametrize("text", ["p", "1", "concat(p, 1/(q))"])
def test_short_ones_too(text, tmp_path):
    p, q = torch.randn(2, 5, 4).double()
    interaction = Interaction.parse(text)
    torch.testing.assert_close(class_of(interaction, tmp_path)()(p, q), interaction.evaluate(p, q))


@pytest.mark.parametrize("network", [NCF, DEEP, Network(), Network((3,))], ids=str)
def test_networks_are_modules_with_numbers_of_their_own(network, tmp_path):
    p, q = torch.randn(2, 5, 4).double()
    made = class_of(network, tmp_path)(4).double()
    numbers = [one for layer in made.layers for one in (layer.weight.T.reshape(-1), layer.bias)]
    torch.testing.assert_close(made(p, q), network.evaluate(torch.cat([torch.empty(0), *numbers]), p, q))


@pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated")  # of TorchScript itself, from Python 3.14 on
@pytest.mark.parametrize("space", SPACES, ids=["functions", "programs", "all operators", "nets"])
def test_torchscript_takes_the_file(space, tmp_path):
    rng = np.random.default_rng(0)
    p, q = torch.randn(2, 5, 4).double()
    for interaction in space.decode(space.sample(6, rng)):
        made = class_of(interaction, tmp_path)()
        scripted = torch.jit.script(made)
        torch.testing.assert_close(scripted(p, q), made(p, q), equal_nan=True)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated")  # of TorchScript itself, from Python 3.14 on
def test_torchscript_takes_networks(tmp_path):
    p, q = torch.randn(2, 5, 4)
    made = class_of(NCF, tmp_path)(4)
    torch.testing.assert_close(torch.jit.script(made)(p, q), made(p, q))
