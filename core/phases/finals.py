"""Phase III of a study: choose how every contender is trained, repeat with other seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic

from core.common.errors import UserError
from core.common.restoring import read
from core.common.seeding import derive_seed
from core.phases.contender import (
    Contender,
    ConvergenceTraining,
    Finished,
    TrainingResult,
    Variant,
    complexity_of,
    mean_score,
    validation_score,
)
from core.phases.picking import Pick
from core.phases.problem import StudyProblem
from core.search.effectiveness import TrainingCurve
from core.search.space import C

#: Makes the trainings of a round: of contenders in their variants; with the number of the round, which decides its
#: seed, and the number of the one of which something is kept, or None.
Trains = Callable[[Sequence[tuple[Contender[Any], Variant]], int, int | None], ConvergenceTraining]


def round_seed(seed: int, number: int) -> int:
    """Return the seed of all draws of a round of Phase III.

    Args:
        seed: of the study.
        number: of the round, from 0.
    """
    return derive_seed(seed, "finals", number)


def trained_here(
    problem: StudyProblem[Any],
    seed: int,
    entries: Sequence[tuple[Contender[Any], Variant]],
    number: int,
    keep: int | None,
) -> ConvergenceTraining:
    """Return the trainings of a round as the problem makes them, in this process.

    Args:
        problem: trains to convergence.
        seed: of the study.
        entries: contenders in their variants.
        number: of the round.
        keep: the number of the entry of which something is kept.
    """
    ways = [variant.way for _, variant in entries]
    trained = [variant.trained for _, variant in entries]
    return problem.convergence(trained, round_seed(seed, number), keep, ways if any(ways) else None)


class Finals(Generic[C]):
    """Phase III.

    Every contender is trained in every variant with the first seed; the best variant on validation stays. The best
    searched one on validation and all known ones are then trained with the other seeds.

    What is chosen by one seed looks better with that seed than it is. With rehearsals, choice has seeds of its own:
    all searched ones are trained with each, and the best mean is taken. What is reported are fresh seeds, with which
    all are trained.

    Args:
        problem: trains to convergence.
        contenders: the searched ones first.
        seed: of the study; training seeds are derived from it.
        repeats: seeds in all that are reported.
        pick: which searched one is the best.
        rehearsals: seeds to choose with before; 0: the first seed that is reported serves for that.
        trains: makes the trainings of a round; None: the problem does.
    """

    def __init__(
        self,
        problem: StudyProblem[C],
        contenders: Sequence[Contender[C]],
        seed: int,
        repeats: int,
        pick: Pick = Pick(),  # noqa: B008  (frozen)
        rehearsals: int = 0,
        trains: Trains | None = None,
    ) -> None:
        self._problem, self._contenders, self._seed = problem, contenders, seed
        self._n_searched, self._pick = sum(one.is_searched for one in contenders), pick
        self._entries = [(i, variant) for i, one in enumerate(contenders) for variant in one.variants]
        self._trains = trains or partial(trained_here, problem, seed)
        self._where = "here" if trains is None else "elsewhere"
        self._rehearsals, self._n_rounds = rehearsals, rehearsals + repeats
        self._n_choosing = max(1, rehearsals)
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
            The contenders in order; without rehearsals, searched ones that are not the best have one seed only.
        """
        while len(self._rounds) < self._n_rounds:
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
        return self._problem.keeps and self.best is not None and self._score(self.best) > -math.inf

    def _described(self) -> str:
        done, one, many = len(self._rounds), self._problem.terms.one, self._problem.terms.many
        if done == self._n_rounds:
            return f"The best found {one} once more, to keep what it trains"
        if done < self._rehearsals:
            seed = f"(seed {done + 1} of {self._rehearsals})"
            return f"Phase III, choice: {self._counted if not done else f'the found {many} again'} {seed}"
        seed = f"(seed {done - self._rehearsals + 1} of {self._n_rounds - self._rehearsals})"
        if not done:
            return f"Phase III, effectiveness test: {self._counted} {seed}"
        if self._rehearsals:
            return f"Phase III, comparison: found {many} and baselines with fresh seeds {seed}"
        return f"Phase III, the best found {one} and the baselines again {seed}"

    @property
    def _counted(self) -> str:
        return f"{len(self._entries)} trainings to convergence"

    def _numbers(self, number: int) -> list[int]:
        """The entries of a round."""
        if not number:
            return list(range(len(self._entries)))
        return [self._chosen[i] for i in (range(self._n_searched) if number < self._rehearsals else self._repeated)]

    def _begin(self) -> ConvergenceTraining:
        number, keep = len(self._rounds), None
        numbers = self._numbers(number)
        if number >= self._n_choosing and self.best is not None:
            keep = numbers.index(self._chosen[self.best])
            if number == self._n_rounds:  # the first round, which learns who is best, was the only one
                numbers, keep, number = [numbers[keep]], 0, 0
        entries = [(self._contenders[i], variant) for i, variant in (self._entries[j] for j in numbers)]
        return self._trains(entries, number, keep)

    @property
    def _chosen(self) -> list[int]:
        """For every contender the entry of the variant that did best with the first seed."""
        metric, first = self._problem.metric, self._rounds[0]
        own = [[j for j, entry in enumerate(self._entries) if entry[0] == i] for i in range(len(self._contenders))]
        return [max(entries, key=lambda j: (validation_score(metric, first[j]), -j)) for entries in own]

    def _chosen_by(self, i: int) -> list[TrainingResult]:
        """The trainings of a contender that choice goes by."""
        again = self._rounds[1 : self._rehearsals] if i < self._n_searched else []
        return [self._rounds[0][self._chosen[i]], *(done[i] for done in again)]

    def _score(self, i: int) -> float:
        return mean_score(self._problem.metric, self._chosen_by(i))

    @property
    def best(self) -> int | None:
        """The searched contender that is picked; the best one where none is as simple as asked for."""
        chosen, searched = self._chosen, range(self._n_searched)

        def complexity(i: int) -> int:
            return complexity_of(self._problem.simplified(self._entries[chosen[i]][1].trained))

        picked = self._pick.choose(searched, complexity, self._score)
        return Pick().choose(searched, complexity, self._score) if picked is None else picked

    @property
    def _repeated(self) -> list[int]:
        """The contenders that are trained with every seed that is reported."""
        best = self.best
        return [i for i in range(len(self._contenders)) if self._rehearsals or i == best or i >= self._n_searched]

    def _finished(self) -> list[Finished[C]]:
        chosen, repeated = self._chosen, self._repeated
        chosen_by = [self._chosen_by(i) for i in range(len(chosen))]
        runs = [[] if self._rehearsals else by for by in chosen_by]
        for again in self._rounds[self._n_choosing :]:
            for i, fitted in zip(repeated, again, strict=True):
                runs[i] = [*runs[i], fitted]
        variants = [self._entries[j][1] for j in chosen]
        return [
            Finished(one, variant, self._simplest(variant, run), tuple(run), tuple(by))
            for one, variant, run, by in zip(self._contenders, variants, runs, chosen_by, strict=True)
        ]

    def _simplest(self, variant: Variant, run: Sequence[TrainingResult]) -> C | None:
        """The simplest form of what was trained, or what it found with the first seed."""
        found = run[0].found if run else ""
        return self._problem.space.parse(found) if found else self._problem.simplified(variant.trained)

    def state_dict(self) -> dict[str, Any]:
        """Return the state between epochs. Its tensors are those in training: store them before the next epoch."""
        return {
            "rounds": [[fitted.to_dict() for fitted in done] for done in self._rounds],
            "where": self._where,
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
            n = len(self._numbers(number))
            if len(done) != n:
                raise UserError(f"stored phase III: expected {n} trainings, got {len(done)}")
        self.model = self._problem.read_kept(state["model"])
        # What is unfinished says nothing to trainings that go on elsewhere: they are begun anew.
        if state["fitting"] is not None and state.get("where", "here") == self._where:
            self._fitting = self._begin()
            self._fitting.load_state_dict(state["fitting"])
