import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.programs.line import INPUTS, KNOWN_INPUTS, Line
from core.programs.operators import OPERATORS
from core.programs.program import MAX_WRITTEN_SIZE, LossProgram
from tests.strategies import free_programs, law

SQUARED_ERROR = LossProgram((Line("neg", (1,)), Line("add", (0, 3)), Line("square", (4,))))


def doubling(n_lines):
    """Each line adds the one before it to itself: 2^n - 1 operators when written out."""
    return tuple(Line("add", (2 + i, 2 + i)) for i in range(n_lines))


@pytest.mark.parametrize("name", [name for name, row in OPERATORS.items() if row.arity == 1])
@pytest.mark.parametrize("operands", [(), (0, 1), (0, 1, 2)])
def test_an_operator_of_one_operand_takes_one(name, operands):
    with pytest.raises(UserError, match=rf"^program line 0: {name} takes 1 operands, got {len(operands)}$"):
        LossProgram((Line(name, operands),))


@pytest.mark.parametrize("name", [name for name, row in OPERATORS.items() if row.arity == 2])
@pytest.mark.parametrize("operands", [(), (0,), (0, 1, 2)])
def test_an_operator_of_two_operands_takes_two(name, operands):
    with pytest.raises(UserError, match=rf"^program line 0: {name} takes 2 operands, got {len(operands)}$"):
        LossProgram((Line(name, operands),))


@pytest.mark.parametrize("operand", [3, 4, 100, -1, -3, True, 0.0, "0", None])
def test_an_operand_is_the_number_of_an_earlier_slot(operand):
    with pytest.raises(UserError, match="program line 0: expected operands out of slots 0 to 2, got"):
        LossProgram((Line("neg", (operand,)), Line("neg", (0,))))


def test_a_line_may_use_the_line_before_it_but_not_itself():
    assert LossProgram((Line("neg", (0,)), Line("neg", (3,)))).complexity == 2
    with pytest.raises(UserError, match="program line 1: expected operands out of slots 0 to 3, got 4"):
        LossProgram((Line("neg", (0,)), Line("neg", (4,))))


@pytest.mark.parametrize("name", ["sub", "Add", "", "neg ", "__class__", "x" * 1_000])
def test_unknown_operators_are_refused(name):
    with pytest.raises(UserError, match="program line 0: expected one of add, mul,") as caught:
        LossProgram((Line(name, (0,)),))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("inputs", [(), ("y_hat", "z"), ("y", "y"), ("y_hat", "y", "1", "y_hat"), ("Y",), (1, "y")])
def test_inputs_are_distinct_known_names(inputs):
    with pytest.raises(UserError, match="program inputs: expected distinct names out of y_hat, y, 1, eps, got"):
        LossProgram((Line("neg", (0,)),), inputs)


def test_a_program_has_a_line():
    with pytest.raises(UserError, match="program: expected at least one line, got none"):
        LossProgram(())


def test_a_program_has_at_most_so_many_operators_when_written_out():
    assert LossProgram(doubling(12)).complexity == 12
    with pytest.raises(UserError, match=f"expected at most {MAX_WRITTEN_SIZE} operators when written out, got more"):
        LossProgram(doubling(13))
    with pytest.raises(UserError, match="when written out"):  # in a blink, although it would have 2^1000 operators
        LossProgram(doubling(1_000))


def test_a_chain_may_be_as_long_as_the_written_size():
    chain = tuple(Line("neg", (2 + i,)) for i in range(MAX_WRITTEN_SIZE))
    assert len(LossProgram(chain).lines) == MAX_WRITTEN_SIZE
    with pytest.raises(UserError, match="when written out"):
        LossProgram((*chain, Line("neg", (0,)), Line("neg", (2 + MAX_WRITTEN_SIZE,))))


def test_a_program_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SQUARED_ERROR.lines = ()


def test_lists_are_taken_for_tuples():
    assert LossProgram([("neg", [1]), ("add", [0, 3]), ("square", [4])], list(INPUTS)) == SQUARED_ERROR


def test_key_complexity_and_text_of_the_squared_error():
    assert SQUARED_ERROR.key == "neg(y); add(y_hat, v0); square(v1)"
    assert SQUARED_ERROR.complexity == 3
    assert str(SQUARED_ERROR) == "(y_hat - y)^2"
    assert SQUARED_ERROR.to_dict() == {
        "inputs": ["y_hat", "y", "1"],
        "lines": [["neg", "y"], ["add", "y_hat", "v0"], ["square", "v1"]],
    }


@law
@given(free_programs())
def test_complexity_counts_the_lines_that_matter(program):
    assert 1 <= program.complexity == len(program.canonical.lines) <= len(program.lines)


