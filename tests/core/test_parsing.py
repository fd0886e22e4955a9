import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.programs.compile import compile_loss
from core.programs.line import EPSILON, INPUTS, KNOWN_INPUTS, Line
from core.programs.parsing import MAX_DEPTH, MAX_LENGTH, MAX_OPERATORS, FormulaError, parse_lines
from core.programs.program import LossProgram
from core.programs.space import HANDCRAFTED_SPACE
from tests.core.oracles import SPECIAL_Y, SPECIAL_Y_HAT, Y_HAT, Y
from tests.strategies import formulas, law

EPS = HANDCRAFTED_SPACE.xi


def key(text):
    return LossProgram.parse(text).key


# What formulas mean, in plain torch. A meaningful formula is its text, its precedence and its function.


def side(x):
    return torch.where(x < 0, -1.0, 1.0).double()


def reciprocal(x):
    return side(x) / (x.abs() + EPS)


def log(x):
    return side(x) * torch.log(x.abs() + EPS)


LEAVES = st.sampled_from(
    [
        *((name, 5, lambda y_hat, y: y_hat) for name in ("y_hat", "pred", "prediction")),
        *((name, 5, lambda y_hat, y: y) for name in ("y", "label")),
        ("1", 5, lambda y_hat, y: torch.ones_like(y_hat)),
    ]
)
INFIX = {
    "+": (1, lambda a, b: a + b),
    "-": (1, lambda a, b: a + -b),
    "*": (2, lambda a, b: a * b),
    "/": (2, lambda a, b: a * reciprocal(b)),
}
CALLS = {
    "add({}, {})": lambda a, b: a + b,
    "mul({},{})": lambda a, b: a * b,
    "max({} , {})": torch.maximum,
    "min({}, {})": torch.minimum,
    "neg({})": lambda a: -a,
    "identity({})": lambda a: a,
    "log({})": log,
    "log({} + eps)": log,
    "log(eps + {})": log,
    "square({})": lambda a: a * a,
    "reciprocal({})": reciprocal,
    "1/({})": reciprocal,
    "1/({} + epsilon)": reciprocal,
}


def within(part, lowest):
    return part[0] if part[1] >= lowest else f"({part[0]})"


def infix(symbol, left, right):
    precedence, meaning = INFIX[symbol]
    text = f"{within(left, precedence)} {symbol} {within(right, precedence + 1)}"
    return text, precedence, lambda *at: meaning(left[2](*at), right[2](*at))


def call(template, left, right):
    parts = (left, right)[: template.count("{}")]
    texts = [within(part, 2) if "eps" in template else part[0] for part in parts]
    precedence = 2 if template.startswith("1/") else 5
    return template.format(*texts), precedence, lambda *at: CALLS[template](*(part[2](*at) for part in parts))


def signed(part):
    return f"-{within(part, 3)}", 3, lambda *at: -part[2](*at)


def power(part, symbol):
    return f"{within(part, 4)}{symbol}2", 4, lambda *at: part[2](*at) ** 2


def meaningful_formulas():
    return st.recursive(
        LEAVES,
        lambda parts: st.one_of(
            st.builds(infix, st.sampled_from(sorted(INFIX)), parts, parts),
            st.builds(call, st.sampled_from(sorted(CALLS)), parts, parts),
            st.builds(signed, parts),
            st.builds(power, parts, st.sampled_from(("^", "**", " ^ "))),
        ),
        max_leaves=8,
    )


