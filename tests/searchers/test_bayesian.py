import numpy as np
import optuna
import pytest

from core.common.errors import UserError
from core.programs.space import OperatorSpace
from core.search.trial import Trial, Verdict
from searchers.bayesian import BayesianSearcher, BayesianSettings
from searchers.samplers import SAMPLERS, SamplerKind
from searchers.testing.searcher import SPACES, TOYS, SearcherContract, drive, outcomes, proposed
from studies.storage.checkpoints import pack, unpack

SPACE, SHORT, TOY = OperatorSpace(), OperatorSpace(max_variables=5), TOYS["programs"]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_trial_is_left_open(sampler):
    searcher = BayesianSearcher(SPACE, 0, BayesianSettings(sampler=sampler))
    for i in range(3):
        asked = proposed(searcher, SPACE, 5, first=5 * i)
        assert searcher.tell([])["model_open"] == 5
        searcher.tell(outcomes(asked))
    metrics = searcher.tell([])
    assert metrics["model_open"] == 0
    states = {trial.state for trial in searcher._study.get_trials(deepcopy=False)}
    assert states == {optuna.trial.TrialState.COMPLETE}


@pytest.mark.parametrize("space", [SPACE, SPACES["ordered"], SPACES["bits"]])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_parameters_and_genomes_stand_for_each_other(sampler, space):
    searcher = BayesianSearcher(space, 0, BayesianSettings(sampler=sampler))
    for genome in space.sample(50, np.random.default_rng(0)):
        assert searcher._genome(searcher._params(genome)).tolist() == genome.tolist()


def test_an_option_that_is_closed_stands_for_the_one_that_the_space_says():
    searcher = BayesianSearcher(OperatorSpace(max_variables=4), 0)
    assert searcher._genome({"op_0": "add", "a_0": "1", "b_0": "1"}).tolist() == [0, 2, 0]
    assert searcher._genome({"op_0": "add", "a_0": "y", "b_0": "y"}).tolist() == [0, 1, 2]


@pytest.mark.parametrize("sampler", ["tpe", "cmaes"])
def test_ordered_decisions_are_numbers_to_every_sampler(sampler):
    space = SPACES["ordered"]
    searcher = BayesianSearcher(space, 0, BayesianSettings(sampler=sampler))
    kinds = [type(searcher._distributions[decision.name]) for decision in space.decisions]
    names = optuna.distributions.CategoricalDistribution if sampler == "tpe" else optuna.distributions.IntDistribution
    assert kinds == [*[optuna.distributions.IntDistribution] * 4, names]


def test_rewards_failures_and_repeats_are_told_as_they_should():
    searcher = BayesianSearcher(SPACE, 0, BayesianSettings(failure_reward=-0.7))
    candidates = proposed(searcher, SPACE, 4)
    verdicts = (Verdict.ACCEPTED, Verdict.ZERO_GRADIENT, Verdict.DUPLICATE, Verdict.NON_FINITE)
    rewards, trained = (0.3, None, 0.3, None), (True, False, False, True)
    searcher.tell(
        [
            Trial(0, candidate, verdict, reward=reward, trained=was)
            for candidate, verdict, reward, was in zip(candidates, verdicts, rewards, trained, strict=True)
        ]
    )
    assert [trial.value for trial in searcher._study.get_trials()] == [0.3, -0.7, -0.7, -0.7]


def test_the_model_forgets_old_failures_and_no_good_trial():
    searcher = BayesianSearcher(TOY.space, 0, BayesianSettings(memory=20, sampler="random"))
    rewards = TOY.rewards(searcher, 20)
    values = [trial.value for trial in searcher._study.get_trials()]
    assert len(values) <= 30
    assert max(values) == max(rewards)


def test_open_trials_outlive_the_forgetting():
    searcher = BayesianSearcher(SPACE, 0, BayesianSettings(memory=10))
    waiting = proposed(searcher, SPACE, 4)
    drive(searcher, SPACE, 10)
    assert searcher.tell([])["model_open"] == 4
    searcher.tell(outcomes(waiting))
    assert searcher.tell([])["model_open"] == 0


def test_the_gaussian_process_proposes_too():
    """Slow, so not in the contract."""
    settings = BayesianSettings(sampler="gp", n_startup=5)
    one, other = (drive(BayesianSearcher(SHORT, 0, settings), SHORT, 2) for _ in range(2))
    assert one == other


def squares(seed, _):
    samplers = optuna.samplers
    return samplers.PartialFixedSampler({"op_0": "square"}, samplers.RandomSampler(seed=seed))


def test_another_sampler_is_the_one_that_proposes():
    asked = SPACE.decode(BayesianSearcher(SPACE, 0, kind=SamplerKind(squares)).ask(30))
    assert {program.lines[0].operator for program in asked} == {"square"}


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


@pytest.mark.parametrize("sampler", ["tpe", "qmc"])
def test_where_hardly_anything_is_viable_it_proposes_what_is_and_goes_on_exactly(sampler):
    space = OperatorSpace(min_positive_rate=0.9)

    def made():
        return BayesianSearcher(space, 3, BayesianSettings(sampler=sampler, n_startup=5))

    searcher, genomes = made(), []
    for i in range(4):
        asked = proposed(searcher, space, 3, first=3 * i)
        genomes += [one.genome for one in asked]
        searcher.tell(outcomes(asked))
    assert space.viable(np.stack(genomes)).all()
    again = made()
    again.load_state_dict(unpack(pack(searcher.state_dict())))
    assert again.ask(4).tolist() == searcher.ask(4).tolist()
    trials = searcher._study.get_trials(deepcopy=False)
    assert sum(trial.value == BayesianSettings().failure_reward for trial in trials) > len(genomes)
