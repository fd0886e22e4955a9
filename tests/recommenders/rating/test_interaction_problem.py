"""The problem of an interaction function: the contracts, what it refuses, and that the planted one is found."""

import numpy as np
import pytest

from core.common.errors import UserError
from core.interactions.interaction import Interaction
from core.interactions.spaces import FunctionSpace, NetSpace, NetworkSpace, ProgramSpace
from core.search.effectiveness import EarlyStopping
from core.search.rounds import Rules
from core.search.search import Search, SearchBudget
from core.search.trial import Verdict
from core.testing.study_problem import StudyProblemContract
from recommenders.data.explicit import ExplicitOptions, planted_ratings, split_ratings
from recommenders.tasks.rating.problem import InteractionProblem
from recommenders.tasks.rating.training import RatingPlan
from searchers import make_searcher

SMALL = RatingPlan(dimensions=2, decays=(0.01, 0.1), stopping=EarlyStopping(3, 3, 3))


def problem(seed=0, space=None, plan=SMALL, size=(30, 20, 12), threads=1):
    data = split_ratings("planted", planted_ratings(*size), ExplicitOptions(), seed)
    return InteractionProblem(data, space or FunctionSpace(), plan, seed, threads)


class TestFunctions(StudyProblemContract):
    def make(self, seed):
        return problem(seed)


class TestPrograms(StudyProblemContract):
    n_drawn = 200

    def make(self, seed):
        return problem(seed, ProgramSpace(3))


class TestNets(StudyProblemContract):
    def make(self, seed):
        return problem(seed, NetSpace())


class TestNetworks(StudyProblemContract):
    def make(self, seed):
        return problem(seed, NetworkSpace())


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("p*q with p = net(1 0 1 0), q = net(1 0 1 0)", None),
        ("p*q with p = net(0 1 1 0), q = net(1 0 1 0)", Verdict.ZERO_GRADIENT),
        ("p*q", None),
        ("p + p", Verdict.ZERO_GRADIENT),
        ("q^2", Verdict.ZERO_GRADIENT),
        ("(p - q) - (p - q)", Verdict.ZERO_GRADIENT),
        ("concat(p, q)", None),
        ("((((exp(exp(exp(p + 1)))^2)^2)^2)^2)*q", Verdict.NON_FINITE),
    ],
)
def test_what_is_not_worth_a_training_is_told_by_its_numbers(text, verdict):
    (found,) = problem(space=ProgramSpace(8)).examine([Interaction.parse(text)])
    assert found.verdict is verdict


def test_a_factor_or_a_constant_more_is_the_same_interaction():
    made = problem(space=ProgramSpace(8))
    texts = ("max(p, q)", "max(p, q) + 1", "max(p, q) + max(q, p)", "max(p, q)^2", "-max(p, q)")
    verdicts = [one.verdict for one in made.examine([Interaction.parse(text) for text in texts])]
    assert verdicts == [None, Verdict.DUPLICATE, Verdict.DUPLICATE, None, None]


def test_networks_can_be_compared_with_whatever_is_searched():
    made = problem()
    names = [made.known(text).name for text in ("NCF", "DeepWide", "network(4)", "network()")]
    assert names == ["NCF", "DeepWide", "network(4)", "network()"]
    for text in names:
        trained = made.known(text).variants[0].trained
        assert made.trained({"name": text}) == trained
        assert made.measure([trained], 0)[0].score < 0
    with pytest.raises(UserError, match=r"unknown interaction 'NFC'.*Did you mean 'NCF'"):
        made.known("NFC")
    large = RatingPlan(dimensions=2, batch_size=2**20)
    with pytest.raises(UserError, match=r"network\(1024\): expected units times batch_size up to 16,777,216"):
        problem(plan=large).known("network(1024)")


def test_a_candidate_costs_all_its_epochs():
    (measured,) = problem().measure([Interaction.parse("p*q")], 0)
    assert measured.cost == 6


def test_results_say_which_decay_was_chosen():
    made = problem()
    fits = made.fitted([Interaction.parse("p*q")], 0)
    assert [made.result(one).chosen for one in fits] == [{"decay": one.decay} for one in fits]
    assert fits[0].decay in SMALL.decays


def test_trainings_to_convergence_go_on_where_they_were():
    made = problem()
    some = [made.known(name).variants[0].trained for name in made.known_names]
    whole, first, second = (made.convergence(some, 5) for _ in range(3))
    whole.run()
    for _, _ in zip(range(2), first, strict=False):
        state = first.state_dict()
    second.load_state_dict(state)
    assert 0 < len(second.fitted) < len(some)
    second.run()
    assert second.fitted == whole.fitted


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["rl", "gp", "optuna", "hybrid", "surrogate", "random"])
def test_every_searcher_finds_what_was_planted(name):
    plan = RatingPlan(dimensions=2, learning_rate=0.2, init_std=0.3, decays=(0.003,))
    made = problem(plan=plan, size=(150, 100, 40), threads=2)
    budget = SearchBudget(trainings=200, candidates_per_step=10)  # of 351
    search = Search(make_searcher(name, made.space, seed=1), made, Rules(reward_duplicates=False), budget, seed=1)
    trials = [trial for step in search for trial in step.trials if trial.trained]
    best = max(trials, key=lambda trial: trial.score)
    planted, product = made.measure([Interaction.parse(text) for text in ("max(p, q)", "p*q")], 1)
    assert best.score > product.score
    assert best.score >= planted.score - 0.02
    assert np.isfinite(best.score)
