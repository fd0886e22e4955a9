import json
import math

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.numpy import save

from core.common.errors import UserError
from studies.storage.checkpoints import pack, unpack
from tests.strategies import law

TENSORS = st.builds(
    lambda dtype, shape, seed: (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 50).to(dtype),
    st.sampled_from((torch.float32, torch.float64, torch.int64, torch.uint8, torch.bool)),
    st.lists(st.integers(0, 4), max_size=3),
    st.integers(0, 9),
)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8) | st.just("$")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
STATES = st.recursive(
    SCALARS | TENSORS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(TEXTS | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)


def same(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
    return one == other or (isinstance(one, float) and math.isnan(one) and math.isnan(other))


@law
@given(STATES)
@example({"$": {"$": "tensor", "is": "0"}})
@example([2**200, -0.0, math.inf, -math.inf, 5e-324])
def test_what_is_packed_is_unpacked_as_it_was(state):
    assert same(unpack(pack(state)), state)
    assert pack(unpack(pack(state))) == pack(state)


def test_what_is_unpacked_can_be_written_to():
    tensor = unpack(pack({"a": torch.zeros(3)}))["a"]
    tensor += 1
    assert tensor.tolist() == [1, 1, 1]


def test_tensors_may_share_memory_or_lie_in_any_order():
    base = torch.arange(12.0).reshape(3, 4)
    state = {"rows": [base[0], base[1:]], "turned": base.T, "base": base}
    assert same(unpack(pack(state)), state)


def test_a_generator_goes_on_from_its_packed_state():
    numpy_rng, torch_rng = np.random.default_rng(3), torch.Generator().manual_seed(3)
    numpy_rng.random(5)
    torch.rand(5, generator=torch_rng)
    state = unpack(pack({"numpy": numpy_rng.bit_generator.state, "torch": torch_rng.get_state()}))
    again = np.random.default_rng(0)
    again.bit_generator.state = state["numpy"]
    assert again.random() == numpy_rng.random()
    other = torch.Generator()
    other.set_state(state["torch"])
    assert torch.equal(torch.rand(3, generator=other), torch.rand(3, generator=torch_rng))


@pytest.mark.parametrize("odd", [object(), {1, 2}, b"bytes", np.float64(1), np.zeros(2), print])
def test_nothing_else_is_packed(odd):
    with pytest.raises(TypeError, match="state: expected dicts, lists, texts, numbers and tensors, got"):
        pack({"deep": [odd]})


def packed_tree(tree):
    return save({"tree": np.frombuffer(tree if isinstance(tree, bytes) else json.dumps(tree).encode(), np.uint8)})


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04\x95cos\nsystem\n(S'true'\ntR.",  # a pickle that would run a command
        b"PK\x03\x04" + b"\0" * 100,
        b"\xff" * 64,
        save({"other": np.zeros(1)}),
        packed_tree(b"\xff\xfe"),
        packed_tree(b"not json"),
        packed_tree({"$": "tensor", "is": "missing"}),
        packed_tree({"$": "tensor", "is": ["list"]}),
        packed_tree({"$": "call", "is": "os.system"}),
        packed_tree({"$": "float", "is": "1e999"}),
        packed_tree({"$": "tuple", "is": 3}),
        packed_tree({"$": "dict", "is": [[[], 1]]}),
        packed_tree({"$": "dict", "is": [1]}),
        packed_tree({"$": "tensor"}),
        packed_tree(b"9" * 10_000),
        packed_tree(DEEP),
        pack({"a": torch.zeros(100)})[:-7],
    ],
    ids=range(18),
)
def test_anything_else_is_refused_in_a_line(content):
    with pytest.raises(UserError, match="stored state: expected one that was packed here") as error:
        unpack(content)
    assert len(str(error.value)) < 400
