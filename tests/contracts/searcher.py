"""What every searcher promises. A test class inherits this and says how its searcher is made."""

import io
import random
from abc import ABC, abstractmethod

import numpy as np
import pytest
import torch

from core.searcher import Searcher
from core.seeding import numpy_rng
from core.space import OperatorSpace
from core.trial import Candidate, Trial, Verdict

SPACES = [
    OperatorSpace(),
    OperatorSpace(max_variables=5),
    OperatorSpace(operators=("add", "neg", "square"), max_variables=8),
]


def outcomes(programs, first_number=0, seed=0):
    """Made-up trials of every kind for these programs."""
    rng = numpy_rng(seed, "outcomes", first_number)
    trials = []
    for i, program in enumerate(programs):
        verdict = list(Verdict)[int(rng.integers(len(Verdict)))]
        rewarded = verdict in (Verdict.ACCEPTED, Verdict.REJECTED, Verdict.DUPLICATE)
        reward = float(rng.normal(scale=0.01)) if rewarded else None
        trials.append(
            Trial(0, Candidate(first_number + i, program), verdict, reward=reward, trained=verdict is Verdict.ACCEPTED)
        )
    return trials


def drive(searcher: Searcher, rounds: int, start: int = 0) -> list[str]:
    """Ask and tell a few times; the keys proposed."""
    keys = []
    for i in range(start, start + rounds):
        programs = searcher.ask(7)
        keys += [program.key for program in programs]
        searcher.tell(outcomes(programs, first_number=7 * i))
    return keys


class SearcherContract(ABC):
    @abstractmethod
    def make(self, space: OperatorSpace, seed: int) -> Searcher: ...

    @pytest.mark.parametrize("space", SPACES, ids=["default", "short", "few operators"])
    @pytest.mark.parametrize("n", [1, 2, 33])
    def test_asks_are_answered_exactly_and_within_the_space(self, space, n):
        searcher = self.make(space, 0)
        for _ in range(3):
            programs = searcher.ask(n)
            assert len(programs) == n
            assert all(program in space for program in programs)

    def test_same_seed_proposes_the_same_and_another_seed_does_not(self):
        first, again, other = (drive(self.make(OperatorSpace(), seed), 4) for seed in (3, 3, 4))
        assert first == again
        assert first != other

    def test_is_not_moved_by_global_generators_and_leaves_them_alone(self):
        expected = drive(self.make(OperatorSpace(), 5), 3)
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)
        before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
        assert drive(self.make(OperatorSpace(), 5), 3) == expected
        assert before == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())

    def test_two_searchers_do_not_disturb_each_other(self):
        alone = drive(self.make(OperatorSpace(), 6), 4)
        one, other = self.make(OperatorSpace(), 6), self.make(OperatorSpace(), 7)
        together = []
        for i in range(4):
            together += drive(one, 1, start=i)
            drive(other, 1, start=i)
        assert together == alone

    def test_goes_on_exactly_from_a_stored_state(self):
        original = self.make(OperatorSpace(), 8)
        drive(original, 5)
        buffer = io.BytesIO()
        torch.save(original.state_dict(), buffer)
        rest = drive(original, 5, start=5)
        buffer.seek(0)
        resumed = self.make(OperatorSpace(), 999)
        resumed.load_state_dict(torch.load(buffer, weights_only=True))
        assert drive(resumed, 5, start=5) == rest

    def test_a_state_once_taken_does_not_change(self):
        original = self.make(OperatorSpace(), 9)
        drive(original, 5)
        state = original.state_dict()
        rest = drive(original, 5, start=5)
        resumed = self.make(OperatorSpace(), 0)
        resumed.load_state_dict(state)
        assert drive(resumed, 5, start=5) == rest

    def test_several_asks_may_come_before_one_tell_in_any_order(self):
        searcher = self.make(OperatorSpace(), 10)
        programs = [program for _ in range(4) for program in searcher.ask(5)]
        searcher.tell(outcomes(programs)[::-1])
        assert len(searcher.ask(5)) == 5

    def test_metrics_are_finite_numbers_with_the_same_names_each_time(self):
        searcher = self.make(OperatorSpace(), 11)
        told = []
        for i in range(4):
            told.append(dict(searcher.tell(outcomes(searcher.ask(9), first_number=9 * i))))
        assert all(set(metrics) == set(told[0]) for metrics in told)
        assert all(np.isfinite(value) for metrics in told for value in metrics.values())

    def test_telling_nothing_changes_nothing(self):
        quiet, told = self.make(OperatorSpace(), 12), self.make(OperatorSpace(), 12)
        told.tell([])
        assert drive(quiet, 2) == drive(told, 2)
