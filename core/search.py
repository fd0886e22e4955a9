"""Phase I, the loss search: paper, Algorithm 1, with K candidates measured from the same state.

K = 1 is Algorithm 1 to the letter. With K > 1, all candidates whose reward passes the filter are
recorded, and the search goes on from the recommender that the best of them trained.

Where the paper is silent: a loss with steep gradients may pass the filter and yet leave a recommender so
saturated that hardly any loss has a gradient there. When no proposal is worth training any more, the
search therefore begins anew from a fresh recommender, once for every such dead end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from core.errors import UserError
from core.evaluator import Evaluator
from core.loss import ProgramLoss
from core.program import LossProgram
from core.proxy import Finding, ProxyTest
from core.reward import RewardFilter, reward_of
from core.searcher import Searcher
from core.seeding import derive_seed
from core.space import OperatorSpace
from core.trial import Candidate, Trial, Verdict
from core.validation import ValidationCheck


class StopReason(StrEnum):
    """Why a search ended."""

    TRAININGS = "the budget of trainings is used up"
    TIME = "the time is used up"
    EXHAUSTED = "the searcher proposes nothing new any more"


@dataclass(frozen=True)
class SearchBudget:
    """When to stop, and how much to do at once.

    Raises:
        UserError: a number out of range.
    """

    trainings: int = 300
    """How many candidates to train."""
    minutes: float | None = None
    """Stop at the end of the step in which this time runs out, if it comes first."""
    candidates_per_step: int = 16
    """How many candidates are trained together from the same recommender (K)."""
    samples_per_training: int = 5_000
    """When this many proposals in a row bring nothing to train, the recommender is at a dead end."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("trainings", "candidates_per_step", "samples_per_training"):
            if getattr(self, name) < 1:
                raise UserError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if self.minutes is not None and not self.minutes > 0:
            raise UserError(f"minutes: expected a number above 0, got {self.minutes}")


@dataclass(frozen=True)
class Step:
    """One round of asking, testing, training and telling."""

    number: int
    """Counted from 0."""
    trials: tuple[Trial, ...]
    """Every candidate of the step, in the order of asking."""
    score: float
    """The validation score that the next candidates start from."""
    searcher_metrics: Mapping[str, float]
    """What the searcher's last `tell` returned."""
    stop: StopReason | None
    """Why this was the last step, if it was."""
    restarted: bool = False
    """Whether the next candidates start from a fresh recommender, since nothing could be trained here."""


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

    def loss(self, program: LossProgram) -> ProgramLoss:
        """The program as it is tested and trained."""
        return ProgramLoss(program, self.space, self.epsilon)


def search(
    searcher: Searcher,
    evaluator: Evaluator,
    proxy: ProxyTest,
    rules: Rules,
    budget: SearchBudget,
    seed: int,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Step]:
    """Run Algorithm 1 as a generator: an observer sees every step, and core knows no tracker.

    Args:
        searcher: proposes programs and is told what became of each.
        evaluator: trains recommenders.
        proxy: the proxy test; renewed here whenever the recommender changes.
        rules: how candidates run and what decides over them.
        budget: when to stop.
        seed: of the batches; step i trains all its candidates on the batches of (seed, i).
        clock: seconds, for the time budget.

    Yields:
        Steps; the last one says why the search ended.
    """
    deadline = None if budget.minutes is None else clock() + 60 * budget.minutes
    proxy.renew(evaluator.probe())
    rounds = _Rounds(searcher, evaluator, proxy, rules, budget)
    trained = number = 0
    stop, restarted = None, False
    while stop is None:
        wanted = min(budget.candidates_per_step, budget.trainings - trained)
        trials = rounds.run(number, wanted, derive_seed(seed, "step", number))
        trained += sum(trial.trained for trial in trials)
        at_dead_end = not any(trial.trained for trial in trials)
        if trained >= budget.trainings:
            stop = StopReason.TRAININGS
        elif deadline is not None and clock() >= deadline:
            stop = StopReason.TIME
        elif at_dead_end and (restarted or not rounds.restart(derive_seed(seed, "restart", number))):
            stop = StopReason.EXHAUSTED
        restarted = at_dead_end and stop is None
        yield Step(number, trials, evaluator.score(), rounds.searcher_metrics, stop, restarted)
        number += 1


