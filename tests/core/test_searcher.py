import pytest

from core.search.searcher import Searcher
from tests.core.fakes import Books, Scripted


def test_a_searcher_is_asked_told_stored_and_restored():
    assert Searcher.__abstractmethods__ == {"ask", "tell", "state_dict", "load_state_dict"}
    with pytest.raises(TypeError, match="abstract"):
        Searcher()


def test_a_searcher_that_cannot_be_stored_is_none():
    incomplete = type("Incomplete", (Searcher,), {"ask": Books.ask, "tell": Books.tell})
    with pytest.raises(TypeError, match="abstract"):
        incomplete()


def test_what_has_all_four_is_a_searcher():
    assert isinstance(Scripted("y"), Searcher)
