import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from core.programs.canonical import fold
from core.programs.line import INPUTS, KNOWN_INPUTS, Line
from core.programs.operators import OPERATORS
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from tests.core.oracles import (
    SPECIAL_Y,
    SPECIAL_Y_HAT,
    Y_HAT,
    Y,
    assert_gradients_agree,
    gradient_size,
    prediction_gradient,
    run_raw,
)
from tests.strategies import CLAMP_RULES, free_programs, law, programs_of, space_of

POINTS = ((Y_HAT, Y), (SPECIAL_Y_HAT, SPECIAL_Y))


def insert(program, at, line, reroute=lambda operand: False):
    """The program with one more line before line `at`; later operands follow, or move to the new slot if asked."""
    slot = len(program.inputs) + at
    old = line.operands[0]

    def moved(operand):
        if operand == old and reroute(operand):
            return slot
        return operand + (operand >= slot)

    later = [Line(operator, tuple(moved(o) for o in operands)) for operator, operands in program.lines[at:]]
    return LossProgram((*program.lines[:at], line, *later), program.inputs)


@st.composite
def places(draw):
    """A program, a place in it, and the number of slots that exist there."""
    program = draw(free_programs())
    at = draw(st.integers(0, len(program.lines) - 1))
    return program, at, len(program.inputs) + at


@law
@given(free_programs())
def test_folding_twice_is_folding_once(program):
    assert fold(program.inputs, program.canonical.lines) == program.canonical.lines
    assert program.canonical.key == program.key


@pytest.mark.parametrize("clamp", CLAMP_RULES)
@law
@given(program=free_programs(), xi=st.sampled_from((1e-6, 1e-3)))
def test_the_canonical_program_has_the_values_and_gradients_of_the_raw_one(clamp, program, xi):
    space = space_of(program.inputs, 7, clamp, xi)
    for y_hat, y in POINTS:
        raw, canonical = (lambda a, b, p=p: run_raw(p, space, a, b) for p in (program, program.canonical))
        assert torch.equal(raw(y_hat, y), canonical(y_hat, y))
        size = gradient_size(program, space, y_hat, y)
        assert_gradients_agree(
            prediction_gradient(canonical, y_hat, y), prediction_gradient(raw, y_hat, y), size, rtol=1e-12
        )


@law
@given(places(), st.data())
def test_the_order_of_operands_does_not_matter(place, data):
    program, *_ = place
    lines = [
        Line(operator, operands[::-1] if OPERATORS[operator].commutative and data.draw(st.booleans()) else operands)
        for operator, operands in program.lines
    ]
    assert LossProgram(tuple(lines), program.inputs).key == program.key


@law
@given(places(), st.sampled_from(tuple(OPERATORS)), st.data())
def test_dead_lines_do_not_matter(place, operator, data):
    program, at, n_slots = place
    operands = tuple(data.draw(st.integers(0, n_slots - 1)) for _ in range(OPERATORS[operator].arity))
    assert insert(program, at, Line(operator, operands)).key == program.key


@law
@given(places(), st.data())
def test_identities_do_not_matter(place, data):
    program, at, n_slots = place
    line = Line("identity", (data.draw(st.integers(0, n_slots - 1)),))
    assert insert(program, at, line, reroute=lambda operand: data.draw(st.booleans())).key == program.key


@law
@given(free_programs(), st.data())
def test_the_order_of_independent_lines_does_not_matter(program, data):
    n, last = len(program.inputs), len(program.lines) - 1
    order = []
    while len(order) < last:  # any order in which operands come first; the loss stays last
        ready = [
            i
            for i, (_, operands) in enumerate(program.lines[:last])
            if i not in order and all(o < n or o - n in order for o in operands)
        ]
        order.append(data.draw(st.sampled_from(ready)))
    slot_of = {**{i: i for i in range(n)}, **{n + i: n + at for at, i in enumerate(order)}}
    moved = (program.lines[i] for i in (*order, last))
    lines = tuple(Line(operator, tuple(slot_of[o] for o in operands)) for operator, operands in moved)
    assert LossProgram(lines, program.inputs).key == program.key


