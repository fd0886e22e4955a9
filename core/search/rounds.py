"""One round of the search: ask, examine, measure, filter, tell (paper, Algorithm 1, lines 4 to 17)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic

from core.common.restoring import count, read
from core.common.stopwatch import Stopwatch
from core.search.problem import Finding, Problem
from core.search.reward import RewardFilter, reward_of
from core.search.searcher import Searcher
from core.search.space import C
from core.search.trial import Candidate, Trial, Verdict


@dataclass(frozen=True)
class Rules:
    """The rules by which candidates are accepted and rewarded."""

    reward_filter: RewardFilter = field(default_factory=RewardFilter)
    """Decides whether a measured candidate is accepted."""
    reward_duplicates: bool = True
    """Whether a duplicate gets the reward of its original (section 4.1.2). Switch it off where rewards never change:
    there it would pay a searcher for proposing the same candidate again and again."""


@dataclass(frozen=True)
class _Proposal(Generic[C]):
    """A candidate without a verdict yet."""

    step: int
    candidate: Candidate[C]
    seed: int

    def ended(self, verdict: Verdict, **outcome: Any) -> Trial[C]:
        """Return the trial of this candidate."""
        return Trial(self.step, self.candidate, verdict, seed=self.seed, **outcome)


class Rounds(Generic[C]):
    """The rounds of a search. Outcomes of earlier candidates stay valid until the problem's start changes.

    Args:
        searcher: proposes genomes and is told the outcome of each.
        problem: decides which candidates are worth measuring, and measures them.
        rules: decide which candidates are accepted, and how they are rewarded.
        clock: returns seconds.
    """

    def __init__(self, searcher: Searcher, problem: Problem[C], rules: Rules, clock: Callable[[], float]) -> None:
        self._searcher, self._problem, self._rules = searcher, problem, rules
        self.searcher_time, self.training_time = Stopwatch(clock), Stopwatch(clock)
        self._asked = 0
        self._outcomes: dict[int, Trial[C]] = {}  # entry of a finding -> the trial that it belongs to
        self.searcher_metrics: Mapping[str, float] = {}

    def run(self, step: int, wanted: int, seed: int, patience: int, is_late: Callable[[], bool]) -> list[Trial[C]]:
        """Ask until enough candidates are worth measuring, measure them, tell the searcher all outcomes.

        Args:
            step: the number of the round.
            wanted: how many candidates to measure.
            seed: of the batches.
            patience: stop asking after this many consecutive proposals of which none is worth measuring.
            is_late: whether the time budget is used up; stop asking then.

        Returns:
            The trials of all proposed candidates, in the order of asking.
        """
        fresh: list[tuple[_Proposal[C], int]] = []  # to measure, with their entries
        waiting: list[tuple[_Proposal[C], int]] = []  # duplicates of those
        told: list[Trial[C]] = []
        barren = 0
        while len(fresh) < wanted and barren < patience and not self._problem.is_exhausted:
            with self.searcher_time:
                left = self._searcher.n_left
            if left == 0:
                break
            n = wanted - len(fresh)
            asked, before = self._ask(n if left is None else min(n, left)), len(fresh)
            findings = self._problem.examine([candidate.solution for candidate in asked])
            known: list[Trial[C]] = []
            for candidate, finding in zip(asked, findings, strict=True):
                self._sort(_Proposal(step, candidate, seed), finding, fresh, waiting, known)
            self._tell(known)
            told += known
            barren = 0 if len(fresh) > before else barren + len(asked)
            if is_late():
                break
        measured = self._measure(fresh, seed)
        late = [self._repeat(proposal, entry) for proposal, entry in waiting]
        if any(trial.adopted for trial in measured):
            self._outcomes.clear()
        self._tell([*measured, *late])
        return sorted([*told, *measured, *late], key=lambda trial: trial.candidate.number)

    def _ask(self, n: int) -> list[Candidate[C]]:
        """Return n candidates of the searcher, checked against its contract."""
        with self.searcher_time:
            genomes = self._searcher.ask(n)
        if len(genomes) != n:
            name = type(self._searcher).__name__
            raise RuntimeError(f"{name}.ask({n}) returned {len(genomes)} genomes, expected exactly {n}")
        first, self._asked = self._asked, self._asked + n
        solutions = self._problem.space.decode(genomes)
        return [Candidate(first + i, *pair) for i, pair in enumerate(zip(genomes, solutions, strict=True))]

    def restart(self, seed: int) -> bool:
        """Restart the problem from a fresh start, see `Problem.restart`; return whether the start changed."""
        is_fresh = self._problem.restart(seed)
        if is_fresh:
            self._outcomes.clear()
        return is_fresh

    def _sort(
        self,
        proposal: _Proposal[C],
        finding: Finding,
        fresh: list[tuple[_Proposal[C], int]],
        waiting: list[tuple[_Proposal[C], int]],
        known: list[Trial[C]],
    ) -> None:
        """Add a candidate to the list that its finding asks for: to measure, to wait for its original, or done."""
        if finding.entry is None:
            assert finding.verdict is not None, "a candidate without an entry is not worth measuring"
            known.append(proposal.ended(finding.verdict))
        elif finding.verdict is Verdict.DUPLICATE and finding.entry in self._outcomes:
            known.append(self._repeat(proposal, finding.entry))
        elif finding.verdict is Verdict.DUPLICATE:
            waiting.append((proposal, finding.entry))
        elif finding.verdict is not None:
            known.append(proposal.ended(finding.verdict))
            self._outcomes[finding.entry] = known[-1]
        else:
            fresh.append((proposal, finding.entry))

    def _repeat(self, proposal: _Proposal[C], entry: int) -> Trial[C]:
        """Return the trial of a duplicate: with the reward of its original (section 4.1.2) if the rules say so."""
        original = self._outcomes[entry]
        number = original.candidate.number
        if not self._rules.reward_duplicates:
            return proposal.ended(Verdict.DUPLICATE, original=number)
        return proposal.ended(Verdict.DUPLICATE, reward=original.reward, score=original.score, original=number)

    def _measure(self, fresh: Sequence[tuple[_Proposal[C], int]], seed: int) -> list[Trial[C]]:
        """Measure the fresh candidates, filter them, adopt the best."""
        if not fresh:
            return []
        init = self._problem.score()
        with self.training_time:
            measurements = self._problem.measure([proposal.candidate.solution for proposal, _ in fresh], seed)
        trials = []
        for (proposal, entry), measurement in zip(fresh, measurements, strict=True):
            reward = reward_of(measurement.score, init)
            trials.append(
                proposal.ended(
                    self._rules.reward_filter.verdict(reward),
                    reward=reward,
                    score=None if reward is None else measurement.score,
                    trained=True,
                    cost=measurement.cost,
                    seconds=measurement.seconds,
                )
            )
            self._outcomes[entry] = trials[-1]
        accepted = [i for i, trial in enumerate(trials) if trial.verdict is Verdict.ACCEPTED]
        if accepted:
            best = max(accepted, key=lambda i: (trials[i].reward, -i))
            trials[best] = replace(trials[best], adopted=self._problem.adopt(best))
        return trials

    def _tell(self, trials: Sequence[Trial[C]]) -> None:
        if trials:
            with self.searcher_time:
                self.searcher_metrics = self._searcher.tell(trials)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that later rounds depend on, including searcher and problem."""
        return {
            "asked": self._asked,
            "searcher_metrics": dict(self.searcher_metrics),
            "outcomes": [[entry, trial.to_dict()] for entry, trial in self._outcomes.items()],
            "searcher": self._searcher.state_dict(),
            "problem": self._problem.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned.

        Raises:
            Exception: the state does not fit; nothing in it is executed.
        """
        self._asked = count(state["asked"])
        self.searcher_metrics = read(dict[str, float], state["searcher_metrics"])
        stored = read(list[tuple[int, dict[str, Any]]], state["outcomes"])
        self._outcomes = {entry: Trial.from_dict(trial, self._problem.space) for entry, trial in stored}
        self._searcher.load_state_dict(state["searcher"])
        self._problem.load_state_dict(state["problem"])
        if set(self._outcomes) != set(range(self._problem.n_entries)):
            raise ValueError(f"expected an outcome for each of {self._problem.n_entries} remembered candidates")
