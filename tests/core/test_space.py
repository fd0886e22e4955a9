import dataclasses
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.programs.line import INPUTS, KNOWN_INPUTS, Line
from core.programs.operators import OPERATORS, PAPER_OPERATORS
from core.programs.program import LossProgram
from core.programs.space import CLAMPS, HANDCRAFTED_SPACE, OperatorSpace
from tests.strategies import choices, law, programs_of, spaces

PAPERS = OperatorSpace()


def spaces_with_choices():
    return spaces().flatmap(lambda space: st.tuples(st.just(space), choices(space)))


def spaces_with_programs():
    return spaces().flatmap(lambda space: st.tuples(st.just(space), programs_of(space)))


def test_the_papers_space():
    assert PAPERS.inputs == ("y_hat", "y", "1")
    assert PAPERS.operators == PAPER_OPERATORS
    assert (PAPERS.max_variables, PAPERS.n_lines, PAPERS.xi, PAPERS.clamp) == (10, 7, 1e-6, "signed")
    assert PAPERS.arities == (2, 2, 2, 2, 1, 1, 1, 1, 1)


def test_handcrafted_losses_run_as_written_and_may_name_epsilon():
    assert (HANDCRAFTED_SPACE.clamp, HANDCRAFTED_SPACE.inputs) == ("none", KNOWN_INPUTS)


def test_every_clamp_rule_says_what_it_does():
    assert set(CLAMPS) == {"signed", "paper", "none"}
    assert all(len(meaning.split()) > 5 for meaning in CLAMPS.values())


@law
@given(spaces_with_choices())
def test_a_program_remembers_the_choices_that_it_was_made_of(case):
    space, chosen = case
    unary = np.array(space.arities)[chosen[:, 0]] == 1
    expected = chosen.copy()
    expected[unary, 2] = 0
    found = space.choices(space.program(chosen))
    assert found.dtype == np.int64
    assert np.array_equal(found, expected)


@law
@given(spaces_with_programs())
def test_choices_give_their_program_back(case):
    space, program = case
    assert program in space
    assert space.program(space.choices(program)) == program


@law
@given(spaces_with_choices(), st.integers(0, 99))
def test_the_second_operand_of_an_operator_with_one_is_ignored(case, other):
    space, chosen = case
    unary = np.array(space.arities)[chosen[:, 0]] == 1
    changed = chosen.copy()
    changed[unary, 2] = other
    assert space.program(changed) == space.program(chosen)


@law
@given(spaces_with_programs(), st.data())
def test_a_shorter_program_is_continued_without_changing_its_loss(case, data):
    space, program = case
    short = LossProgram(program.lines[: data.draw(st.integers(1, len(program.lines)))], program.inputs)
    assert short in space
    continued = space.program(space.choices(short))
    assert len(continued.lines) == space.n_lines
    assert continued.key == short.key


@law
@given(spaces_with_programs())
def test_a_program_of_a_space_is_one_that_the_constructor_accepts_and_keeps(case):
    _, program = case
    checked = LossProgram(program.lines, program.inputs)
    assert (checked, hash(checked), repr(checked)) == (program, hash(program), repr(program))
    assert {type(operand) for line in program.lines for operand in line.operands} == {int}


@pytest.mark.parametrize(
    ("chosen", "problem"),
    [
        ([[0, 0, 3]], "line 0: expected operands out of slots 0 to 2, got 3"),
        ([[0, 0, 1], [4, 4, 0]], "line 1: expected operands out of slots 0 to 3, got 4"),
        ([[0, -1, 1]], "line 0: expected operands out of slots 0 to 2, got -1"),
        (np.empty((0, 3), dtype=np.int64), "at least one line expected"),
        ([[0, 2 + i, 2 + i] for i in range(13)], "when written out"),
    ],
)
def test_choices_of_what_is_no_program_are_refused(chosen, problem):
    with pytest.raises(UserError, match=problem):
        PAPERS.program(np.array(chosen))


def test_the_choices_of_figure_2():
    found = PAPERS.choices(LossProgram((Line("neg", (1,)), Line("add", (0, 3)), Line("square", (4,)))))
    assert found.tolist() == [[4, 1, 0], [0, 0, 3], [7, 4, 0], [5, 5, 0], [5, 6, 0], [5, 7, 0], [5, 8, 0]]


OUTSIDE = [
    (PAPERS, LossProgram.parse("y + eps"), "expected the inputs"),
    (PAPERS, LossProgram((Line("neg", (0,)),), ("y_hat", "y")), "expected the inputs"),
    (PAPERS, LossProgram.parse("y*(y + y_hat)*(y - y_hat)*(1 + y)*(1 + y_hat)"), "expected at most 7 lines, got 9"),
    (PAPERS, LossProgram.parse("y + y"), "expected distinct operands .*, got add of the same slot twice"),
    (
        OperatorSpace(operators=("add", "neg", "identity")),
        LossProgram.parse("y^2"),
        "expected operators out of add, neg",
    ),
    (OperatorSpace(operators=("add", "neg")), LossProgram.parse("-y"), "expected 7 lines .*no identity.*, got 1"),
]


