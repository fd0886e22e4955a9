"""Anything that JSON can hold is a program or is refused."""

import json
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.programs.line import INPUTS, KNOWN_INPUTS
from core.programs.operators import OPERATORS
from core.programs.program import LossProgram
from tests.fuzz.targets import accepts_stored, assert_good, assert_valid, fuzz_program
from tests.strategies import free_programs, law

ASTRAL = "\U000e0001"
DEEP = reduce(lambda inner, _: [inner], range(100_000), [])
DEEP_OBJECT = reduce(lambda inner, _: {"lines": inner}, range(100_000), {})


def stored(*lines, inputs=INPUTS):
    return {"inputs": list(inputs), "lines": list(lines)}


HOSTILE = {
    "nothing": None,
    "a number": 10**5_000,
    "a truth": True,
    "a text": "x" * 1_000_000,
    "a deep list": DEEP,
    "deep objects": DEEP_OBJECT,
    "no inputs": stored(["neg", "y"], inputs=()),
    "a hundred thousand inputs": stored(["neg", "y"], inputs=["y"] * 100_000),
    "a huge input": stored(["neg", "y"], inputs=["y" * 1_000_000]),
    "an input of characters that repr makes ten of": stored(["neg", "y"], inputs=[ASTRAL * 100]),
    "deep inputs": stored(["neg", "y"], inputs=DEEP),
    "inputs that are one text": {"inputs": "y1", "lines": [["neg", "y"]]},
    "lines that are a number": {"inputs": ["y"], "lines": 10**5_000},
    "lines that are a text": {"inputs": ["y"], "lines": "neg y"},
    "lines that are an object": {"inputs": ["y"], "lines": {"neg": "y"}},
    "deep lines": {"inputs": ["y"], "lines": DEEP},
    "an empty line": stored([]),
    "a huge name of an operator": stored(["x" * 10_000_000, "y"]),
    "an operator of characters that repr makes ten of": stored([ASTRAL * 100, "y"]),
    "a huge name of an operand": stored(["neg", "x" * 10_000_000]),
    "a lone surrogate": stored(["neg", "\ud800"]),
    "a zero": stored(["neg", "y\x00"]),
    "a million operands": stored(["add", *["y"] * 1_000_000]),
    "operands by number": stored(["neg", 0]),
    "an operand below zero": stored(["neg", -1]),
    "a huge operand": stored(["neg", 10**5_000]),
    "an operand that is true": stored(["neg", True]),
    "an operand with a point": stored(["neg", 0.0]),
    "an operand that is no number": stored(["neg", float("nan")]),
    "itself": stored(["neg", "v0"]),
    "the next line": stored(["neg", "v1"], ["neg", "y"]),
    "a line below zero": stored(["neg", "y"], ["neg", "v-1"]),
    "a line with a zero before it": stored(["neg", "y"], ["neg", "v00"]),
    "a line in other digits": stored(["neg", "y"], ["neg", "v\u0660"]),
    "exponential size": stored(["add", "y", "y"], *(["mul", f"v{i}", f"v{i}"] for i in range(100_000))),
    "a chain too long": stored(["neg", "y"], *(["neg", f"v{i}"] for i in range(5_000))),
}


@pytest.mark.parametrize("thing", HOSTILE.values(), ids=HOSTILE)
def test_what_is_hostile_is_refused(thing):
    assert not accepts_stored(thing)


def test_an_object_may_hold_more_than_a_program():
    with_more = stored(["neg", "y"]) | {"x" * 1_000: DEEP}
    assert LossProgram.from_dict(with_more) == LossProgram.parse("-y")


def test_lines_that_nothing_needs_cost_what_they_take_in_the_file():
    program = LossProgram.from_dict(stored(*[["square", "y_hat"]] * 100_000, ["neg", "y"]))
    assert (program.key, program.complexity) == ("neg(y)", 1)


@pytest.mark.parametrize("depth", [12, 4_096])
def test_the_largest_program_is_written_and_compared_within_bounds(depth):
    doubled = [["add", "y", "y"], *(["add", f"v{i}", f"v{i}"] for i in range(11))]
    chain = [["neg", "y"], *(["neg", f"v{i}"] for i in range(depth - 1))]
    program = LossProgram.from_dict(stored(*(doubled if depth == 12 else chain)))
    assert program.complexity == depth
    assert max(len(program.key), len(str(program))) < 100_000


CALLS = {
    "lines that are nothing": (None, INPUTS),
    "a line that is a number": ([1], INPUTS),
    "a line of three": ([("neg", [0], 0)], INPUTS),
    "a line that is a text": (["ab"], INPUTS),
    "operands that are a number": ([("neg", 0)], INPUTS),
    "a huge operand": ([("neg", [10**5_000])], INPUTS),
    "an operand of another kind": ([("neg", [[]])], INPUTS),
    "a deep operand": ([("neg", [DEEP])], INPUTS),
    "a deep operator": ([(DEEP, [0])], INPUTS),
    "a list for an operator": ([([], [0])], INPUTS),
    "inputs that are nothing": ([("neg", [0])], None),
    "a list for an input": ([("neg", [0])], [[]]),
    "a huge number for an input": ([("neg", [0])], [10**5_000]),
}


@pytest.mark.parametrize("given_", CALLS.values(), ids=CALLS)
def test_the_constructor_refuses_too(given_):
    with pytest.raises(UserError) as caught:
        LossProgram(*given_)
    assert_good(caught.value)


NAMES = st.sampled_from((*KNOWN_INPUTS, *OPERATORS, "v0", "v1", "v2", "v-1", "v00", "", "inputs", "lines"))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.builds(pow, st.just(10), st.just(5_000))
    | st.floats()
    | st.text()
    | NAMES
)
JSON = st.recursive(LEAVES, lambda parts: st.lists(parts) | st.dictionaries(st.text() | NAMES, parts), max_leaves=8)


@law
@given(
    JSON | st.fixed_dictionaries({"inputs": JSON | st.just(list(INPUTS)), "lines": JSON | st.lists(st.lists(NAMES))})
)
def test_whatever_json_holds_is_read_or_refused(thing):
    accepts_stored(thing)


@law
@given(free_programs(), st.data())
def test_a_program_with_one_thing_changed_is_read_or_refused(program, data):
    changed = program.to_dict()
    places = [changed["inputs"], changed["lines"], *changed["lines"]]
    place = data.draw(st.sampled_from(places))
    place[data.draw(st.integers(0, len(place) - 1))] = data.draw(JSON)
    accepts_stored(changed)


@law
@given(st.binary() | st.binary(max_size=60).map(b"\0".__add__))
def test_any_bytes_are_read_or_refused(data):
    fuzz_program(data)


@law
@given(free_programs())
def test_programs_pass(program):
    assert_valid(program)
    fuzz_program(json.dumps(program.to_dict()).encode())
