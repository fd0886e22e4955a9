"""Problems keep their contract: that of a loss in its variants, and one that has nothing to do with losses."""

import pytest
import torch

from core.losses.closed_forms import BCE
from core.losses.loss import ProgramLoss
from core.problems.loss import LossProblem
from core.problems.no_proxy import NoProxyTest
from core.problems.proxy import ProxyTest, prediction_proxy_batch
from core.problems.validation import ValidationCheck
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.problem import Problem
from core.testing.problem import ProblemContract
from recommenders.tasks.environments import AlternatingEnvironment, FromScratchEnvironment
from tests.core.fakes import Colours, FakeEvaluator
from tests.recommenders.problems import make_task

SPACE = OperatorSpace()
TASK = {"metric": "rmse", "search_weight_decay": 0.0}


class Seeded(FakeEvaluator):
    """Starts where its seed says."""

    def __init__(self, seed, **settings):
        super().__init__(**settings)
        self.start, self.state = seed / 100, seed

    def restart(self, seed):
        is_new = super().restart(seed)
        if is_new:
            self.start, self.state = seed / 100, seed
        return is_new


#: name -> (evaluator of a seed, proxy test, the other settings)
LOSSES = {
    "fake": (Seeded, ProxyTest, {}),
    "fake, keeps its start": (lambda seed: Seeded(seed, keeps_start=True, can_restart=False), ProxyTest, {}),
    "alternating": (lambda seed: AlternatingEnvironment(make_task(**TASK), seed), ProxyTest, {"reference": BCE}),
    "from scratch": (lambda seed: FromScratchEnvironment(make_task(**TASK), seed, epochs=2), ProxyTest, {}),
    "checked": (Seeded, ProxyTest, {"check_first": ValidationCheck(n_pairs=20)}),
    "strictly checked": (Seeded, ProxyTest, {"check_first": ValidationCheck(0.3, n_pairs=20, is_strict=True)}),
    "without a proxy test": (Seeded, NoProxyTest, {"reference": BCE}),
    "fixed proxy batch": (
        lambda seed: AlternatingEnvironment(make_task(**TASK), seed),
        ProxyTest,
        {"proxy_batch": prediction_proxy_batch(1), "reference": BCE},
    ),
}


class TestLosses(ProblemContract):
    n_drawn = 1_000  # hardly one in a hundred passes the strict check

    @pytest.fixture(autouse=True, params=LOSSES)
    def _take(self, request):
        self.name = request.param

    def make(self, seed):
        evaluator, proxy, settings = LOSSES[self.name]
        return LossProblem(SPACE, evaluator(seed), proxy(), **settings)


class TestColours(ProblemContract):
    @pytest.fixture(autouse=True, params=[{}, {"keeps_start": True}, {"forgets": True}], ids=str)
    def _take(self, request):
        self.settings = request.param

    def make(self, seed):
        return Colours(seed, **self.settings)


def test_a_problem_says_where_candidates_come_from_and_how_good_they_are():
    methods = {"space", "score", "examine", "n_entries", "measure", "adopt", "restart"}
    assert Problem.__abstractmethods__ == methods | {"state_dict", "load_state_dict"}
    with pytest.raises(TypeError, match="abstract"):
        Problem()


class Watched(FakeEvaluator):
    """Keeps the losses that it measured."""

    def measure(self, losses, seed):
        self.losses = losses
        return super().measure(losses, seed)


def test_programs_run_in_the_space_that_they_come_from():
    space, evaluator = OperatorSpace(xi=0.5, clamp="paper"), Watched()
    problem, program = LossProblem(space, evaluator, ProxyTest()), LossProgram.parse("log(y_hat)")
    for examined in (False, True):
        if examined:
            problem.examine([program])
        problem.measure([program], 0)
        assert evaluator.losses == [ProgramLoss(program, space)]
        assert evaluator.losses[0].smoothing == space.xi


def test_a_fixed_proxy_batch_is_what_the_proxy_test_sees_and_not_what_scales():
    evaluator, fixed = FakeEvaluator(), prediction_proxy_batch(9)
    problem = LossProblem(SPACE, evaluator, ProxyTest(), fixed, reference=BCE)
    assert evaluator.log == []
    problem.measure([LossProgram.parse("y_hat")], 0)
    problem.adopt(0)
    assert evaluator.log == [("proxy_batch", 0), ("measure", 1), ("adopt", 0)]
    assert torch.equal(problem.state_dict()["proxy"]["probe"]["gram"], fixed.gram)
