import pytest

from core.errors import UserError
from core.searcher import Searcher
from core.space import OperatorSpace
from searchers import SEARCHERS, make_searcher


@pytest.mark.parametrize("name", SEARCHERS)
def test_every_row_makes_a_searcher_and_says_what_it_is(name):
    assert isinstance(make_searcher(name, OperatorSpace(), 0), Searcher)
    assert SEARCHERS[name].about


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(UserError, match="Did you mean 'random'"):
        make_searcher("randon", OperatorSpace(), 0)


def test_the_first_row_is_the_papers():
    assert next(iter(SEARCHERS)) == "rl"
