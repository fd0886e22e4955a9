"""Phase III of a study: choose the constant of every contender, repeat with other seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic

from core.common.errors import UserError
from core.common.restoring import read
from core.common.seeding import derive_seed
from core.phases.contender import (
    Contender,
    ConvergenceTraining,
    Finished,
    TrainingResult,
    complexity_of,
    validation_score,
)
from core.phases.picking import Pick
from core.phases.problem import StudyProblem
from core.search.effectiveness import TrainingCurve
from core.search.space import C


class Finals(Generic[C]):
    """Phase III.

    Every contender is trained with every value of its constant and the first seed; the best value on validation
    stays. The best searched one on validation and all known ones are then trained with the other seeds.

    Args:
        problem: trains to convergence.
        contenders: the searched ones first.
        seed: of the study; training seeds are derived from it.
        repeats: seeds in all.
        pick: which searched one is the best.
    """

    def __init__(
        self,
        problem: StudyProblem[C],
        contenders: Sequence[Contender[C]],
        seed: int,
        repeats: int,
        pick: Pick = Pick(),  # noqa: B008  (frozen)
    ) -> None:
        self._problem, self._contenders, self._seed, self._repeats = problem, contenders, seed, repeats
        self._n_searched, self._pick = sum(one.is_searched for one in contenders), pick
        self._entries = [(i, epsilon, trained) for i, one in enumerate(contenders) for epsilon, trained in one.choices]
        self._rounds: list[list[TrainingResult]] = []  # those that are done: one for each training seed
        self._fitting: ConvergenceTraining | None = None
        self.model: Any = None
        """What is kept of the best searched one with the last training seed: for losses, the trained recommender."""

    def run(
        self, on_round: Callable[[str], None], on_epoch: Callable[[Sequence[TrainingCurve]], None]
    ) -> list[Finished[C]]:
        """Train what is not trained yet.

        Args:
            on_round: told what begins.
            on_epoch: told the progress of a round after every epoch, when `state_dict` may be asked.

        Returns:
            The contenders in order; searched ones that are not the best have one seed only.
        """
        while len(self._rounds) < self._repeats:
            self._rounds.append(self._round(on_round, on_epoch))
        if self.model is None and self._will_keep:
            self._round(on_round, on_epoch)
        return self._finished()

    def _round(
        self, on_round: Callable[[str], None], on_epoch: Callable[[Sequence[TrainingCurve]], None]
    ) -> list[TrainingResult]:
        on_round(self._described())
        self._fitting = fitting = self._fitting or self._begin()
        fitted = fitting.run(on_epoch)
        self._fitting, self.model = None, fitting.kept
        return fitted

    @property
    def _will_keep(self) -> bool:
        """Whether the best searched one leaves anything to keep."""
        return self._problem.keeps and self.best is not None and self._score(self._chosen[self.best]) > -math.inf

    def _described(self) -> str:
        seed = f"(seed {len(self._rounds) + 1} of {self._repeats})"
        if len(self._rounds) == self._repeats:
            return f"The best found {self._problem.terms.one} once more, to keep what it trains"
        if not self._rounds:
            return f"Phase III, effectiveness test: {len(self._entries)} trainings to convergence {seed}"
        return f"Phase III, the best found {self._problem.terms.one} and the baselines again {seed}"

    def _begin(self) -> ConvergenceTraining:
        repeat = len(self._rounds)
        numbers = [self._chosen[i] for i in self._repeated] if repeat else list(range(len(self._entries)))
        keep = None if not repeat or self.best is None else numbers.index(self._chosen[self.best])
        if keep is not None and repeat == self._repeats:  # the first round, which learns who is best, was the only one
            numbers, keep, repeat = [numbers[keep]], 0, 0
        trained = [self._entries[j][2] for j in numbers]
        return self._problem.convergence(trained, derive_seed(self._seed, "finals", repeat), keep)

    def _score(self, entry: int) -> float:
        return validation_score(self._problem.metric, self._rounds[0][entry])

    @property
    def _chosen(self) -> list[int]:
        """For every contender the entry with the best value of its constant."""
        own = [[j for j, entry in enumerate(self._entries) if entry[0] == i] for i in range(len(self._contenders))]
        return [max(entries, key=lambda j: (self._score(j), -j)) for entries in own]

    @property
    def best(self) -> int | None:
        """The searched contender that is picked; the best one where none is as simple as asked for."""
        chosen, searched = self._chosen, range(self._n_searched)

        def complexity(i: int) -> int:
            return complexity_of(self._problem.simplified(self._entries[chosen[i]][2]))

        def score(i: int) -> float:
            return self._score(chosen[i])

        picked = self._pick.choose(searched, complexity, score)
        return Pick().choose(searched, complexity, score) if picked is None else picked

    @property
    def _repeated(self) -> list[int]:
        """The contenders that are trained with every seed."""
        best = self.best
        return [i for i in range(len(self._contenders)) if i == best or i >= self._n_searched]

    def _finished(self) -> list[Finished[C]]:
        chosen, repeated = self._chosen, self._repeated
        runs = [[self._rounds[0][j]] for j in chosen]
        for again in self._rounds[1:]:
            for i, fitted in zip(repeated, again, strict=True):
                runs[i].append(fitted)
        return [
            Finished(one, *self._entries[j][1:], self._problem.simplified(self._entries[j][2]), tuple(run))
            for one, j, run in zip(self._contenders, chosen, runs, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """Return the state between epochs. Its tensors are those in training: store them before the next epoch."""
        return {
            "rounds": [[fitted.to_dict() for fitted in done] for done in self._rounds],
            "fitting": None if self._fitting is None else self._fitting.state_dict(),
            "model": self.model,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` of finals with the same arguments returned.

        Raises:
            UserError: a state of other contenders.
        """
        self._rounds, self._fitting = read(list[list[TrainingResult]], state["rounds"]), None
        for number, done in enumerate(self._rounds):
            n = len(self._repeated) if number else len(self._entries)
            if len(done) != n:
                raise UserError(f"stored phase III: expected {n} trainings, got {len(done)}")
        self.model = self._problem.read_kept(state["model"])
        if state["fitting"] is not None:
            self._fitting = self._begin()
            self._fitting.load_state_dict(state["fitting"])
