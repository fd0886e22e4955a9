"""One round of the search: ask, test, train, filter, tell (paper, Algorithm 1, lines 4 to 17)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.common.restoring import count, read
from core.common.stopwatch import Stopwatch
from core.losses.loss import Loss, ProgramLoss
from core.problems.evaluator import Evaluator
from core.problems.no_proxy import NoProxyTest
from core.problems.proxy import Finding, ProxyTest
from core.problems.scale import Yardstick
from core.problems.validation import ValidationCheck
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.reward import RewardFilter, reward_of
from core.search.searcher import Searcher
from core.search.trial import Candidate, Trial, Verdict


@dataclass(frozen=True)
class Rules:
    """What decides over a candidate."""

    space: OperatorSpace
    """How its operators behave."""
    epsilon: float | None = None
    """The smoothing term during the search; None: the space's xi."""
    reward_filter: RewardFilter = field(default_factory=RewardFilter)
    """The filter after training."""
    check_first: ValidationCheck | None = None
    """The validation check, run before training too (the paper runs it only afterwards)."""
    reward_duplicates: bool = True
    """Whether a duplicate is told the reward of its original (section 4.1.2). Where rewards never change that
    would pay a searcher for proposing one loss for ever, while everybody knows its reward already."""

    reference: Loss | None = None
    """The loss whose gradient on the proxy batch gives candidates their scale in training (see `core.problems.scale`);
    None: they are trained as they are. Proxy test and validation check see them as they are."""

    def loss(self, program: LossProgram) -> ProgramLoss:
        """The program as it is tested, and trained but for its scale."""
        return ProgramLoss(program, self.space, self.epsilon)


@dataclass(frozen=True)
class _Proposal:
    """A candidate of which nothing is known yet."""

    step: int
    candidate: Candidate
    seed: int

    def ended(self, verdict: Verdict, **outcome: Any) -> Trial:
        """What became of it."""
        return Trial(self.step, self.candidate, verdict, seed=self.seed, **outcome)


