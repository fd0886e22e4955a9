import numpy as np
import optuna
import pytest

from core.common.errors import UserError
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.trial import Candidate, Trial, Verdict
from searchers.bayesian import BayesianSearcher, BayesianSettings
from searchers.samplers import SAMPLERS, SamplerKind
from tests.contracts.searcher import TOY_SPACE, SearcherContract, drive, outcomes, toy_search


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_trial_is_left_open(sampler):
    searcher = BayesianSearcher(OperatorSpace(), 0, BayesianSettings(sampler=sampler))
    for i in range(3):
        asked = searcher.ask(5)
        assert searcher.tell([])["model_open"] == 5
        searcher.tell(outcomes(asked, first_number=5 * i))
    metrics = searcher.tell([])
    assert metrics["model_open"] == 0
    states = {trial.state for trial in searcher._study.get_trials(deepcopy=False)}
    assert states == {optuna.trial.TrialState.COMPLETE}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_parameters_and_programs_stand_for_each_other(sampler):
    space = OperatorSpace()
    searcher = BayesianSearcher(space, 0, BayesianSettings(sampler=sampler))
    for program in space.sample(50, np.random.default_rng(0)):
        assert searcher._program(searcher._params(program)).key == program.key


def test_a_second_operand_that_equals_the_first_is_the_slot_after_it():
    searcher = BayesianSearcher(OperatorSpace(max_variables=4), 0)
    assert str(searcher._program({"op_0": "add", "a_0": "1", "b_0": "1"})) == str(LossProgram.parse("1 + y_hat"))
    assert str(searcher._program({"op_0": "add", "a_0": "y", "b_0": "y"})) == str(LossProgram.parse("y + 1"))


def test_rewards_failures_and_repeats_are_told_as_they_should():
    searcher = BayesianSearcher(OperatorSpace(), 0, BayesianSettings(failure_reward=-0.7))
    programs = searcher.ask(4)
    verdicts = (Verdict.ACCEPTED, Verdict.ZERO_GRADIENT, Verdict.DUPLICATE, Verdict.NON_FINITE)
    rewards, trained = (0.3, None, 0.3, None), (True, False, False, True)
    searcher.tell(
        [
            Trial(0, Candidate(i, program), verdict, reward=reward, trained=was)
            for i, (program, verdict, reward, was) in enumerate(zip(programs, verdicts, rewards, trained, strict=True))
        ]
    )
    assert [trial.value for trial in searcher._study.get_trials()] == [0.3, -0.7, -0.7, -0.7]


def test_the_model_forgets_old_failures_and_no_good_trial():
    searcher = BayesianSearcher(TOY_SPACE, 0, BayesianSettings(memory=20, sampler="random"))
    rewards = toy_search(searcher, 20)
    values = [trial.value for trial in searcher._study.get_trials()]
    assert len(values) <= 30
    assert max(values) == max(rewards)


def test_open_trials_outlive_the_forgetting():
    searcher = BayesianSearcher(OperatorSpace(), 0, BayesianSettings(memory=10))
    waiting = searcher.ask(4)
    drive(searcher, 10)
    assert searcher.tell([])["model_open"] == 4
    searcher.tell(outcomes(waiting))
    assert searcher.tell([])["model_open"] == 0


def test_the_gaussian_process_proposes_too():
    """Slow, so not in the contract."""
    searcher = BayesianSearcher(OperatorSpace(max_variables=5), 0, BayesianSettings(sampler="gp", n_startup=5))
    assert drive(searcher, 2) == drive(
        BayesianSearcher(OperatorSpace(max_variables=5), 0, BayesianSettings(sampler="gp", n_startup=5)), 2
    )


def squares(seed, _):
    samplers = optuna.samplers
    return samplers.PartialFixedSampler({"op_6": "square"}, samplers.RandomSampler(seed=seed))


def test_another_sampler_is_the_one_that_proposes():
    asked = BayesianSearcher(OperatorSpace(), 0, kind=SamplerKind(squares)).ask(30)
    assert {program.lines[-1].operator for program in asked} == {"square"}


@pytest.mark.nightly
class TestAnotherSampler(SearcherContract):
    """Optuna has more samplers than there are names for."""

    learns = False

    def make(self, space, seed):
        return BayesianSearcher(space, seed, kind=SamplerKind(squares))


@pytest.mark.parametrize("wrong", [{"sampler": "grid"}, {"memory": -1}, {"n_startup": 0}], ids=str)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UserError, match="expected"):
        BayesianSettings(**wrong)