@law
@given(places(), st.data())
def test_repeated_lines_do_not_matter(place, data):
    program, at, _ = place
    repeated = program.lines[data.draw(st.integers(0, at))]
    slot = len(program.inputs) + at
    lines = [*program.lines[:at], repeated]
    first = len(program.inputs) + program.lines.index(repeated)

    def moved(operand):
        if operand == first and first < slot and data.draw(st.booleans()):
            return slot
        return operand + (operand >= slot)

    lines += [Line(operator, tuple(moved(o) for o in operands)) for operator, operands in program.lines[at:]]
    assert LossProgram(tuple(lines), program.inputs).key == program.key


@law
@given(free_programs(), st.sampled_from(["max", "min"]), st.data())
def test_the_larger_or_smaller_of_a_line_and_itself_is_the_line(program, operator, data):
    program = program.canonical
    assume(program.complexity > 1)
    at = data.draw(st.integers(1, program.complexity - 1))
    slot = len(program.inputs) + data.draw(st.integers(0, at - 1))
    itself = Line(operator, (slot, slot))
    assert insert(program, at, itself, reroute=lambda operand: data.draw(st.booleans())).key == program.key


@pytest.mark.parametrize("operator", ["max", "min"])
@pytest.mark.parametrize("slot", range(3))
def test_the_larger_or_smaller_of_an_input_and_itself_stays_since_it_clamps(operator, slot):
    program = LossProgram((Line("identity", (slot,)), Line(operator, (slot, 3))))
    assert program.key == f"{operator}({INPUTS[slot]}, {INPUTS[slot]})"
    assert program.complexity == 1


@pytest.mark.parametrize("operator", ["add", "mul"])
def test_sums_and_products_with_oneself_stay(operator):
    program = LossProgram((Line("square", (0,)), Line(operator, (3, 3))))
    assert program.key == f"square(y_hat); {operator}(v0, v0)"


@pytest.mark.parametrize("slot", range(3))
def test_a_program_that_is_an_input_keeps_one_identity(slot):
    program = LossProgram((Line("square", (0,)), Line("identity", (slot,)), Line("identity", (4,))))
    assert program.canonical.lines == (Line("identity", (slot,)),)


def test_lines_come_in_the_order_of_a_walk_from_the_loss_down():
    lines = (Line("log", (1,)), Line("neg", (0,)), Line("square", (3,)), Line("max", (5, 4)))
    assert fold(INPUTS, lines) == (Line("neg", (0,)), Line("log", (1,)), Line("square", (4,)), Line("max", (3, 5)))


def test_operands_are_ordered_leaves_first_then_small_before_large_then_by_text():
    texts = ["y_hat", "y", "1", "add(y_hat, y)", "log(y)", "neg(y)", "square(1)", "neg(log(y))", "add(1, neg(log(y)))"]
    for i, small in enumerate(texts):
        for large in texts[i + 1 :]:
            ordered = LossProgram.parse(f"add({large}, {small})").canonical.lines
            smaller, _ = ordered[-1].operands
            assert LossProgram((*ordered[:-1], Line("identity", (smaller,)))).key == LossProgram.parse(small).key


@law
@given(free_programs(max_lines=12) | programs_of(OperatorSpace(operators=("add", "mul", "neg"), max_variables=12)))
def test_no_operand_of_a_commutative_operator_comes_before_the_one_on_its_left(program):
    """An order of its own for every expression, from sizes and texts that are all written out."""
    order = [(0, KNOWN_INPUTS.index(name), name) for name in program.inputs]
    for operator, operands in program.canonical.lines:
        parts = [order[o] for o in operands]
        assert not OPERATORS[operator].commutative or parts == sorted(parts)
        order.append((1 + sum(size for size, *_ in parts), 0, f"{operator}({','.join(text for *_, text in parts)})"))


def test_programs_of_different_functions_keep_different_keys():
    texts = [
        "y_hat - y",
        "y - y_hat",
        "y_hat*y",
        "max(y_hat, y)",
        "min(y_hat, y)",
        "log(y)",
        "1/(y)",
        "y^2",
        "y*y",
        "-y",
        "y",
    ]
    assert len({LossProgram.parse(text).key for text in texts}) == len(texts)


def test_a_long_chain_is_folded_without_recursion():
    program = LossProgram(tuple(Line("neg", (2 + i,)) for i in range(2_000)))
    assert program.complexity == 2_000
