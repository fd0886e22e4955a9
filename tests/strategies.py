"""Hypothesis strategies for spaces, programs, losses and formulas."""

import os

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from core.losses.loss import ProgramLoss
from core.programs.line import EPSILON, INPUTS, KNOWN_INPUTS, Line
from core.programs.operators import OPERATORS
from core.programs.program import LossProgram
from core.programs.space import CLAMPS, OperatorSpace

#: Whether all examples, seeds and kills are asked for: `make nightly`.
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"


def examples(few, many, **others):
    """Settings of a law with few examples by default and many at night; how they are run says tests/conftest.py."""
    checks = [HealthCheck.too_slow, *others.pop("suppress_health_check", ())]
    return settings(max_examples=many if NIGHTLY else few, suppress_health_check=checks, **others)


#: Decorates a law.
law = examples(20, 400)
#: For laws whose every example costs tens of milliseconds.
costly_law = examples(8, 60)

CLAMP_RULES = tuple(CLAMPS)
INPUT_SETS = (INPUTS, KNOWN_INPUTS, ("y_hat", "y"), ("1", "y", "y_hat"))


def spaces(clamps=CLAMP_RULES, input_sets=INPUT_SETS, max_lines=7):
    """Spaces with all operators of the table. Without a clamp xi is large, so that float64 does not overflow."""
    return st.builds(
        space_of,
        st.sampled_from(input_sets),
        st.integers(1, max_lines),
        st.sampled_from(clamps),
        st.sampled_from((1e-6, 1e-3)),
    )


def space_of(inputs, n_lines, clamp, xi):
    """A space with room for so many lines."""
    xi = 1e-3 if clamp == "none" else xi
    return OperatorSpace(inputs, tuple(OPERATORS), max_variables=len(inputs) + n_lines, xi=xi, clamp=clamp)


def _slots(n_slots):
    """One of so many slots; often the last one, so that much of a program is live."""
    return st.just(n_slots - 1) | st.integers(0, n_slots - 1)


@st.composite
def genomes(draw, space):
    """Genomes [D] of a space of operators with open options; a second operand that does not count is any."""
    genome = []
    for n_slots in range(len(space.inputs), space.max_variables):
        operator = draw(st.integers(0, len(space.operators) - 1))
        first = draw(_slots(n_slots))
        second = draw(st.integers(0, n_slots - 2))
        genome += (operator, first, second + (second >= first))
    return np.array(genome)


def programs_of(space):
    """Programs of one space."""
    return genomes(space).map(lambda genome: space.decode(genome[None])[0])


def programs(**kinds):
    """Programs of any space; `kinds` as in `spaces`."""
    return spaces(**kinds).flatmap(programs_of)


@st.composite
def free_programs(draw, max_lines=7):
    """Programs as a person or a crossover may write them: operands may be equal."""
    inputs = draw(st.sampled_from(INPUT_SETS))
    lines = []
    for i in range(draw(st.integers(1, max_lines))):
        operator = draw(st.sampled_from(tuple(OPERATORS)))
        slots = _slots(len(inputs) + i)
        lines.append(Line(operator, tuple(draw(slots) for _ in range(OPERATORS[operator].arity))))
    return LossProgram(tuple(lines), inputs)


@st.composite
def losses(draw, **kinds):
    """Program losses with a smoothing term of their own or the space's; `kinds` as in `spaces`."""
    space = draw(spaces(**kinds))
    epsilon = draw(st.sampled_from((None, 1e-3, 0.1)))
    return ProgramLoss(draw(programs_of(space) | _lone_inputs(space)), space, epsilon)


def _lone_inputs(space):
    slots = st.integers(0, len(space.inputs) - 1)
    return slots.map(lambda slot: LossProgram((Line("identity", (slot,)),), space.inputs))


_NAMES = ("y_hat", "y", "1", EPSILON, "pred", "prediction", "label", "epsilon")


def formulas():
    """Formulas in every notation that the parser knows, with spaces here and there."""
    return st.recursive(st.sampled_from(_NAMES), _larger, max_leaves=10)


def _larger(parts):
    gap = st.sampled_from(("", " ", "\t", "\n "))
    infix = st.tuples(parts, gap, st.sampled_from("+-*/"), gap, parts).map("".join)
    calls = st.one_of(
        st.tuples(st.just(row.name), gap, st.just("("), parts, *(st.just(","), parts) * (row.arity - 1), st.just(")"))
        for row in OPERATORS.values()
    ).map("".join)
    return st.one_of(
        infix,
        calls,
        parts.map("-{}".format),
        parts.map("({})".format),
        parts.map("({})^2".format),
        parts.map("( {} ) ** 2".format),
    )
