"""The search loop: paper, Algorithm 1, for any problem, with K candidates measured from the same start.

K = 1 is Algorithm 1 to the letter. With K > 1, all candidates whose reward passes the filter are
recorded, and the search continues from the recommender that the best of them trained.

Where the paper is silent: a loss with steep gradients may pass the filter and yet leave a recommender so
saturated that hardly any loss has a gradient there. When no proposal is worth training any more, the
search therefore restarts from a fresh start, once for every such dead end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic

from core.common.errors import UserError
from core.common.restoring import count, read
from core.common.seeding import derive_seed
from core.search.problem import Problem
from core.search.rounds import Rounds, Rules
from core.search.searcher import Searcher
from core.search.space import C
from core.search.trial import Trial


class StopReason(StrEnum):
    """The reason why a search ended."""

    TRAININGS = "the budget of trainings is used up"
    TIME = "the time is used up"
    EXHAUSTED = "the searcher proposes nothing new any more"


@dataclass(frozen=True)
class SearchBudget:
    """The budget of a search, and how many candidates to train at once.

    Raises:
        UserError: a number out of range.
    """

    trainings: int = 300
    """How many candidates to train."""
    minutes: float | None = None
    """Time limit: after it, candidates already proposed are still trained. None: no limit."""
    candidates_per_step: int = 16
    """How many candidates are trained together from the same recommender (K)."""
    samples_per_training: int = 5_000
    """The search is at a dead end after this many consecutive proposals of which none is worth training."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("trainings", "candidates_per_step", "samples_per_training"):
            if getattr(self, name) < 1:
                raise UserError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if self.minutes is not None and not self.minutes > 0:
            raise UserError(f"minutes: expected a number above 0, got {self.minutes}")


@dataclass(frozen=True)
class Step(Generic[C]):
    """One round of asking, testing, training and telling."""

    number: int
    """Counted from 0."""
    trials: tuple[Trial[C], ...]
    """Every candidate of the step, in the order of asking."""
    score: float
    """The validation score that the next candidates start from."""
    searcher_metrics: Mapping[str, float]
    """What the searcher's last `tell` returned."""
    stop: StopReason | None
    """Why this was the last step; None if it was not."""
    restarted: bool = False
    """Whether the next candidates start from a fresh recommender, because this step was a dead end."""
    searcher_seconds: float = 0.0
    """Seconds spent in the searcher's `ask` and `tell`."""
    training_seconds: float = 0.0
    """Seconds spent on training and scoring."""


class Search(Generic[C]):
    """Algorithm 1 as an iterator of steps. Logging and storage are up to the caller.

    Args:
        searcher: proposes genomes and is told the outcome of each.
        problem: what to search for.
        rules: decide which candidates are accepted, and how they are rewarded.
        budget: when to stop.
        seed: of the batches; step i trains all its candidates on the batches of (seed, i).
        clock: returns seconds, for the time budget.
    """

    def __init__(
        self,
        searcher: Searcher,
        problem: Problem[C],
        rules: Rules,
        budget: SearchBudget,
        seed: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._problem, self._budget, self._seed, self._clock = problem, budget, seed, clock
        self._began = clock()
        self._rounds = Rounds(searcher, problem, rules, clock)
        self._trained = self._number = 0
        self.stop: StopReason | None = None
        """Why the search ended; None while it has not."""
        self._restarted = False

    def _is_late(self) -> bool:
        return self._budget.minutes is not None and self._clock() - self._began >= 60 * self._budget.minutes

    def __iter__(self) -> Iterator[Step[C]]:
        """Run and yield the remaining steps; the last one has the reason for stopping."""
        while self.stop is None:
            yield self._step()

    def _step(self) -> Step[C]:
        number, rounds, budget = self._number, self._rounds, self._budget
        wanted = min(budget.candidates_per_step, budget.trainings - self._trained)
        seed = derive_seed(self._seed, "step", number)
        trials = rounds.run(number, wanted, seed, budget.samples_per_training, self._is_late)
        self._trained += sum(trial.trained for trial in trials)
        at_dead_end = not any(trial.trained for trial in trials)
        if self._trained >= budget.trainings:
            self.stop = StopReason.TRAININGS
        elif self._is_late():
            self.stop = StopReason.TIME
        elif at_dead_end and (self._restarted or not rounds.restart(derive_seed(self._seed, "restart", number))):
            self.stop = StopReason.EXHAUSTED
        self._restarted = at_dead_end and self.stop is None
        self._number += 1
        return Step(
            number,
            tuple(trials),
            self._problem.score(),
            rounds.searcher_metrics,
            self.stop,
            self._restarted,
            rounds.searcher_time.taken(),
            rounds.training_time.taken(),
        )

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the remaining steps depend on, as dicts, lists, strings, numbers and tensors.

        Call it between steps.
        """
        return {
            "number": self._number,
            "trained": self._trained,
            "stop": None if self.stop is None else self.stop.name,
            "restarted": self._restarted,
            "seconds": self._clock() - self._began,
            "rounds": self._rounds.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from what `state_dict` returned, exactly as if the search had never been interrupted.

        This search has to be made with the same arguments as that one.

        Raises:
            Exception: the state does not fit; nothing in it is executed.
        """
        self._number, self._trained = count(state["number"]), count(state["trained"], self._budget.trainings + 1)
        self._restarted = read(bool, state["restarted"])
        self.stop = None if state["stop"] is None else StopReason[state["stop"]]
        self._began = self._clock() - read(float, state["seconds"])
        self._rounds.load_state_dict(state["rounds"])