@law
@given(meaningful_formulas())
def test_a_formula_means_what_a_person_reads(formula):
    text, _, meaning = formula
    function = compile_loss(LossProgram.parse(text), HANDCRAFTED_SPACE)
    for y_hat, y in ((Y_HAT, Y), (SPECIAL_Y_HAT, SPECIAL_Y)):
        torch.testing.assert_close(function(y_hat, y), meaning(y_hat, y), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("y_hat - y", lambda p, y: p - y),
        ("y - y_hat - 1", lambda p, y: (y - p) - 1),
        ("y - (y_hat - 1)", lambda p, y: y - (p - 1)),
        ("y_hat/(y + 1)", lambda p, y: p / (y + 1 + EPS)),
        ("y_hat/(y + 1 + eps)", lambda p, y: p / (y + 1 + EPS)),
        ("(y_hat + eps)/(y + eps)", lambda p, y: (p + EPS) / (y + EPS)),
        ("1/y_hat", lambda p, y: 1 / (p + EPS)),
        ("1/y_hat/y_hat", lambda p, y: 1 / (p + EPS) / (p + EPS)),
        ("1/(-y_hat)", lambda p, y: -1 / (p + EPS)),
        ("log(y_hat)", lambda p, y: torch.log(p + EPS)),
        ("log(y_hat + eps)", lambda p, y: torch.log(p + EPS)),
        ("log(eps + y_hat)", lambda p, y: torch.log(p + EPS)),
        ("log(y_hat + eps + eps)", lambda p, y: torch.log(p + 2 * EPS)),
        ("log(y_hat + eps + 1)", lambda p, y: torch.log(p + 1 + EPS)),
        ("log(y_hat - eps)", lambda p, y: torch.log(p - EPS + EPS)),
        ("log(eps)", lambda p, y: torch.log(torch.full_like(p, 2 * EPS))),
        ("log(-y_hat)", lambda p, y: -torch.log(p + EPS)),
        ("-y_hat^2", lambda p, y: -(p * p)),
        ("(-y_hat)**2", lambda p, y: p * p),
        ("y_hat^2^2", lambda p, y: p**4),
        ("--y_hat", lambda p, y: p),
        ("y - -y_hat*y", lambda p, y: y + p * y),
        ("1 + y_hat*y^2", lambda p, y: 1 + p * y * y),
        ("1 - 1 + eps", lambda p, y: torch.full_like(p, EPS)),
        (
            "-(y*log(y_hat) + (1 - y)*log(1 - y_hat))",
            lambda p, y: -(y * torch.log(p + EPS) + (1 - y) * torch.log(1 - p + EPS)),
        ),
    ],
)
def test_known_formulas_have_the_values_of_plain_torch(text, meaning):
    function = compile_loss(LossProgram.parse(text), HANDCRAFTED_SPACE)
    torch.testing.assert_close(function(Y_HAT, Y), meaning(Y_HAT, Y), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("pred - label", "y_hat - y"),
        ("prediction*label", "y_hat*y"),
        ("(y + epsilon)/y", "(y + eps)/y"),
        ("a".replace("a", " ( y\t)\n"), "y"),
        ("y**2", "y^2"),
        ("square(y)", "y^2"),
        ("add(y, neg(y_hat))", "y - y_hat"),
        ("mul(y, reciprocal(y_hat))", "y/y_hat"),
        ("reciprocal(y)", "1/y"),
        ("identity(y*y)", "y*y"),
        ("1/(y + eps)", "1/y"),
        ("y_hat/(y + eps)", "y_hat/y"),
        ("reciprocal(y + eps)", "reciprocal(y)"),
        ("log(y + eps)", "log(y)"),
        ("log(y - (y_hat + eps))", "log(y + neg(add(eps, y_hat)))"),
        ("log((y_hat + eps) + y)", "log(y_hat + y)"),
    ],
)
def test_notations_of_the_same_program(text, same):
    assert key(text) == key(same)


@pytest.mark.parametrize(
    ("text", "other"),
    [("y - 1 - 1", "y - (1 - 1)"), ("-y^2", "(-y)^2"), ("y_hat/y/y", "y_hat/(y/y)"), ("log(y + eps + eps)", "log(y)")],
)
def test_brackets_matter(text, other):
    assert key(text) != key(other)


def test_equal_parts_are_one_line():
    assert parse_lines("(y - y_hat)*(y - y_hat)") == (
        INPUTS,
        (Line("neg", (0,)), Line("add", (1, 3)), Line("mul", (4, 4))),
    )


def test_epsilon_is_an_input_only_where_it_is_needed():
    assert parse_lines("log(y + eps)")[0] == INPUTS
    assert parse_lines("y + eps")[0] == KNOWN_INPUTS


@pytest.mark.parametrize("name", INPUTS)
def test_a_lone_input_is_an_identity(name):
    assert parse_lines(name) == (INPUTS, (Line("identity", (INPUTS.index(name),)),))
    assert parse_lines(EPSILON) == (KNOWN_INPUTS, (Line("identity", (3,)),))