class _Rounds:
    """The rounds of a search. Outcomes stay valid as long as the recommender does."""

    def __init__(
        self, searcher: Searcher, evaluator: Evaluator, proxy: ProxyTest, rules: Rules, budget: SearchBudget
    ) -> None:
        self._searcher, self._evaluator, self._proxy = searcher, evaluator, proxy
        self._rules, self._budget = rules, budget
        self._asked = 0
        self._outcomes: dict[int, Trial] = {}  # memory entry of the proxy test -> the trial it belongs to
        self.searcher_metrics: Mapping[str, float] = {}

    def run(self, step: int, wanted: int, seed: int) -> tuple[Trial, ...]:
        """Ask until `wanted` candidates are worth training, train them, tell everything."""
        fresh: list[tuple[Trial, int]] = []  # trials to come, with their memory entries
        waiting: list[tuple[Trial, int]] = []  # duplicates of those
        told: list[Trial] = []
        barren = 0
        while len(fresh) < wanted and barren < self._budget.samples_per_training:
            programs = self._ask(wanted - len(fresh))
            findings = self._proxy.examine([self._rules.loss(program) for program in programs])
            known: list[Trial] = []
            before = len(fresh)
            for program, finding in zip(programs, findings, strict=True):
                self._sort(
                    Trial(step, self._number(program), Verdict.REJECTED, seed=seed), finding, fresh, waiting, known
                )
            self._tell(known)
            told += known
            barren = 0 if len(fresh) > before else barren + len(programs)
        measured = self._measure(fresh, seed)
        late = [self._repeat(trial, entry) for trial, entry in waiting]
        if any(trial.adopted for trial in measured):
            self._forget()
        self._tell([*measured, *late])
        return tuple(sorted([*told, *measured, *late], key=lambda trial: trial.candidate.number))

    def _ask(self, n: int) -> list[LossProgram]:
        """What the searcher proposes, held to its contract."""
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
        self._proxy.renew(self._evaluator.probe())
        self._outcomes.clear()

    def _number(self, program: LossProgram) -> Candidate:
        self._asked += 1
        return Candidate(self._asked - 1, program)

    def _sort(
        self,
        trial: Trial,
        finding: Finding,
        fresh: list[tuple[Trial, int]],
        waiting: list[tuple[Trial, int]],
        known: list[Trial],
    ) -> None:
        """Put a candidate where its finding says: to train, to wait for its original, or done."""
        if finding.entry is None:
            assert finding.verdict is not None, "a program without an entry did not pass"
            known.append(replace(trial, verdict=finding.verdict))
        elif finding.verdict is Verdict.DUPLICATE and finding.entry in self._outcomes:
            known.append(self._repeat(trial, finding.entry))
        elif finding.verdict is Verdict.DUPLICATE:
            waiting.append((trial, finding.entry))
        elif self._rules.check_first and not self._rules.check_first.passes(self._rules.loss(trial.candidate.program)):
            outcome = replace(trial, verdict=Verdict.WRONG_DIRECTION)
            self._outcomes[finding.entry] = outcome
            known.append(outcome)
        else:
            fresh.append((trial, finding.entry))

    def _repeat(self, trial: Trial, entry: int) -> Trial:
        """A duplicate gets the reward of its original (section 4.1.2)."""
        original = self._outcomes[entry]
        number = original.candidate.number
        return replace(trial, verdict=Verdict.DUPLICATE, reward=original.reward, score=original.score, original=number)

    def _measure(self, fresh: list[tuple[Trial, int]], seed: int) -> list[Trial]:
        """Train the fresh candidates, filter them, adopt the best."""
        if not fresh:
            return []
        init = self._evaluator.score()
        losses = [self._rules.loss(trial.candidate.program) for trial, _ in fresh]
        trials = []
        for (trial, entry), measurement in zip(fresh, self._evaluator.measure(losses, seed), strict=True):
            reward = reward_of(measurement.score, init)
            trials.append(
                replace(
                    trial,
                    verdict=self._rules.reward_filter.verdict(reward),
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

    def _tell(self, trials: list[Trial]) -> None:
        if trials:
            self.searcher_metrics = self._searcher.tell(trials)