@pytest.mark.parametrize(("space", "program", "problem"), OUTSIDE)
def test_choices_of_a_program_outside_the_space_are_refused(space, program, problem):
    assert program not in space
    with pytest.raises(UserError, match=problem):
        space.choices(program)


def test_the_length_of_a_program_of_a_space_without_identity_is_fixed():
    space = OperatorSpace(operators=("add", "neg"), max_variables=5)
    assert LossProgram.parse("-(y + y_hat)") in space
    assert LossProgram.parse("y + y_hat") not in space


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"operators": ("add", "sub")}, "unknown operator 'sub'"),
        ({"operators": ()}, "at least one operator and two inputs"),
        ({"inputs": ("y_hat", "z")}, "unknown input 'z'"),
        ({"inputs": ("y_hat",)}, "at least one operator and two inputs"),
        ({"inputs": ()}, "at least one operator and two inputs"),
        ({"clamp": "signd"}, "unknown clamp rule 'signd'.* Did you mean 'signed'?"),
        ({"max_variables": 3}, "max_variables: expected 4 to 15, got 3"),
        ({"max_variables": -1}, "max_variables: expected 4 to 15, got -1"),
        ({"max_variables": 16}, "max_variables: expected 4 to 15, got 16"),
        ({"inputs": KNOWN_INPUTS, "max_variables": 17}, "max_variables: expected 5 to 16, got 17"),
        ({"xi": 0.0}, "xi: expected a number between 0 and 1, got 0.0"),
        ({"xi": 1.0}, "xi: expected a number between 0 and 1, got 1.0"),
        ({"xi": -1e-6}, "xi: expected"),
        ({"xi": float("nan")}, "xi: expected"),
    ],
)
def test_settings_out_of_bounds_are_refused(settings, problem):
    with pytest.raises(UserError, match=problem):
        OperatorSpace(**settings)


@pytest.mark.parametrize("max_variables", [4, 15])
def test_the_bounds_themselves_are_allowed(max_variables):
    space = OperatorSpace(max_variables=max_variables)
    assert len(space.sample(1, np.random.default_rng(0))[0].lines) == max_variables - 3


def test_inputs_are_distinct():
    with pytest.raises(UserError):
        OperatorSpace(inputs=("y_hat", "y", "y"))


def test_a_space_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PAPERS.xi = 0.1


@law
@given(spaces(max_lines=12), st.integers(0, 2**32), st.integers(0, 20))
def test_samples_are_programs_of_the_space(space, seed, n):
    programs = space.sample(n, np.random.default_rng(seed))
    assert len(programs) == n
    for program in programs:
        assert program in space
        assert len(program.lines) == space.n_lines


@law
@given(spaces(), st.integers(0, 2**32))
def test_samples_depend_on_the_generator_only(space, seed):
    first = space.sample(3, np.random.default_rng(seed))
    np.random.default_rng(seed + 1).random()
    assert space.sample(3, np.random.default_rng(seed)) == first
    generator = np.random.default_rng(seed)
    assert space.sample(3, generator) == first
    generator.bit_generator.state = np.random.default_rng(seed).bit_generator.state
    assert space.sample(3, generator) == first


def test_samples_of_other_seeds_differ():
    assert PAPERS.sample(3, np.random.default_rng(1)) != PAPERS.sample(3, np.random.default_rng(2))


@pytest.fixture(scope="module")
def many():
    return PAPERS.sample(4_000, np.random.default_rng(7))


def test_every_operator_is_equally_likely_in_every_line(many):
    for i in range(PAPERS.n_lines):
        counts = Counter(program.lines[i].operator for program in many)
        assert set(counts) == set(PAPER_OPERATORS)
        assert 360 < min(counts.values()) < max(counts.values()) < 530  # 444 expected, 20 the standard deviation


@pytest.mark.parametrize("line", [0, 2])
def test_every_set_of_distinct_operands_is_equally_likely(many, line):
    slots = range(3 + line)
    pairs = Counter(frozenset(p.lines[line].operands) for p in many if OPERATORS[p.lines[line].operator].arity == 2)
    assert set(pairs) == {frozenset(pair) for pair in combinations(slots, 2)}
    assert max(pairs.values()) < 1.4 * min(pairs.values())
    singles = Counter(p.lines[line].operands[0] for p in many if OPERATORS[p.lines[line].operator].arity == 1)
    assert set(singles) == set(slots)
    assert max(singles.values()) < 1.4 * min(singles.values())


def test_a_space_of_other_inputs_samples_from_those():
    space = OperatorSpace(inputs=("y_hat", "y"), operators=("max", "neg"), max_variables=4)
    programs = space.sample(50, np.random.default_rng(0))
    assert {line.operator for program in programs for line in program.lines} == {"max", "neg"}
    assert {program.inputs for program in programs} == {("y_hat", "y")}
    assert INPUTS not in {program.inputs for program in programs}