@law
@given(formulas())
def test_whatever_is_printed_is_read_back_as_the_same_program(text):
    program = LossProgram.parse(text)
    assert key(str(program)) == program.key


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("", 0, "got 'the end'"),
        ("   ", 0, "got 'the end'"),
        ("y +", 3, "got 'the end'"),
        ("y +   ", 3, "got 'the end'"),
        ("y + * y", 4, "got '\\*'"),
        ("()", 1, "got '\\)'"),
        ("(y", 2, "expected '\\)', got 'the end'"),
        ("(y_hat y)", 7, "expected '\\)', got 'y'"),
        ("y)", 1, "expected an operator or the end, got '\\)'"),
        ("y y_hat", 2, "expected an operator or the end, got 'y_hat'"),
        ("1y", 1, "expected an operator or the end, got 'y'"),
        ("y(1)", 1, "expected an operator or the end, got '\\('"),
        ("y_hat + z", 8, "unknown name 'z', expected one of y_hat, y, 1, eps, add,"),
        ("Y", 0, "unknown name 'Y'"),
        ("y_hat_", 0, "unknown name 'y_hat_'"),
        ("sin(y)", 0, "unknown name 'sin'"),
        ("2*y", 0, "the only constant is 1, got '2'"),
        ("y + 1.0", 4, "the only constant is 1, got '1.0'"),
        ("y + 11", 4, "the only constant is 1, got '11'"),
        ("y^3", 2, "the only power is 2"),
        ("y^(2)", 2, "the only power is 2"),
        ("y^-2", 2, "the only power is 2"),
        ("y^", 2, "the only power is 2"),
        ("y***2", 3, "the only power is 2"),
        ("max(y)", 0, "max takes 2 operands, got 1"),
        ("1 + max(y, y, y)", 4, "max takes 2 operands, got 3"),
        ("log(y, y)", 0, "log takes 1 operand, got 2"),
        ("log()", 4, "got '\\)'"),
        ("max(y,)", 6, "got '\\)'"),
        ("max y", 4, "expected '\\(', got 'y'"),
        ("max", 3, "expected '\\(', got 'the end'"),
        ("y, y", 1, "got ','"),
        ("y $ y", 2, "unexpected character '\\$'"),
        ("y =\n= y", 2, "unexpected character '='"),
        ("+y", 0, "got '\\+'"),
        ("y - \x00", 4, "unexpected character '\\\\x00'"),
        ("y^\u00b2", 2, "unexpected character '\u00b2'"),
        ("\u0661", 0, "unexpected character '\u0661'"),
        ("y + \uff11", 4, "unexpected character '\uff11'"),
        ("\u1e8f", 0, "unexpected character"),
        ("y\u0302", 1, "unexpected character"),
        ("y \ud800", 2, "unexpected character '\\\\ud800'"),
        ("y_hat \N{MINUS SIGN} y", 6, "unexpected character"),
        ("__import__('os')", 11, 'unexpected character "\'"'),
        ("__import__", 0, "unknown name '__import__'"),
        ("y.__class__", 1, "the only constant|expected an operator or the end"),
        ("(lambda: 1)()", 7, "unexpected character ':'"),
    ],
)  # fmt: skip
def test_an_error_says_where_and_what(text, position, problem):
    with pytest.raises(FormulaError, match=problem) as caught:
        LossProgram.parse(text)
    assert caught.value.position == position
    assert f"malformed formula at position {position}: " in str(caught.value)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("y_hat \N{MINUS SIGN} y", "-"),
        ("y_hat \N{EN DASH} y", "-"),
        ("y_hat \N{MULTIPLICATION SIGN} y", "*"),
        ("y_hat \N{MIDDLE DOT} y", "*"),
        ("y_hat \N{DIVISION SIGN} y", "/"),
        ("y_hat\N{SUPERSCRIPT TWO}", "^2"),
        ("\N{LATIN SMALL LETTER Y WITH CIRCUMFLEX} - y", "y_hat"),
        ("y\N{COMBINING CIRCUMFLEX ACCENT} - y", "y_hat"),
        ("\N{FULLWIDTH LEFT PARENTHESIS}y)", "("),
        ("y\N{NO-BREAK SPACE}- 1", "a plain blank"),
        ("[y - 1]", "("),
    ],
)
def test_a_sign_that_looks_like_one_of_ours_is_told_what_to_write(text, plain):
    with pytest.raises(FormulaError, match=rf"unexpected character .* \(write {re.escape(plain)}\) in "):
        LossProgram.parse(text)


