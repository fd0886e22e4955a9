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
from core.search.choices import ChoiceSpace
from core.search.decision import Decision, Kind
from tests.strategies import genomes, law, programs_of, spaces

PAPERS = OperatorSpace()


def spaces_with_genomes():
    return spaces().flatmap(lambda space: st.tuples(st.just(space), genomes(space)))


def spaces_with_programs():
    return spaces().flatmap(lambda space: st.tuples(st.just(space), programs_of(space)))


def program(space, genome):
    return space.decode(np.array(genome)[None])[0]


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
@given(spaces_with_genomes())
def test_a_genome_is_the_lines_of_its_program(case):
    space, genome = case
    found = program(space, genome)
    rows = [(space.operators.index(operator), *operands) for operator, operands in found.lines]
    assert rows == [tuple(row[: len(own)]) for row, own in zip(genome.reshape(-1, 3).tolist(), rows, strict=True)]
    assert found in space
    assert space.encode(found).tolist() == space.repaired(genome[None])[0].tolist()


@law
@given(spaces_with_genomes(), st.data())
def test_the_second_operand_of_an_operator_with_one_is_ignored(case, data):
    space, genome = case
    changed = genome.copy()
    for i in range(2, len(genome), 3):
        if space.arities[genome[i - 2]] == 1:
            changed[i] = data.draw(st.integers(0, space.decisions[i].size - 1))
    assert program(space, changed) == program(space, genome)
    assert np.array_equal(space.repaired(changed[None]), space.repaired(genome[None]))


@law
@given(spaces_with_programs(), st.data())
def test_a_shorter_program_is_continued_without_changing_its_loss(case, data):
    space, whole = case
    short = LossProgram(whole.lines[: data.draw(st.integers(1, len(whole.lines)))], whole.inputs)
    assert short in space
    continued = program(space, space.encode(short))
    assert len(continued.lines) == space.n_lines
    assert continued.key == short.key


@law
@given(spaces_with_programs())
def test_a_program_of_a_space_is_one_that_the_constructor_accepts_and_keeps(case):
    _, made = case
    checked = LossProgram(made.lines, made.inputs)
    assert (checked, hash(checked), repr(checked)) == (made, hash(made), repr(made))
    assert {type(operand) for line in made.lines for operand in line.operands} == {int}


def test_what_is_no_genome_is_refused_by_the_name_of_its_decision():
    genome = PAPERS.encode(LossProgram.parse("y + y_hat"))
    for i, number, problem in ((5, 4, "b_1: expected an option 0 to 3, got 4"), (1, -1, "a_0: expected .*, got -1")):
        wrong = genome.copy()
        wrong[i] = number
        with pytest.raises(UserError, match=problem):
            program(PAPERS, wrong)
    with pytest.raises(UserError, match=r"expected rows of 21 whole numbers, .*, got"):
        program(PAPERS, genome[:-3])


def test_the_genome_of_figure_2():
    found = PAPERS.encode(LossProgram((Line("neg", (1,)), Line("add", (0, 3)), Line("square", (4,)))))
    lines = [[4, 1, 0], [0, 0, 3], [7, 4, 0], [5, 5, 0], [5, 6, 0], [5, 7, 0], [5, 8, 0]]
    assert found.reshape(-1, 3).tolist() == lines


def test_a_decision_has_the_slots_before_its_line():
    names = [(decision.name, decision.options[-1]) for decision in PAPERS.decisions[-3:]]
    assert names == [("op_6", "reciprocal"), ("a_6", "v5"), ("b_6", "v5")]
    assert {decision.kind.name for decision in PAPERS.decisions} == {"operator", "first", "second"}


def test_a_second_operand_that_is_the_first_stands_for_the_slot_after_it():
    space = OperatorSpace(max_variables=4)
    for slot, other in ((0, 1), (1, 2), (2, 0)):
        assert space.repaired(np.array([[0, slot, slot]])).tolist() == [[0, slot, other]]


def test_what_counts_in_a_known_program_are_its_live_lines():
    lines = [Line("add", (0, 1)), Line("neg", (3,)), Line("log", (2,)), Line("square", (4,)), Line("mul", (5, 1))]
    genome = PAPERS.encode(LossProgram((*lines, Line("max", (6, 1)), Line("identity", (8,)))))
    counted = np.flatnonzero(PAPERS.counts(genome[None])[0]).tolist()
    assert counted == [0, 1, 2, 3, 4, 9, 10, 15, 16, 17, 18, 19]


def test_every_neighbour_can_be_reached():
    """Three sums can be made of three inputs."""
    space = OperatorSpace(operators=("add",), max_variables=4)
    genome = space.encode(LossProgram.parse("y_hat + y"))
    changed = space.varied(np.tile(genome, (60, 1)), np.random.default_rng(0))
    assert len({one.key for one in space.decode(changed)}) == 3


OUTSIDE = [
    (PAPERS, LossProgram.parse("y + eps"), "expected the inputs"),
    (PAPERS, LossProgram((Line("neg", (0,)),), ("y_hat", "y")), "expected the inputs"),
    (PAPERS, LossProgram.parse("y*(y + y_hat)*(y - y_hat)*(1 + y)*(1 + y_hat)"), "expected at most 7 lines, got 9"),
    (OperatorSpace(max_variables=4), LossProgram.parse("y + y"), "expected at most 1 lines, got 2 .*twice is copied"),
    (
        OperatorSpace(operators=("add",), max_variables=5),
        LossProgram.parse("y + y"),
        "out of add, got identity .*copied",
    ),
    (
        OperatorSpace(operators=("add", "neg", "identity")),
        LossProgram.parse("y^2"),
        "expected operators out of add, neg",
    ),
    (OperatorSpace(operators=("add", "neg")), LossProgram.parse("-y"), "expected 7 lines .*no identity.*, got 1"),
]


