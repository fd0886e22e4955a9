"""Operators as a person asks for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.programs.operators import OPERATORS, PAPER_OPERATORS
from core.programs.operators.choice import chosen_operators, operators_text
from tests.strategies import law


@law
@given(st.sets(st.sampled_from(tuple(OPERATORS)), min_size=1))
def test_any_set_is_read_back_from_its_text_and_the_papers_has_none(names):
    operators = tuple(name for name in OPERATORS if name in names)
    text = operators_text(operators)
    assert chosen_operators(text) == operators
    assert (text == "") == (operators == PAPER_OPERATORS)


@pytest.mark.parametrize(
    ("text", "shortest"),
    [
        ("", ""),
        ("+exp, +softplus", "+exp,+softplus"),
        ("-log,+exp", "+exp,-log"),
        ("mul,add,add", "add,mul"),
        (",".join(PAPER_OPERATORS[::-1]), ""),
        ("+log,-exp", ""),
    ],
)
def test_texts_in_their_shortest_form(text, shortest):
    assert operators_text(chosen_operators(text)) == shortest


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("+expp", "unknown operator 'expp': expected one of add, exp, .* Did you mean 'exp'"),
        ("exp,+log", "expected either .NAME and -NAME or a list of names, got 'exp,.log'"),
        (",".join(f"-{name}" for name in PAPER_OPERATORS), "expected at least one, but .* leaves none"),
        ("+", "unknown operator"),
    ],
)
def test_what_nobody_can_search_with_is_refused(text, problem):
    with pytest.raises(UserError, match=problem):
        chosen_operators(text)