class Rounds:
    """The rounds of a search. Outcomes stay valid as long as the recommender does.

    Args:
        searcher: proposes programs and is told what became of each.
        evaluator: trains recommenders.
        proxy: the proxy test, or what stands in for it; renewed here whenever the recommender changes.
        rules: how candidates run and what decides over them.
        samples_per_training: when this many proposals in a row bring nothing to train, a round ends.
        clock: seconds.
        is_late: whether the time is used up, so that nothing more is proposed.
    """

    def __init__(
        self,
        searcher: Searcher,
        evaluator: Evaluator,
        proxy: ProxyTest | NoProxyTest,
        rules: Rules,
        samples_per_training: int,
        clock: Callable[[], float],
        is_late: Callable[[], bool],
    ) -> None:
        self._searcher, self._evaluator, self._proxy = searcher, evaluator, proxy
        self._rules, self._samples_per_training = rules, samples_per_training
        self.searcher_time, self.training_time = Stopwatch(clock), Stopwatch(clock)
        self._is_late = is_late
        self._asked = 0
        self._outcomes: dict[int, Trial] = {}  # memory entry of the proxy test -> the trial it belongs to
        self.searcher_metrics: Mapping[str, float] = {}
        self._begun = False
        self._yardstick: Yardstick | None = None  # of where candidates start now, once it was asked for

    def run(self, step: int, wanted: int, seed: int) -> tuple[Trial, ...]:
        """Ask until `wanted` candidates are worth training, train them, tell everything."""
        if not self._begun:
            self._forget()
        fresh: list[tuple[_Proposal, int]] = []  # to train, with their memory entries
        waiting: list[tuple[_Proposal, int]] = []  # duplicates of those
        told: list[Trial] = []
        barren = 0
        while len(fresh) < wanted and barren < self._samples_per_training:
            programs = self._ask(wanted - len(fresh))
            findings = self._proxy.examine([self._rules.loss(program) for program in programs])
            known: list[Trial] = []
            before = len(fresh)
            for program, finding in zip(programs, findings, strict=True):
                self._sort(_Proposal(step, self._number(program), seed), finding, fresh, waiting, known)
            self._tell(known)
            told += known
            barren = 0 if len(fresh) > before else barren + len(programs)
            if self._is_late():
                break
        measured = self._measure(fresh, seed)
        late = [self._repeat(proposal, entry) for proposal, entry in waiting]
        if any(trial.adopted for trial in measured):
            self._forget()
        self._tell([*measured, *late])
        return tuple(sorted([*told, *measured, *late], key=lambda trial: trial.candidate.number))

    def _ask(self, n: int) -> list[LossProgram]:
        """What the searcher proposes, held to its contract."""
        with self.searcher_time:
            programs = self._searcher.ask(n)
        if len(programs) != n:
            name = type(self._searcher).__name__
            raise RuntimeError(f"{name}.ask({n}) returned {len(programs)} programs, expected exactly {n}")
        return programs

    def restart(self, seed: int) -> bool:
        """Begin anew from a fresh recommender, where the environment has such."""
        if not self._evaluator.restart(seed):
            return False
        self._forget()
        return True

    def _forget(self) -> None:
        self._begun = True
        self._proxy.renew(self._evaluator.probe())
        self._outcomes.clear()
        self._yardstick = None

    def _number(self, program: LossProgram) -> Candidate:
        self._asked += 1
        return Candidate(self._asked - 1, program)

    def _sort(
        self,
        proposal: _Proposal,
        finding: Finding,
        fresh: list[tuple[_Proposal, int]],
        waiting: list[tuple[_Proposal, int]],
        known: list[Trial],
    ) -> None:
        """Put a candidate where its finding says: to train, to wait for its original, or done."""
        if finding.entry is None:
            assert finding.verdict is not None, "a program without an entry did not pass"
            known.append(proposal.ended(finding.verdict))
        elif finding.verdict is Verdict.DUPLICATE and finding.entry in self._outcomes:
            known.append(self._repeat(proposal, finding.entry))
        elif finding.verdict is Verdict.DUPLICATE:
            waiting.append((proposal, finding.entry))
        elif self._goes_the_wrong_way(proposal.candidate.program):
            outcome = proposal.ended(Verdict.WRONG_DIRECTION)
            self._outcomes[finding.entry] = outcome
            known.append(outcome)
        else:
            fresh.append((proposal, finding.entry))

    def _goes_the_wrong_way(self, program: LossProgram) -> bool:
        check = self._rules.check_first
        return check is not None and not check.passes(self._rules.loss(program))

    def _repeat(self, proposal: _Proposal, entry: int) -> Trial:
        """A duplicate gets the reward of its original (section 4.1.2), unless the rules say otherwise."""
        original = self._outcomes[entry]
        number = original.candidate.number
        if not self._rules.reward_duplicates:
            return proposal.ended(Verdict.DUPLICATE, original=number)
        return proposal.ended(Verdict.DUPLICATE, reward=original.reward, score=original.score, original=number)

    def _measure(self, fresh: list[tuple[_Proposal, int]], seed: int) -> list[Trial]:
        """Train the fresh candidates, filter them, adopt the best."""
        if not fresh:
            return []
        init = self._evaluator.score()
        losses = self._scaled([self._rules.loss(proposal.candidate.program) for proposal, _ in fresh])
        with self.training_time:
            measurements = self._evaluator.measure(losses, seed)
        trials = []
        for (proposal, entry), measurement in zip(fresh, measurements, strict=True):
            reward = reward_of(measurement.score, init)
            trials.append(
                proposal.ended(
                    self._rules.reward_filter.verdict(reward),
                    reward=reward,
                    score=None if reward is None else measurement.score,
                    trained=True,
                    seconds=measurement.seconds,
                )
            )
            self._outcomes[entry] = trials[-1]
        accepted = [i for i, trial in enumerate(trials) if trial.verdict is Verdict.ACCEPTED]
        if accepted:
            best = max(accepted, key=lambda i: (trials[i].reward, -i))
            trials[best] = replace(trials[best], adopted=self._evaluator.adopt(best))
        return trials

    def _scaled(self, losses: Sequence[Loss]) -> Sequence[Loss]:
        """The losses at the scale that they are trained at, which follows from where they start."""
        if self._rules.reference is None:
            return losses
        if self._yardstick is None:
            self._yardstick = Yardstick(self._rules.reference, self._evaluator.recommender_probe())
        return self._yardstick.scaled(losses)

    def _tell(self, trials: list[Trial]) -> None:
        if trials:
            with self.searcher_time:
                self.searcher_metrics = self._searcher.tell(trials)

    def state_dict(self) -> dict[str, Any]:
        """Everything that later rounds depend on, searcher, evaluator and proxy test too; after the first round."""
        return {
            "asked": self._asked,
            "searcher_metrics": dict(self.searcher_metrics),
            "outcomes": [[entry, trial.to_dict()] for entry, trial in self._outcomes.items()],
            "searcher": self._searcher.state_dict(),
            "evaluator": self._evaluator.state_dict(),
            "proxy": self._proxy.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._begun, self._yardstick = True, None
        self._asked = count(state["asked"])
        self.searcher_metrics = read(dict[str, float], state["searcher_metrics"])
        self._outcomes = dict(read(list[tuple[int, Trial]], state["outcomes"]))
        self._searcher.load_state_dict(state["searcher"])
        self._evaluator.load_state_dict(state["evaluator"])
        self._proxy.load_state_dict(state["proxy"])
        if set(self._outcomes) != set(range(self._proxy.n_entries)):
            raise ValueError(f"expected an outcome for each of {self._proxy.n_entries} gradients")
