"""The contract tests of problems. Inherit them and define `make`: see docs/add-a-problem.md."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import pytest

from core.common.seeding import numpy_rng
from core.search.problem import Finding, Measurement, Problem
from core.search.trial import Verdict
from core.testing.generators import untouched_generators
from core.testing.process import elsewhere, packed, unpacked


def plain(measurements: list[Measurement]) -> list[tuple[float | None, float]]:
    """Return (score, cost) of each measurement, with None for NaN, and without seconds, which always differ."""
    return [(None if math.isnan(one.score) else one.score, one.cost) for one in measurements]


def gone_on(contract: ProblemContract, stored: bytes) -> list[Any]:
    """Return the story of another problem of a contract after it has loaded a stored state.

    Args:
        contract: makes the problem.
        stored: the state, see `core.testing.process.packed`.
    """
    problem = contract.make(5)
    contract.move(problem)
    problem.load_state_dict(unpacked(stored))
    return contract.story(problem)


class ProblemContract(ABC):
    """The tests that every problem has to pass."""

    #: How many candidates to draw to find some worth measuring, and how many of those to measure together.
    n_drawn, n_measured = 400, 4
    #: Largest difference of scores that are equal up to rounding.
    rounding = 1e-6
    #: Whether problems of other seeds start elsewhere; False where there is one start.
    starts_vary = True

    @abstractmethod
    def make(self, seed: int) -> Problem[Any]:
        """Return a problem with a start drawn from the seed, small, so that tests are quick."""

    def restarted(self, problem: Problem[Any], seed: int) -> bool:
        """Restart from the start that `make` gives with this seed.

        Args:
            problem: the problem.
            seed: as `make` takes it.

        Returns:
            Whether the start changed.
        """
        return problem.restart(seed)

    def drawn(self, problem: Problem[Any], seed: int = 0) -> list[Any]:
        """Return random candidates, each twice in succession.

        Args:
            problem: gives the space.
            seed: of the draws.
        """
        genomes = problem.space.sample(self.n_drawn, numpy_rng(seed, "contract of problems"))
        return [one for one in problem.space.decode(genomes) for _ in range(2)]

    def worthy(self, problem: Problem[Any], seed: int = 0) -> list[Any]:
        """Return `n_measured` candidates that are worth measuring; the problem remembers all that were examined.

        Args:
            problem: examines the candidates.
            seed: of the candidates.
        """
        candidates = self.drawn(problem, seed)
        pairs = zip(candidates, problem.examine(candidates), strict=True)
        return [one for one, finding in pairs if finding.verdict is None][: self.n_measured]

    def move(self, problem: Problem[Any]) -> None:
        """Measure some candidates and adopt the first."""
        problem.measure(self.worthy(problem, 7), 7)
        problem.adopt(0)

    def story(self, problem: Problem[Any]) -> list[Any]:
        """Examine, measure, adopt and restart; return all results as plain data."""
        told: list[Any] = [problem.score(), problem.n_entries]
        for seed in (1, 2):
            candidates = self.drawn(problem, seed)
            findings = problem.examine(candidates)
            told += [(finding.verdict and finding.verdict.value, finding.entry) for finding in findings]
            fresh = [one for one, finding in zip(candidates, findings, strict=True) if finding.verdict is None]
            if fresh:  # from some starts nothing is worth measuring
                told += [plain(problem.measure(fresh[: self.n_measured], seed)), problem.adopt(0), problem.score()]
        return [*told, problem.restart(3), problem.score(), problem.n_entries]

    def close(self, measured: list[Measurement]) -> Any:
        """Return (score, cost) of each measurement, where scores compare equal up to rounding."""
        return [(pytest.approx(one.score, abs=self.rounding, nan_ok=True), one.cost) for one in measured]

    def test_there_is_something_worth_measuring(self) -> None:
        assert len(self.worthy(self.make(0))) == self.n_measured > 1

    def test_there_is_a_finding_for_every_candidate_whatever_is_asked_together(self) -> None:
        problem, other = self.make(0), self.make(0)
        candidates = self.drawn(problem)
        assert problem.examine([]) == []
        findings = problem.examine(candidates)
        assert findings == [finding for one in candidates for finding in other.examine([one])]
        assert len(findings) == len(candidates)

    def test_entries_are_counted_and_duplicates_have_that_of_an_earlier_one(self) -> None:
        problem = self.make(0)
        n_before = problem.n_entries
        assert n_before == 0
        for seed in (0, 1, 0):
            for finding in problem.examine(self.drawn(problem, seed)):
                n_before = _entered(finding, n_before)
            assert problem.n_entries == n_before

    def test_there_is_a_measurement_for_every_candidate_and_it_costs_something(self) -> None:
        problem = self.make(0)
        measured = problem.measure(self.worthy(problem), 1)
        assert len(measured) == self.n_measured
        assert all(one.cost > 0 and math.isfinite(one.cost) and one.seconds >= 0 for one in measured)
        assert len({one.score for one in measured}) > 1

    def test_measuring_twice_with_one_seed_gives_the_same(self) -> None:
        problem = self.make(0)
        candidates = self.worthy(problem)
        first = plain(problem.measure(candidates, 3))
        problem.measure(candidates[::-1], 4)
        assert plain(problem.measure(candidates, 3)) == first

    def test_equal_problems_agree(self) -> None:
        one, other = self.make(2), self.make(2)
        assert one.score() == other.score()
        assert self.story(one) == self.story(other)

    def test_problems_of_other_seeds_start_elsewhere(self) -> None:
        assert (self.make(2).score() != self.make(3).score()) is self.starts_vary

    def test_a_measurement_does_not_depend_on_the_other_candidates_or_their_order(self) -> None:
        problem = self.make(0)
        candidates = self.worthy(problem)
        together = problem.measure(candidates, 1)
        alone = [one for candidate in candidates for one in problem.measure([candidate], 1)]
        assert [(one.score, one.cost) for one in alone] == self.close(together)
        turned = problem.measure(candidates[::-1], 1)[::-1]
        assert [(one.score, one.cost) for one in turned] == self.close(together)

    def test_nothing_is_moved_by_global_generators_or_moves_them(self) -> None:
        expected = self.story(self.make(4))
        with untouched_generators(1):
            assert self.story(self.make(4)) == expected

    def test_measuring_changes_nothing_that_is_measured_from(self) -> None:
        problem, other = self.make(0), self.make(0)
        candidates = self.worthy(problem)
        before, n_entries = problem.score(), problem.n_entries
        problem.measure(candidates, 1)
        assert (problem.score(), problem.n_entries) == (before, n_entries)
        self.worthy(other)
        assert self.story(problem) == self.story(other)

    @pytest.mark.parametrize("index", [0, 1])
    def test_adopting_makes_a_candidate_the_start_or_changes_nothing(self, index: int) -> None:
        problem = self.make(0)
        before, measured = problem.score(), problem.measure(self.worthy(problem), 1)
        n_entries = problem.n_entries
        if problem.adopt(index):
            assert problem.score() == pytest.approx(measured[index].score, abs=self.rounding)
            assert problem.n_entries == 0
        else:
            assert (problem.score(), problem.n_entries) == (before, n_entries)

    def test_restarting_gives_a_fresh_start_or_changes_nothing(self) -> None:
        problem = self.make(0)
        self.move(problem)
        self.worthy(problem)
        before, n_entries = problem.score(), problem.n_entries
        if self.restarted(problem, 9):
            assert problem.score() == self.make(9).score()
            assert problem.n_entries == 0
        else:
            assert (problem.score(), problem.n_entries) == (before, n_entries)

    @pytest.mark.parametrize("moves", [False, True])
    def test_goes_on_exactly_from_a_stored_state(self, moves: bool) -> None:
        problem = self.make(5)
        if moves:
            self.move(problem)
        self.worthy(problem)
        stored = packed(problem.state_dict())
        assert gone_on(self, stored) == self.story(problem)

    def test_goes_on_exactly_in_another_process(self) -> None:
        problem = self.make(5)
        self.move(problem)
        self.worthy(problem)
        stored = packed(problem.state_dict())
        assert elsewhere(gone_on, self, stored) == self.story(problem)

    def test_a_state_once_taken_does_not_change(self) -> None:
        problem, other = self.make(5), self.make(5)
        self.worthy(problem)
        state = problem.state_dict()
        rest = self.story(problem)
        other.load_state_dict(state)
        assert self.story(other) == rest


def _entered(finding: Finding, n_before: int) -> int:
    """Check the entry of a finding; return how many candidates are remembered after it."""
    if finding.entry is None:
        assert finding.verdict not in (None, Verdict.DUPLICATE)
        return n_before
    if finding.verdict is Verdict.DUPLICATE:
        assert 0 <= finding.entry < n_before
        return n_before
    assert finding.entry == n_before
    return n_before + 1
