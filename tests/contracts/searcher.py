"""What every searcher promises. Run over the whole registry by tests/searchers/test_registry.py."""

import random
from abc import ABC, abstractmethod
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu

from core.common.seeding import numpy_rng
from core.programs.operators import PAPER_OPERATORS
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.searcher import Searcher
from core.search.trial import Candidate, Trial, Verdict
from searchers.random import RandomSearcher
from studies.storage.packing import pack, unpack
from tests.contracts.process import elsewhere
from tests.strategies import NIGHTLY

SPACES = [
    OperatorSpace(),
    OperatorSpace(max_variables=5),
    OperatorSpace(operators=("add", "neg", "square"), max_variables=8),
    OperatorSpace(max_variables=4),
    OperatorSpace(operators=(*PAPER_OPERATORS[1:], "exp", "softplus")),
]


def outcomes(programs, first_number=0, seed=0):
    """Made-up trials of every kind for these programs."""
    rng = numpy_rng(seed, "outcomes", first_number)
    trials = []
    for i, program in enumerate(programs):
        verdict = list(Verdict)[int(rng.integers(len(Verdict)))]
        trained = verdict in (Verdict.ACCEPTED, Verdict.REJECTED)
        rewarded = trained or (verdict is Verdict.DUPLICATE and rng.random() < 0.5)
        reward = float(rng.normal(scale=0.01)) if rewarded else None
        trials.append(Trial(0, Candidate(first_number + i, program), verdict, reward=reward, trained=trained))
    return trials


def drive(searcher: Searcher, rounds: int, start: int = 0) -> list[str]:
    """Ask and tell a few times; the keys proposed."""
    keys = []
    for i in range(start, start + rounds):
        programs = searcher.ask(7)
        keys += [program.key for program in programs]
        searcher.tell(outcomes(programs, first_number=7 * i))
    return keys


#: The toy problem: find this program. Its reward, 1, is the optimum.
TOY_SEEDS = 10 if NIGHTLY else 5
TOY_SPACE = OperatorSpace(max_variables=7)
TOY_TARGET = TOY_SPACE.choices(LossProgram.parse("log(max(y_hat*y, y))^2"))


def toy_reward(program: LossProgram) -> float:
    """The share of decisions that are as in the target."""
    return float((TOY_SPACE.choices(program) == TOY_TARGET).mean())


def toy_search(searcher: Searcher, n_rounds: int, per_round: int = 10) -> list[float]:
    """The rewards of all that is proposed; a program proposed again is a duplicate without a reward."""
    rewards: list[float] = []
    seen = set()
    for step in range(n_rounds):
        trials = []
        for program in searcher.ask(per_round):
            reward, number = toy_reward(program), len(rewards)
            rewards.append(reward)
            if program in seen:
                trials.append(Trial(step, Candidate(number, program), Verdict.DUPLICATE, original=0))
            else:
                trials.append(Trial(step, Candidate(number, program), Verdict.ACCEPTED, reward=reward, trained=True))
            seen.add(program)
        searcher.tell(trials)
    return rewards


@cache
def by_chance(n_rounds: int) -> list[float]:
    """What random programs earn on average, for each seed."""
    return [float(np.mean(toy_search(RandomSearcher(TOY_SPACE, seed), n_rounds))) for seed in range(TOY_SEEDS)]


def resumed_and_driven(contract: "SearcherContract", path: Path) -> list[str]:
    """What another searcher of this contract proposes, from a stored state on."""
    searcher = contract.make(OperatorSpace(), 0)
    searcher.load_state_dict(torch.load(path, weights_only=True))
    return drive(searcher, 4, start=8)