@pytest.mark.parametrize(("space", "program", "problem"), OUTSIDE)
def test_a_program_outside_the_space_is_refused(space, program, problem):
    assert program not in space
    with pytest.raises(UserError, match=problem):
        space.encode(program)


@pytest.mark.parametrize("operators", [PAPER_OPERATORS, ("add", "mul")])
def test_what_is_an_operand_twice_is_copied_once(operators):
    space = OperatorSpace(operators=operators, max_variables=8)
    program = LossProgram.parse("(y + y_hat)*(y + y_hat) + (y + y_hat + (y + y_hat))")
    assert len(program.canonical.lines) == 4
    (decoded,) = space.decode(space.encode(program)[None])
    assert decoded.key == program.key


@law
@given(st.integers(0, 10_000))
def test_whatever_is_drawn_can_be_written_and_read(seed):
    space = OperatorSpace(max_variables=7)
    for drawn in space.decode(space.sample(30, np.random.default_rng(seed))):
        (again,) = space.decode(space.encode(space.parse(str(drawn)))[None])
        assert again.key == drawn.key


def test_the_length_of_a_program_of_a_space_without_identity_is_fixed():
    space = OperatorSpace(operators=("add", "neg"), max_variables=5)
    assert LossProgram.parse("-(y + y_hat)") in space
    assert LossProgram.parse("y + y_hat") not in space


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"operators": ("add", "sub")}, "unknown operator 'sub'"),
        ({"operators": ()}, "at least one operator and two inputs"),
        ({"operators": ("add", "neg", "add")}, "expected distinct operators, got add, neg, add"),
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
    assert len(program(space, space.sample(1, np.random.default_rng(0))[0]).lines) == max_variables - 3


def test_inputs_are_distinct():
    with pytest.raises(UserError):
        OperatorSpace(inputs=("y_hat", "y", "y"))


def test_a_space_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PAPERS.xi = 0.1


@pytest.fixture(scope="module")
def many():
    return PAPERS.decode(PAPERS.sample(4_000, np.random.default_rng(7)))


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


@law
@given(spaces(), st.integers(0, 1000))
def test_hashes_are_equal_for_programs_with_equal_keys_alone(space, seed):
    many = space.sample(300, np.random.default_rng(seed))
    hashes, keys = space.hashes(many).tolist(), [one.key for one in space.decode(many)]
    assert list(map(hashes.index, hashes)) == list(map(keys.index, keys))


def test_the_maximum_of_an_input_and_itself_is_clamped_and_that_of_a_line_is_not():
    space = OperatorSpace(operators=("max", "identity", "square"), max_variables=5)
    copied = [[1, 0, 0], [0, 3, 0]]  # identity y_hat; max of it and y_hat
    squared = [[2, 0, 0], [1, 3, 0]], [[2, 0, 0], [0, 3, 3]]
    of_copy, of_input, one, other = space.hashes(np.array([copied, [[1, 0, 0], [1, 3, 0]], *squared]).reshape(4, -1))
    assert of_copy != of_input
    assert one == other


def test_a_space_of_other_inputs_samples_from_those():
    space = OperatorSpace(inputs=("y_hat", "y"), operators=("max", "neg"), max_variables=4)
    programs = space.decode(space.sample(50, np.random.default_rng(0)))
    assert {line.operator for program in programs for line in program.lines} == {"max", "neg"}
    assert {program.inputs for program in programs} == {("y_hat", "y")}
    assert INPUTS not in {program.inputs for program in programs}


def test_features_of_losses_are_their_gradients_whatever_their_scale_and_how_they_are_written():
    space = OperatorSpace()
    texts = ["(y_hat - y)^2", "(y - y_hat)^2", "(y_hat - y)^2 - (-(y_hat - y)^2)", "-(y_hat - y)^2", "y"]
    one, swapped, twice, opposite, flat = space.features(np.stack([space.encode(space.parse(text)) for text in texts]))
    np.testing.assert_allclose(swapped, one, atol=1e-3)  # xi is what the clamp makes of 0
    np.testing.assert_allclose(twice, one, atol=1e-3)
    np.testing.assert_allclose(opposite, -one, atol=1e-3)
    assert not flat.any()


def test_features_of_a_loss_that_is_not_finite_somewhere_are():
    space = OperatorSpace(clamp="none", xi=1e-300)
    genomes = np.stack([space.encode(space.parse(text)) for text in ("1/(y_hat - y_hat)", "1/((1/(y_hat^2))^2)")])
    assert np.isfinite(space.features(genomes)).all()


def test_features_of_other_spaces_are_the_options_that_were_chosen():
    rate, word = Kind("rate", ("1", "2", "4")), Kind("word", ("a", "b", "c"))
    space = ChoiceSpace((Decision("rate", rate, 3, ordered=True), Decision("word", word, 3)))
    assert space.features(np.array([[0, 0], [1, 2], [2, 1]])).tolist() == [[0, 1, 0, 0], [0.5, 0, 0, 1], [1, 0, 1, 0]]
