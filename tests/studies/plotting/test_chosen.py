"""Which losses a picture is made of."""

import pytest

from core.common.errors import UserError
from core.programs.space import OperatorSpace
from studies.plotting.chosen import MOST, distinct, named

SPACE = OperatorSpace()


def test_known_names_are_known_in_any_case_and_formulas_are_written_as_the_house_does():
    assert named(" maxr ", SPACE).name == "MaxR"
    assert named("(y_hat-y)**2", SPACE).name == "(y_hat - y)^2"
    assert named("BCE", SPACE).settings == ""
    assert named("log(y_hat)", SPACE, 0.25).settings == "eps 0.25, clamp signed, xi 1e-06"


def test_nothing_is_drawn_twice():
    bce = named("BCE", SPACE, is_beside=True)
    kept, told = distinct([named("bce", SPACE), named("y_hat", SPACE), named("y_hat", SPACE), bce])
    assert [(one.name, one.is_beside) for one in kept] == [("BCE", True), ("y_hat", False)]
    assert told == ["y_hat is asked for more than once: drawn once."]


def test_equal_names_are_told_apart_by_their_settings_and_else_by_numbers():
    kept, _ = distinct([named("MaxR", SPACE), named("MaxR", SPACE, 0.5), named("MSE", SPACE)])
    assert [one.name for one in kept] == ["MaxR, eps 0.1, clamp none", "MaxR, eps 0.5, clamp none", "MSE"]
    alike, _ = distinct([named("y_hat", SPACE), named("y_hat", OperatorSpace(max_variables=9))])
    assert [one.name for one in alike] == [f"y_hat, eps 1e-06, clamp signed, xi 1e-06 ({n})" for n in (1, 2)]


def test_more_than_a_reader_can_tell_apart_are_refused():
    many = [named("*".join(["y_hat"] * n), SPACE) for n in range(1, MOST + 2)]
    assert len(distinct(many[:MOST])[0]) == MOST
    with pytest.raises(UserError, match=f"at most {MOST} losses fit into one picture, got {MOST + 1}: more lines"):
        distinct(many)
    with pytest.raises(UserError, match=f"got {MOST + 1}, with BCE beside: more lines"):
        distinct([*many[:MOST], named("BCE", SPACE, is_beside=True)])
