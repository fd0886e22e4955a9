import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError, unknown_name
from tests.strategies import law


@law
@given(st.text())
def test_a_message_is_one_line(text):
    assert len(str(UserError(text)).splitlines()) <= 1


def test_the_words_of_a_message_are_kept():
    assert str(UserError("eta: expected\n    a number >= 0,\tgot -1 ")) == "eta: expected a number >= 0, got -1"


def test_a_user_error_is_a_value_error():
    with pytest.raises(ValueError, match=r"^mend it$"):
        raise UserError("mend it")


def test_an_unknown_name_is_answered_with_all_known_ones_in_order():
    error = unknown_name("searcher", "annealing", ["random", "genetic", "bayesian"])
    assert isinstance(error, UserError)
    assert str(error) == "unknown searcher 'annealing': expected one of bayesian, genetic, random."


@pytest.mark.parametrize("name", ["genetc", "Genetic", "GENETIC", "genetics", "gentic"])
def test_a_near_miss_is_answered_with_the_name_that_was_meant(name):
    assert str(unknown_name("searcher", name, ["random", "Genetic"])).endswith(" Did you mean 'Genetic'?")


@law
@given(st.text(), st.sets(st.text("abcdef", min_size=1), min_size=1))
def test_every_known_name_is_in_the_message_and_the_message_is_one_line(name, known):
    message = str(unknown_name("thing", name, known))
    assert f"expected one of {', '.join(sorted(known))}." in message
    assert len(message.splitlines()) == 1


def test_a_huge_name_is_cut():
    assert len(str(unknown_name("thing", "x" * 100_000, ["a"]))) < 200