@pytest.mark.parametrize(("text", "position"), [("y +\xa0 1", 3), ("\u2003y", 0), ("y \x1c+ 1", 2)])
def test_white_space_beyond_ascii_is_what_the_error_points_at(text, position):
    with pytest.raises(FormulaError) as caught:
        LossProgram.parse(text)
    assert caught.value.position == position


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("y" * 10_000_000, MAX_LENGTH),
        (" " * (MAX_LENGTH + 1), MAX_LENGTH),
        ("(" * 10_000, MAX_DEPTH),
        ("(" * 4_999 + "y" + ")" * 4_999, MAX_DEPTH),
        ("log(" * 2_000, 4 * MAX_DEPTH),
        ("-(" * 4_999, 2 * MAX_DEPTH - 1),
        ("-" * 9_999 + "y", 9_999),
        ("+".join("y" * 5_000), 2 * MAX_OPERATORS + 1),
        ("y" + "^2" * 4_000, 2 * MAX_OPERATORS + 1),
        (")" * 10_000, 0),
        ("y" * 10_000, 0),
        ("1" * 10_000, 0),
        ("y" + "\x00" * 9_999, 1),
    ],
    ids=lambda value: f"{value[:5]}..." if isinstance(value, str) else str(value),
)
def test_huge_texts_are_refused_with_a_short_message(text, position):
    with pytest.raises(FormulaError) as caught:
        LossProgram.parse(text)
    assert caught.value.position == position
    assert len(str(caught.value)) < 500


def test_the_deepest_and_the_longest_that_is_allowed_is_read():
    depth = MAX_DEPTH - 1
    assert key("(" * depth + "y" + ")" * depth) == key("y")
    assert LossProgram.parse("log(" * depth + "y" + ")" * depth).complexity == depth
    assert LossProgram.parse("-" * depth + "y").complexity == depth
    assert LossProgram.parse("+".join("y" * MAX_OPERATORS)).complexity == MAX_OPERATORS - 1
    assert key("y" + " " * (MAX_LENGTH - 1)) == key("y")


def test_brackets_side_by_side_are_no_depth():
    assert LossProgram.parse("+".join(["(y)"] * 150) + "*(-y)" * 150).complexity == 300


def test_a_long_sum_deep_inside_calls_is_read():
    deep, long = MAX_DEPTH - 2, 340
    program = LossProgram.parse("log(" * deep + "+".join("y" * long) + ")" * deep)
    assert program.complexity == deep + long - 1


@law
@given(st.text() | st.text("y_hat+-*/^()12., logmaxinegps\t") | st.text(st.characters(max_codepoint=127)))
def test_any_text_is_read_or_refused_with_a_formula_error(text):
    assert_read_or_refused(text)


@law
@given(formulas(), st.data())
def test_any_slip_of_the_pen_is_read_or_refused_with_a_formula_error(text, data):
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, min(len(text), start + 2)))
    assert_read_or_refused(text[:start] + data.draw(st.sampled_from("+-*/^()12., y\x00\n")) + text[stop:])


def assert_read_or_refused(text):
    """The text is a formula, or the error is in order; any other exception fails the test."""
    program = error = None
    try:
        program = LossProgram.parse(text)
    except FormulaError as refusal:
        error = refusal
    if program is None:
        assert 0 <= error.position <= len(text)
        assert len(str(error).splitlines()) == 1
    else:
        assert key(str(program)) == program.key


@pytest.mark.parametrize(
    "template",
    [
        "open({path!r}, 'w')",
        "__import__('pathlib').Path({path!r}).touch()",
        "log(open({path!r}, 'w'))",
        "{{open({path!r}, 'w')}}",
    ],
)
def test_nothing_is_ever_executed(template, tmp_path):
    path = tmp_path / "trace"
    with pytest.raises(FormulaError):
        LossProgram.parse(template.format(path=str(path)))
    assert not path.exists()
