import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from searchers.variation import live_rows, mutated, program_of, rows_of

SPACES = st.sampled_from(
    [OperatorSpace(), OperatorSpace(max_variables=5), OperatorSpace(operators=("add", "neg"), max_variables=7)]
)
SEEDS = st.integers(0, 2**32 - 1)


@given(SPACES, SEEDS)
def test_a_genome_is_its_program(space, seed):
    (program,) = space.sample(1, np.random.default_rng(seed))
    rows = rows_of(program, space)
    assert program_of(rows, space) == program
    assert all(first != second for _, first, second in rows)


@given(SPACES, SEEDS)
def test_mutation_gives_another_loss_of_the_space_and_leaves_its_parent_alone(space, seed):
    (program,) = space.sample(1, np.random.default_rng(seed))
    rows = rows_of(program, space)
    before = list(rows)
    changed = program_of(mutated(rows, space, random.Random(seed)), space)
    assert rows == before
    assert changed in space
    assert changed.key != program.key


@given(SPACES, SEEDS)
def test_what_is_not_live_changes_nothing(space, seed):
    rng = np.random.default_rng(seed)
    program, other = (rows_of(p, space) for p in space.sample(2, rng))
    live = live_rows(program, space)
    mixed = [program[i] if i in live else other[i] for i in range(space.n_lines)]
    assert program_of(mixed, space).key == program_of(program, space).key


def test_live_rows_of_a_known_program():
    space = OperatorSpace()
    program = LossProgram.from_dict(
        {
            "inputs": ["y_hat", "y", "1"],
            "lines": [
                ["add", "y_hat", "y"],
                ["neg", "v0"],
                ["log", "1"],
                ["square", "v1"],
                ["mul", "v2", "y"],
                ["max", "v3", "y"],
                ["identity", "v5"],
            ],
        }
    )
    assert live_rows(rows_of(program, space), space) == [0, 1, 3, 5, 6]


def test_every_neighbour_can_be_reached():
    """Three sums can be made of three inputs."""
    space = OperatorSpace(operators=("add",), max_variables=4)
    found = {LossProgram.parse("y_hat + y").key}
    for i in range(60):
        rows = rows_of(LossProgram.parse("y_hat + y"), space)
        found.add(program_of(mutated(rows, space, random.Random(i)), space).key)
    assert len(found) == 3
