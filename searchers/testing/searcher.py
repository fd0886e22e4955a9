"""The contract tests of searchers. Inherit them and define `make`: see docs/add-a-searcher.md."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from core.common.seeding import numpy_rng
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.choices import ChoiceSpace
from core.search.decision import Decision, Kind
from core.search.searcher import Searcher
from core.search.space import Space
from core.search.trial import Candidate, Trial, Verdict
from core.testing.generators import untouched_generators
from core.testing.process import elsewhere, packed, unpacked
from searchers.random import RandomSearcher

_PAPER, _SHADES = OperatorSpace(), ("1", "2", "3", "4", "5", "6", "7", "8")
_BITS = [Decision(f"bit_{i}", Kind("bit", ("off", "on")), 2) for i in range(12)]
_SHADE = [Decision(f"shade_{i}", Kind(f"shade_{i}", _SHADES), 8, ordered=True) for i in range(4)]
_ORDERED = ChoiceSpace((*_SHADE, _BITS[0]))
#: The spaces that searchers are tested with.
SPACES: Mapping[str, Space[Any]] = MappingProxyType(
    {
        "programs": _PAPER,
        "short programs": OperatorSpace(max_variables=5),
        "few operators": OperatorSpace(operators=("add", "neg", "square", "softplus"), max_variables=8),
        "one line": OperatorSpace(max_variables=4),
        "bits": ChoiceSpace(tuple(_BITS)),
        "one decision": ChoiceSpace((_SHADE[0],)),
        "ordered": _ORDERED,
    }
)

in_all_spaces = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
#: The two that have the least in common.
in_both_kinds = pytest.mark.parametrize("space", [_PAPER, _ORDERED], ids=["programs", "ordered"])


def proposed(searcher: Searcher, space: Space[Any], n: int, first: int = 0) -> list[Candidate[Any]]:
    """Ask a searcher for candidates.

    Args:
        searcher: the searcher.
        space: its space.
        n: how many candidates.
        first: number of the first one.
    """
    genomes = searcher.ask(n)
    return [Candidate(first + i, *pair) for i, pair in enumerate(zip(genomes, space.decode(genomes), strict=True))]


def outcomes(candidates: Sequence[Candidate[Any]]) -> list[Trial[Any]]:
    """Return trials with random verdicts and rewards for these candidates, seeded by the number of the first one."""
    rng = numpy_rng(0, "outcomes", candidates[0].number)
    trials = []
    for candidate in candidates:
        verdict = list(Verdict)[int(rng.integers(len(Verdict)))]
        trained = verdict in (Verdict.ACCEPTED, Verdict.REJECTED)
        rewarded = trained or (verdict is Verdict.DUPLICATE and rng.random() < 0.5)
        reward = float(rng.normal(scale=0.01)) if rewarded else None
        trials.append(Trial(0, candidate, verdict, reward=reward, trained=trained))
    return trials


def drive(searcher: Searcher, space: Space[Any], rounds: int, start: int = 0) -> list[list[int]]:
    """Ask a searcher and tell it random outcomes, several times; return the genomes that it proposed.

    Args:
        searcher: the searcher.
        space: its space.
        rounds: how often to ask and tell.
        start: number of the first round.
    """
    genomes: list[list[int]] = []
    for i in range(start, start + rounds):
        candidates = proposed(searcher, space, 7, first=7 * i)
        genomes += [candidate.genome.tolist() for candidate in candidates]
        searcher.tell(outcomes(candidates))
    return genomes


@dataclass(frozen=True)
class Toy:
    """A problem without training: find a target genome. The reward is the share of decisions that are correct."""

    space: Space[Any]
    target: np.ndarray

    def rewards(self, searcher: Searcher, n_rounds: int, per_round: int = 10) -> list[float]:
        """Run a search, in which repeated candidates are duplicates without a reward.

        Args:
            searcher: the searcher.
            n_rounds: how often to ask and tell.
            per_round: number of candidates per round.

        Returns:
            The values of all proposed candidates, repeated ones included, in order.
        """
        rewards: list[float] = []
        seen = set()
        for step in range(n_rounds):
            trials = []
            for candidate in proposed(searcher, self.space, per_round, first=len(rewards)):
                reward, name = float((candidate.genome == self.target).mean()), candidate.genome.tobytes()
                rewards.append(reward)
                if name in seen:
                    trials.append(Trial(step, candidate, Verdict.DUPLICATE, original=0))
                else:
                    trials.append(Trial(step, candidate, Verdict.ACCEPTED, reward=reward, trained=True))
                seen.add(name)
            searcher.tell(trials)
        return rewards


_SHORT = OperatorSpace(max_variables=7)
TOYS: Mapping[str, Toy] = MappingProxyType(
    {
        "programs": Toy(_SHORT, _SHORT.encode(LossProgram.parse("log(max(y_hat*y, y))^2"))),
        "choices": Toy(_ORDERED, np.array([1, 6, 3, 4, 1])),
    }
)


def over_seeds(make: Callable[[Space[Any], int], Searcher], toy: Toy, n_rounds: int, n_seeds: int) -> list[float]:
    """Run searches with different seeds; return the mean reward of the last third of the proposals for each seed.

    Args:
        make: (space, seed) -> searcher.
        toy: the problem.
        n_rounds: rounds of ten proposals in a search.
        n_seeds: number of searches.
    """
    found = [toy.rewards(make(toy.space, seed), n_rounds) for seed in range(n_seeds)]
    return [float(np.mean(rewards[-len(rewards) // 3 :])) for rewards in found]


@cache
def by_chance(name: str, n_rounds: int, n_seeds: int) -> list[float]:
    """Return the results of `over_seeds` for random search.

    Args:
        name: key of TOYS.
        n_rounds: rounds of ten proposals in a search.
        n_seeds: number of searches.
    """
    return over_seeds(RandomSearcher, TOYS[name], n_rounds, n_seeds)


def gone_on(contract: SearcherContract, space: Space[Any], stored: bytes) -> list[list[int]]:
    """Return the proposals of another searcher of a contract after it has loaded a stored state.

    Args:
        contract: makes the searcher.
        space: its space.
        stored: the state, see `core.testing.process.packed`.
    """
    searcher = contract.make(space, 999)
    drive(searcher, space, 1)  # a state that loading has to replace
    searcher.load_state_dict(unpacked(stored))
    return drive(searcher, space, 4, start=8)


class SearcherContract(ABC):
    """The tests that every searcher has to pass."""

    #: Whether proposals get better, and the number of rounds of ten proposals in which they have to.
    learns = True
    rounds_to_learn = 30
    #: Number of seeds of this test, and the p-value that it has to stay below.
    n_seeds, significance = 5, 0.01

    @abstractmethod
    def make(self, space: Space[Any], seed: int) -> Searcher:
        """Return a searcher of a space.

        Args:
            space: the search space.
            seed: of all random draws.
        """

    @in_all_spaces
    @pytest.mark.parametrize("n", [1, 2, 33])
    def test_asks_are_answered_by_genomes_of_the_space_in_normal_form(self, space: Space[Any], n: int) -> None:
        searcher = self.make(space, 0)
        for i in range(3):
            candidates = proposed(searcher, space, n, first=n * i)
            genomes = [candidate.genome for candidate in candidates]
            assert np.stack(genomes).shape == (n, len(space.decisions))
            assert all(genome.dtype == np.int64 for genome in genomes)
            assert space.repaired(np.stack(genomes)).tolist() == np.stack(genomes).tolist()
            searcher.tell(outcomes(candidates))

    @in_both_kinds
    def test_same_seed_proposes_the_same_and_another_seed_does_not(self, space: Space[Any]) -> None:
        first, again, other = (drive(self.make(space, seed), space, 6) for seed in (3, 3, 4))
        assert first == again
        assert first != other

    def test_is_not_moved_by_global_generators_and_leaves_them_alone(self) -> None:
        expected = drive(self.make(_PAPER, 5), _PAPER, 8)
        with untouched_generators(1):
            assert drive(self.make(_PAPER, 5), _PAPER, 8) == expected

    def test_two_searchers_do_not_disturb_each_other(self) -> None:
        alone = drive(self.make(_PAPER, 6), _PAPER, 8)
        one, other = self.make(_PAPER, 6), self.make(_PAPER, 7)
        together = []
        for i in range(8):
            together += drive(one, _PAPER, 1, start=i)
            drive(other, _PAPER, 1, start=i)
        assert together == alone

    @in_both_kinds
    def test_goes_on_exactly_from_a_stored_state(self, space: Space[Any]) -> None:
        original = self.make(space, 8)
        drive(original, space, 12)
        original.ask(3)  # without an outcome yet
        stored = packed(original.state_dict())
        assert gone_on(self, space, stored) == drive(original, space, 4, start=8)

    def test_goes_on_exactly_in_another_process(self) -> None:
        original = self.make(_PAPER, 14)
        drive(original, _PAPER, 8)
        stored = packed(original.state_dict())
        assert elsewhere(gone_on, self, _PAPER, stored) == drive(original, _PAPER, 4, start=8)

    def test_a_state_once_taken_does_not_change(self) -> None:
        original = self.make(_PAPER, 9)
        drive(original, _PAPER, 8)
        state = original.state_dict()
        rest = drive(original, _PAPER, 5, start=8)
        resumed = self.make(_PAPER, 0)
        resumed.load_state_dict(state)
        assert drive(resumed, _PAPER, 5, start=8) == rest

    def test_what_is_done_to_an_answer_does_not_reach_the_searcher(self) -> None:
        kept, changed = self.make(_ORDERED, 15), self.make(_ORDERED, 15)
        for i in range(4):
            candidates = proposed(kept, _ORDERED, 5, first=5 * i)
            answer = changed.ask(5)
            kept.tell(outcomes(candidates))
            changed.tell(outcomes(candidates))
            answer[:] = -1
        assert np.array_equal(kept.ask(5), changed.ask(5))

    def test_several_asks_may_come_before_one_tell_in_any_order(self) -> None:
        searcher = self.make(_PAPER, 10)
        for i in range(4):
            candidates = [one for j in range(4) for one in proposed(searcher, _PAPER, 5, first=20 * i + 5 * j)]
            searcher.tell(outcomes(candidates)[::-1])
        for trial in outcomes(proposed(searcher, _PAPER, 5, first=80)):
            searcher.tell([trial])
        assert len(searcher.ask(5)) == 5

    def test_learns_from_candidates_that_it_did_not_propose(self) -> None:
        searcher = self.make(_PAPER, 13)
        guesses = [LossProgram.parse(text) for text in ("(y_hat + -y)^2", "max(y_hat, y)", "log(y_hat)")]
        for _ in range(3):
            searcher.tell(outcomes([Candidate(i, _PAPER.encode(one), one) for i, one in enumerate(guesses)]))
            searcher.tell(outcomes(proposed(searcher, _PAPER, 5, first=3)))
        assert len(_PAPER.decode(searcher.ask(20))) == 20

    def test_metrics_are_finite_numbers_with_the_same_names_each_time(self) -> None:
        searcher = self.make(_PAPER, 11)
        told = [searcher.tell([])]
        told += [searcher.tell(outcomes(proposed(searcher, _PAPER, 9, first=9 * i))) for i in range(8)]
        assert all(set(metrics) == set(told[0]) for metrics in told)
        assert all(np.isfinite(value) for metrics in told for value in metrics.values())

    def test_telling_nothing_changes_nothing(self) -> None:
        quiet, told = self.make(_PAPER, 12), self.make(_PAPER, 12)
        told.tell([])
        assert drive(quiet, _PAPER, 4) == drive(told, _PAPER, 4)

    @pytest.mark.parametrize("name", TOYS)
    def test_proposals_get_better_than_random_ones(self, name: str) -> None:
        """Over the seeds, the last third of the proposals earns more than random candidates do."""
        if not self.learns:
            pytest.skip("does not learn")
        own = over_seeds(self.make, TOYS[name], self.rounds_to_learn, self.n_seeds)
        chance = by_chance(name, self.rounds_to_learn, self.n_seeds)
        assert mannwhitneyu(own, chance, alternative="greater").pvalue < self.significance
