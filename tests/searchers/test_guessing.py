import numpy as np
import pytest

from core.common.errors import UserError
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from searchers import SEARCHERS, make_searcher
from searchers.guessing import GuessingSearcher, read_guess
from searchers.testing.searcher import drive, outcomes, proposed
from tests.core.fakes import Scripted

SPACE = OperatorSpace()
GUESSES = ["(y - y_hat)^2", "max(y_hat, y)", "log(y_hat)"]


@pytest.mark.parametrize("name", SEARCHERS)
def test_guesses_come_first_and_are_learned_from(name):
    searcher = make_searcher(name, SPACE, 0, GUESSES)
    asked = proposed(searcher, SPACE, 2) + proposed(searcher, SPACE, 3, first=2)
    assert [one.solution.key for one in asked[:3]] == [LossProgram.parse(text).key for text in GUESSES]
    searcher.tell(outcomes(asked))
    assert len(drive(searcher, SPACE, 2)) == 14


def test_guesses_waiting_are_part_of_the_state():
    searcher = make_searcher("random", SPACE, 0, GUESSES)
    searcher.ask(1)
    again = make_searcher("random", SPACE, 1, GUESSES)
    again.load_state_dict(searcher.state_dict())
    assert np.array_equal(again.ask(6), searcher.ask(6))


def test_the_searcher_inside_is_told_everything():
    inner = Scripted("y_hat")
    searcher = GuessingSearcher(inner, [np.array([0])])
    searcher.tell(outcomes(proposed(searcher, inner.space, 3)))
    assert len(inner.told) == 3
    assert [event for event in inner.events if event[0] == "ask"] == [("ask", 2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(y +", "position|expected"),
        ("y_hat*eps", "inputs"),
        ("log(log(log(log(log(log(log(log(y_hat))))))))", "at most 7 lines"),
    ],
)
def test_a_guess_outside_of_the_space_is_refused_with_a_reason(text, message):
    with pytest.raises(UserError, match=message):
        read_guess(text, SPACE)
