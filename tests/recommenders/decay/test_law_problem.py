"""The problem of a law of decays: the contract, what is explained, and that the planted one is found."""

from dataclasses import replace

import numpy as np
import pytest

from core.common.errors import UserError
from core.decays.rules import Law
from core.decays.spaces import LawSpace
from core.decays.treatment import Learned
from core.search.rounds import Rules
from core.search.search import Search, SearchBudget
from core.search.trial import Verdict
from core.testing.study_problem import StudyProblemContract
from recommenders.data.implicit import cut_validation
from recommenders.data.implicit.synthetic import planted_items
from recommenders.tasks.decay.law_problem import LawProblem, LearnedPlan
from recommenders.tasks.decay.training import DecayPlan
from searchers import make_searcher

DATA = cut_validation(planted_items(40, 30, 3, 12), 0.3, 0)
PLAN = DecayPlan(dimensions=4, learning_rate=0.05, batch_size=64, horizon=10)


def problem(seed=0, lines=3, threads=1, **learned):
    return LawProblem(DATA, LawSpace(lines), PLAN, LearnedPlan(epochs=10, rate=0.01, **learned), seed, threads)


class TestLaws(StudyProblemContract):
    n_drawn = 200

    def make(self, seed):
        return problem(seed)


class Planted(LawProblem):
    """Decays are three times what a law says, in both trainings."""

    def __init__(self, text):
        super().__init__(DATA, LawSpace(3), PLAN, LearnedPlan(epochs=10, rate=0.01), 0)
        self._law = Law.parse(text)

    def _learned_decays(self, seed):
        first, second = super()._learned_decays(seed)
        planted = [one._replace(decays=3 * self._said(self._law, one)) for one in (first, second)]
        return planted[0], planted[1]


def test_the_planted_law_explains_everything_and_others_less():
    laws = [Law.parse(text) for text in ("e*root(n)", "n", "1")]
    for part in ("validation", "test"):
        right, other, constant = Planted("e*root(n)").evaluate(laws, part, 1)
        assert right == pytest.approx(1.0, abs=1e-9)
        assert other < 0.9
        assert constant == pytest.approx(0.0, abs=1e-9)


def test_gp_finds_the_planted_law():
    made = Planted("e*root(n)")
    budget = SearchBudget(trainings=300, candidates_per_step=20)
    search = Search(make_searcher("gp", made.space, seed=1), made, Rules(reward_duplicates=False), budget, seed=1)
    best = max(trial.score for step in search for trial in step.trials if trial.score is not None)
    assert best > 0.98


def test_learned_decays_are_looked_at_along_a_training():
    first, second = problem()._learned_decays(3)
    assert first.decays.shape == (5, DATA.n_users + DATA.n_items)
    assert first.moments == (0.2, 0.4, 0.6, 0.8, 1.0)
    assert (first.decays >= 0).all()
    assert first.decays[-1].any()
    assert not np.array_equal(first.decays, second.decays)


def test_what_has_no_decay_of_its_own_has_that_of_its_side():
    first, _ = problem(learned=Learned("U"))._learned_decays(3)
    users, items = first.decays[:, : DATA.n_users], first.decays[:, DATA.n_users :]
    assert (items == items[:, :1]).all()
    assert not (users == users[:, :1]).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_cores_change_nothing(threads):
    laws = [Law.parse("n"), Law.parse("e")]
    assert problem(threads=threads).evaluate(laws, "test", 7) == problem().evaluate(laws, "test", 7)


def test_what_is_not_finite_is_told():
    (found,) = problem(lines=8).examine([Law.parse("((((exp(exp(exp(n + 1)))^2)^2)^2)^2)")])
    assert found.verdict is Verdict.NON_FINITE


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"rate": 0.0}, "rate: expected a number above 0"), ({"epochs": 4}, "epochs: expected 5 to 100,000, got 4")],
)
def test_what_is_no_plan_gets_a_line(settings, told):
    with pytest.raises(UserError, match=told):
        replace(LearnedPlan(), **settings)
