import pytest
import torch
from hypothesis import given

from core.programs.line import EPSILON, INPUTS, KNOWN_INPUTS, Line
from core.programs.operators import OPERATORS
from core.programs.printing import formula
from core.programs.program import LossProgram
from tests.strategies import free_programs, law, programs


@law
@given(programs(input_sets=(INPUTS, ("y_hat", "y"), ("1", "y", "y_hat"))))
def test_programs_of_a_space_are_read_back_from_their_text(program):
    assert LossProgram.parse(str(program)).key == program.key


@law
@given(programs(input_sets=(KNOWN_INPUTS, ("y_hat", EPSILON), ("eps", "y", "y_hat"))))
def test_programs_of_a_space_with_epsilon_are_read_back_from_their_text(program):
    assert LossProgram.parse(str(program)).key == program.key


@law
@given(programs(max_lines=12))
def test_the_longest_programs_of_a_space_are_read_back_from_their_text(program):
    assert LossProgram.parse(str(program)).key == program.key


@law
@given(free_programs())
def test_free_programs_are_read_back_from_their_text(program):
    assert LossProgram.parse(str(program)).key == program.key


@pytest.mark.parametrize("inputs", [("y", "y_hat"), ("1", "y_hat"), ("eps", "1")])
def test_programs_with_inputs_in_another_order_are_read_back_from_their_text(inputs):
    program = LossProgram((Line("add", (0, 1)),), inputs)
    assert LossProgram.parse(str(program)).key == program.key


@law
@given(free_programs())
def test_equal_keys_are_written_alike(program):
    assert str(program) == str(program.canonical)


@law
@given(programs(input_sets=(INPUTS, ("y_hat", "y"), ("1", "y", "y_hat"))))
def test_the_smoothing_term_is_silent(program):
    assert EPSILON not in str(program)


GOLDEN = [
    "sigmoid(-y_hat)*softplus(y_hat - y)",
    "exp(tanh(y_hat)^2) - 1/(exp(y))",
    "y",
    "1",
    "eps",
    "-y",
    "-(-y)",
    "y^2",
    "(y^2)^2",
    "(-y)^2",
    "-y^2",
    "-(y_hat*y)",
    "y_hat + y",
    "y - y_hat",
    "-y - y_hat",
    "(y - y_hat)^2",
    "y_hat*y",
    "y_hat*1",
    "y*(y_hat + 1)",
    "(y_hat + y)^2",
    "max(y_hat, y)",
    "min(y_hat, -y)",
    "max(1, y_hat - y)",
    "log(y)",
    "log(y_hat - y)",
    "-log(y_hat)",
    "1/(y_hat)",
    "1/(y_hat + 1)",
    "y_hat/(y)",
    "(y_hat + y)/(y_hat*y)",
    "1/(y)/(y_hat)",
    "(1/(y_hat))^2",
    "1*(1/(y_hat))",
    "-(1/(y))",
    "y - 1/(y_hat)",
    "y - (y_hat + 1)",
    "log(eps)",
    "log(y_hat + eps + eps)",
    "1/(y_hat + eps + eps)",
    "(y_hat + eps)/(y + eps + eps)",
    "log(y_hat - eps)",
    "log(y_hat*eps)",
    "y_hat + y_hat*y",
]


@pytest.mark.parametrize("text", GOLDEN)
def test_formulas_as_a_person_would_write_them(text):
    assert str(LossProgram.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("square(add(y, neg(y_hat)))", "(y - y_hat)^2"),
        ("max(y, y_hat)", "max(y_hat, y)"),
        ("y*y_hat", "y_hat*y"),
        ("1/y", "1/(y)"),
        ("1/(y + eps)", "1/(y)"),
        ("log(y + eps)", "log(y)"),
        ("-y + y_hat", "y_hat - y"),
        ("pred/label", "y_hat/(y)"),
        ("--y", "-(-y)"),
        ("y_hat - y - 1", "y_hat - y - 1"),
        ("max(y*y, y*y)", "y*y"),
        ("max(y, y)", "max(y, y)"),
        ("max(log(y) + 1, y^2)", "max(y^2, 1 + log(y))"),
    ],
)
def test_other_notations_are_written_alike(text, written):
    assert str(LossProgram.parse(text)) == written


def test_an_identity_prints_as_its_operand():
    assert formula(INPUTS, [Line("identity", (1,)), Line("identity", (3,))]) == "y"


def test_a_shared_part_is_written_out_everywhere():
    assert formula(INPUTS, [Line("log", (0,)), Line("mul", (3, 3)), Line("add", (4, 4))]) == (
        "log(y_hat)*log(y_hat) + log(y_hat)*log(y_hat)"
    )


def test_the_smoothed_operators_are_those_whose_value_depends_on_epsilon():
    x = torch.tensor([0.25, 0.5])
    depends = [
        name
        for name, row in OPERATORS.items()
        if not row.value(*[x] * row.arity, 0.1).equal(row.value(*[x] * row.arity, 0.2))
    ]
    assert depends == [name for name, row in OPERATORS.items() if row.smoothed]
