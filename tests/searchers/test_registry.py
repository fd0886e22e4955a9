"""Every searcher in the registry keeps the contract, and so do its settings. A new row needs no test of its own."""

import pytest

from core.common.errors import UserError
from core.programs.space import OperatorSpace
from core.search.searcher import Searcher
from searchers import SEARCHERS, make_searcher
from searchers.testing.searcher import SearcherContract
from tests.strategies import NIGHTLY

VARIANTS = [
    "rl:objective=ppo:update_size=20:learning_rate=0.01",
    "gp:selection=nsga2:preselection=1",
    "optuna:sampler=cmaes",
    "optuna:parameters=features",
]
#: More of them, at night.
MORE = [
    "rl:objective=risk-seeking:update_size=40:learning_rate=0.01",
    "rl:objective=priority-queue:update_size=20:learning_rate=0.01",
    "optuna:sampler=nsga2",
    "optuna:sampler=qmc",
    "optuna:sampler=random",
    "optuna:memory=30",
    "optuna:parameters=choices",
]
#: Those that need more than 300 proposals before their proposals are better than random ones.
ROUNDS = {
    "rl": 100,
    "rl:objective=ppo:update_size=20:learning_rate=0.01": 60,
    "rl:objective=risk-seeking:update_size=40:learning_rate=0.01": 100,
}
#: Those that learn nothing, and NSGA-II of Optuna, which needs thousands.
UNTEACHABLE = {"random", "optuna:sampler=qmc", "optuna:sampler=random", "optuna:sampler=nsga2"}

#: Those whose lessons take seconds a seed, which `make nightly` looks at.
SLOW_LEARNERS = {
    "hybrid",
    "surrogate",
    *(text for text in ("optuna", *VARIANTS, *MORE) if text.startswith(("optuna", "rl:objective=ppo"))),
}


@pytest.fixture(params=[*SEARCHERS, *VARIANTS, *(pytest.param(text, marks=pytest.mark.nightly) for text in MORE)])
def text(request):
    return request.param


class TestRegistered(SearcherContract):
    @pytest.fixture(autouse=True)
    def _take(self, text):
        self.text = text
        self.learns = text not in UNTEACHABLE and (NIGHTLY or text not in SLOW_LEARNERS)
        self.n_seeds, self.significance = (10, 0.001) if NIGHTLY else (5, 0.01)
        self.rounds_to_learn = ROUNDS.get(text, 30)

    def make(self, space, seed):
        return make_searcher(self.text, space, seed)


@pytest.mark.parametrize("name", SEARCHERS)
def test_every_row_makes_a_searcher_and_says_what_it_is(name):
    assert isinstance(make_searcher(name, OperatorSpace(), 0), Searcher)
    assert SEARCHERS[name].about


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(UserError, match="Did you mean 'random'"):
        make_searcher("randon", OperatorSpace(), 0)


def test_the_first_row_is_the_papers():
    assert next(iter(SEARCHERS)) == "rl"