class SearcherContract(ABC):
    @abstractmethod
    def make(self, space: OperatorSpace, seed: int) -> Searcher: ...

    #: Whether proposals get better; rounds of ten proposals in which they must.
    learns = True
    learns_slowly = False
    rounds_to_learn = 30

    @pytest.mark.parametrize("space", SPACES, ids=["default", "short", "few operators", "one line", "other operators"])
    @pytest.mark.parametrize("n", [1, 2, 33])
    def test_asks_are_answered_exactly_and_within_the_space(self, space, n):
        searcher = self.make(space, 0)
        for i in range(3):
            programs = searcher.ask(n)
            assert len(programs) == n
            assert all(program in space for program in programs)
            searcher.tell(outcomes(programs, first_number=n * i))

    def test_same_seed_proposes_the_same_and_another_seed_does_not(self):
        first, again, other = (drive(self.make(OperatorSpace(), seed), 6) for seed in (3, 3, 4))
        assert first == again
        assert first != other

    def test_is_not_moved_by_global_generators_and_leaves_them_alone(self):
        expected = drive(self.make(OperatorSpace(), 5), 8)
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)
        before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
        assert drive(self.make(OperatorSpace(), 5), 8) == expected
        assert before == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())

    def test_two_searchers_do_not_disturb_each_other(self):
        alone = drive(self.make(OperatorSpace(), 6), 8)
        one, other = self.make(OperatorSpace(), 6), self.make(OperatorSpace(), 7)
        together = []
        for i in range(8):
            together += drive(one, 1, start=i)
            drive(other, 1, start=i)
        assert together == alone

    def test_goes_on_exactly_from_a_stored_state(self):
        original = self.make(OperatorSpace(), 8)
        drive(original, 12)
        original.ask(3)  # without an outcome yet
        state = pack(original.state_dict())
        rest = drive(original, 5, start=12)
        resumed = self.make(OperatorSpace(), 999)
        drive(resumed, 1)  # what it was before does not matter
        resumed.load_state_dict(unpack(state))
        assert drive(resumed, 5, start=12) == rest

    def test_goes_on_exactly_in_another_process(self, tmp_path):
        original = self.make(OperatorSpace(), 14)
        drive(original, 8)
        torch.save(original.state_dict(), tmp_path / "state.pt")
        rest = drive(original, 4, start=8)
        assert elsewhere(resumed_and_driven, self, tmp_path / "state.pt") == rest

    def test_a_state_once_taken_does_not_change(self):
        original = self.make(OperatorSpace(), 9)
        drive(original, 8)
        state = original.state_dict()
        rest = drive(original, 5, start=8)
        resumed = self.make(OperatorSpace(), 0)
        resumed.load_state_dict(state)
        assert drive(resumed, 5, start=8) == rest

    def test_several_asks_may_come_before_one_tell_in_any_order(self):
        searcher = self.make(OperatorSpace(), 10)
        for i in range(4):
            programs = [program for _ in range(4) for program in searcher.ask(5)]
            searcher.tell(outcomes(programs, first_number=20 * i)[::-1])
        programs = searcher.ask(5)
        for trial in outcomes(programs, first_number=80):
            searcher.tell([trial])
        assert len(searcher.ask(5)) == 5

    def test_learns_from_programs_that_it_did_not_propose(self):
        """A person's guesses, and those in another space, which it may ignore."""
        searcher = self.make(OperatorSpace(), 13)
        guesses = [LossProgram.parse(text) for text in ("(y - y_hat)^2", "max(y_hat, y)", "log(y_hat + eps)")]
        for _ in range(3):
            searcher.tell(outcomes(guesses))
            searcher.tell(outcomes(searcher.ask(5), first_number=3))
        assert all(program in OperatorSpace() for program in searcher.ask(20))

    def test_metrics_are_finite_numbers_with_the_same_names_each_time(self):
        searcher = self.make(OperatorSpace(), 11)
        told = [dict(searcher.tell([]))]
        for i in range(8):
            told.append(dict(searcher.tell(outcomes(searcher.ask(9), first_number=9 * i))))
        assert all(set(metrics) == set(told[0]) for metrics in told)
        assert all(np.isfinite(value) for metrics in told for value in metrics.values())

    def test_telling_nothing_changes_nothing(self):
        quiet, told = self.make(OperatorSpace(), 12), self.make(OperatorSpace(), 12)
        told.tell([])
        assert drive(quiet, 4) == drive(told, 4)

    def test_proposals_get_better_than_random_ones(self):
        """Over the seeds, the last third of the proposals earns more than random programs do."""
        if not self.learns:
            pytest.skip("does not learn")
        if self.learns_slowly and not NIGHTLY:
            pytest.skip("`make nightly` looks at this one")
        found = [toy_search(self.make(TOY_SPACE, seed), self.rounds_to_learn) for seed in range(TOY_SEEDS)]
        own = [np.mean(rewards[-len(rewards) // 3 :]) for rewards in found]
        assert mannwhitneyu(own, by_chance(self.rounds_to_learn), alternative="greater").pvalue < (
            0.001 if NIGHTLY else 0.01
        )