@law
@given(free_programs())
def test_the_canonical_program_is_one_that_the_constructor_accepts_and_keeps(program):
    canonical = program.canonical
    checked = LossProgram(canonical.lines, canonical.inputs)
    assert (checked, hash(checked), repr(checked)) == (canonical, hash(canonical), repr(canonical))
    assert {type(line) for line in canonical.lines} == {Line}


@law
@given(free_programs())
def test_the_key_is_the_canonical_lines_by_name(program):
    stored = program.canonical.to_dict()["lines"]
    assert program.key == "; ".join(f"{operator}({', '.join(names)})" for operator, *names in stored)


@law
@given(free_programs())
def test_a_stored_program_comes_back_exactly(program):
    assert LossProgram.from_dict(program.to_dict()) == program
    assert LossProgram.from_dict(json.loads(json.dumps(program.to_dict()))) == program


@law
@given(free_programs())
def test_stored_programs_name_things_and_never_number_them(program):
    assert {type(part) for line in program.to_dict()["lines"] for part in line} == {str}


def json_like():
    names = st.sampled_from((*KNOWN_INPUTS, "v0", "v1", "v-1", "v00", *OPERATORS))
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | names
    return st.recursive(leaves, lambda parts: st.lists(parts) | st.dictionaries(st.text() | names, parts), max_leaves=8)


@law
@given(json_like() | st.fixed_dictionaries({"inputs": json_like(), "lines": json_like()}))
def test_hostile_mappings_are_read_or_refused_with_a_user_error_only(stored):
    try:
        program = LossProgram.from_dict(stored)
    except UserError:
        return
    assert LossProgram.from_dict(program.to_dict()) == program


@law
@given(
    st.lists(st.sampled_from(KNOWN_INPUTS), max_size=4),
    st.lists(st.lists(st.sampled_from((*OPERATORS, *KNOWN_INPUTS, "v0", "v1", "v2", "v9")), max_size=4), max_size=4),
)
def test_nearly_good_mappings_are_read_or_refused_with_a_user_error(inputs, lines):
    try:
        program = LossProgram.from_dict({"inputs": inputs, "lines": lines})
    except UserError:
        return
    assert program.to_dict() == {"inputs": inputs, "lines": lines}


GOOD_LINES = [["neg", "y"]]


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        "text",
        b"bytes",
        1.5,
        {},
        {"inputs": ["y"]},
        {"lines": GOOD_LINES},
        {"inputs": None, "lines": GOOD_LINES},
        {"inputs": [[]], "lines": GOOD_LINES},
        {"inputs": [None], "lines": GOOD_LINES},
        {"inputs": ["v0"], "lines": [["neg", "v0"]]},
        {"inputs": ["y"], "lines": None},
        {"inputs": ["y"], "lines": [[]]},
        {"inputs": ["y"], "lines": [None]},
        {"inputs": ["y"], "lines": ["neg"]},
        {"inputs": ["y"], "lines": [["neg"]]},
        {"inputs": ["y"], "lines": [["neg", 0]]},
        {"inputs": ["y"], "lines": [["neg", ["y"]]]},
        {"inputs": ["y"], "lines": [["neg", {"y": 1}]]},
        {"inputs": ["y"], "lines": [["neg", "v0"]]},
        {"inputs": ["y"], "lines": [["neg", "v1"], ["neg", "y"]]},
        {"inputs": ["y"], "lines": [["neg", "y", "y"]]},
        {"inputs": ["y"], "lines": [["add", "y"]]},
        {"inputs": ["y"], "lines": [[["neg"], "y"]]},
        {"inputs": ["y"], "lines": [[None, "y"]]},
        {"inputs": ["y"], "lines": [["neg", "\ud800"]]},
        {"inputs": ["y"], "lines": [["neg", "y\x00"]]},
        {"inputs": ["y"], "lines": {"neg": "y"}},
    ],
    ids=repr,
)
def test_what_is_no_stored_program_is_refused(stored):
    with pytest.raises(UserError, match=r"^(stored )?program"):
        LossProgram.from_dict(stored)


def nested(depth):
    """A list in a list in a list ..."""
    found = []
    for _ in range(depth):
        found = [found]
    return found


@pytest.mark.parametrize(
    "stored",
    [{"inputs": nested(10_000), "lines": GOOD_LINES}, {"inputs": ["y"], "lines": [[nested(10_000), "y"]]}],
    ids=["inputs", "operator"],
)
def test_deeply_nested_mappings_are_refused_with_a_user_error(stored):
    with pytest.raises(UserError):
        LossProgram.from_dict(stored)


def test_inputs_are_a_list_and_not_a_text():
    with pytest.raises(UserError):
        LossProgram.from_dict({"inputs": "y", "lines": GOOD_LINES})
