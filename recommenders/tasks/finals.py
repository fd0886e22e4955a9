"""Phase III of a study: tune the smoothing term, repeat with other seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from core.analysis.picking import Pick
from core.analysis.simplify import simplified
from core.common.errors import UserError
from core.common.restoring import read
from core.common.seeding import derive_seed
from core.losses.loss import Loss, ProgramLoss
from core.problems.validation import Direction
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.effectiveness import EarlyStopping, TrainingCurve
from recommenders.models.recommender import Weights
from recommenders.tasks.convergence import ConvergenceTraining, TrainingResult, read_weights
from recommenders.tasks.losses import find_named_loss, make_loss
from recommenders.tasks.metrics import Metric
from recommenders.tasks.task import RecommendationTask


@dataclass(frozen=True)
class Contender:
    """A loss in Phase III."""

    name: str
    """A named loss's name, or the formula."""
    program: LossProgram | None
    """What it is made of; None for losses with a closed form of their own."""
    choices: tuple[tuple[float | None, Loss], ...]
    """Smoothing terms to try, with the loss that each makes."""
    direction: Direction | None = None
    """What the validation check found, for searched losses."""

    def trained_as(self, comparable: Callable[[Loss], Loss]) -> Contender:
        """The contender with each of its losses as it is trained: at a scale of its own, see `core.problems.scale`."""
        return replace(self, choices=tuple((epsilon, comparable(loss)) for epsilon, loss in self.choices))


@dataclass(frozen=True)
class Finished:
    """A contender after Phase III, with the smoothing term that did best on validation."""

    contender: Contender
    epsilon: float | None
    loss: Loss
    """With that smoothing term."""
    fitted: tuple[TrainingResult, ...]
    """One for each seed, in order."""

    @property
    def simple(self) -> LossProgram | None:
        """The simplest known program with the same gradient; None for losses with a closed form of their own."""
        return simplified(self.loss) if isinstance(self.loss, ProgramLoss) else None

    def score(self, metric: Metric) -> float:
        """The mean validation score over the seeds, higher is better; -inf if one of them broke down."""
        return fmean(validation_score(metric, fitted) for fitted in self.fitted)


def searched(
    program: LossProgram, direction: Direction | None, space: OperatorSpace, epsilons: Sequence[float]
) -> Contender:
    """A searched program as a contender, its smoothing term to be chosen."""
    choices = tuple((e, ProgramLoss(program, space, e)) for e in _smoothings(program, epsilons))
    return Contender(str(program), program, choices, direction)


def baseline(text: str, space: OperatorSpace, epsilons: Sequence[float]) -> Contender:
    """A named loss or a formula as a contender.

    Raises:
        UserError: neither a name nor a formula.
    """
    named, loss = find_named_loss(text), make_loss(text, space)
    name = named.name if named else text.strip()
    if not isinstance(loss, ProgramLoss):
        return Contender(name, None, ((None, loss),))
    choices = tuple((e, make_loss(text, space, e)) for e in _smoothings(loss.program, epsilons))
    return Contender(name, loss.program, choices)


def _smoothings(program: LossProgram, epsilons: Sequence[float]) -> Sequence[float | None]:
    """What to try: one try is enough where no smoothing term occurs."""
    return epsilons if program.is_smoothed else (None,)


class Finals:
    """Phase III.

    Every contender is trained with every smoothing term and the first seed; the best term on validation
    stays. The best searched loss on validation and all baselines are then trained with the other seeds.

    Args:
        task: what to train.
        contenders: the searched ones first.
        n_searched: how many of them are searched.
        seed: of the study; training seeds are derived from it.
        repeats: seeds in all.
        early_stopping: when a training run ends.
        threshold_from: see RecommendationTask.report.
        pick: which searched loss is the best one.
    """

    def __init__(
        self,
        task: RecommendationTask,
        contenders: Sequence[Contender],
        n_searched: int,
        seed: int,
        repeats: int,
        early_stopping: EarlyStopping,
        threshold_from: str,
        pick: Pick = Pick(),  # noqa: B008  (frozen)
    ) -> None:
        self._task, self._contenders, self._n_searched, self._pick = task, contenders, n_searched, pick
        self._seed, self._repeats = seed, repeats
        self._early_stopping, self._threshold_from = early_stopping, threshold_from
        self._entries = [(i, epsilon, loss) for i, one in enumerate(contenders) for epsilon, loss in one.choices]
        self._rounds: list[list[TrainingResult]] = []  # those that are done: one for each training seed
        self._fitting: ConvergenceTraining | None = None
        self.model: Weights | None = None
        """A recommender trained by the best searched loss (leading K = 1), with the last training seed."""

    def run(self, on_round: Callable[[str], None], on_epoch: Callable[[list[TrainingCurve]], None]) -> list[Finished]:
        """Train what is not trained yet.

        Args:
            on_round: told what begins.
            on_epoch: told the curves of a round after every epoch, when `state_dict` may be asked.

        Returns:
            The contenders in order; searched ones that are not the best have one seed only.
        """
        while len(self._rounds) < self._repeats:
            self._rounds.append(self._round(on_round, on_epoch))
        if self.model is None and self._will_keep:
            self._round(on_round, on_epoch)
        return self._finished()

    def _round(
        self, on_round: Callable[[str], None], on_epoch: Callable[[list[TrainingCurve]], None]
    ) -> list[TrainingResult]:
        on_round(self._described())
        self._fitting = fitting = self._fitting or self._begin()
        for curves in fitting:
            on_epoch(curves)
        self._fitting, self.model = None, fitting.kept
        return fitting.fitted

    @property
    def _will_keep(self) -> bool:
        """Whether the best searched loss trains anything at all."""
        return self.best is not None and self._score(self._chosen[self.best]) > -math.inf

    def _described(self) -> str:
        seed = f"(seed {len(self._rounds) + 1} of {self._repeats})"
        if len(self._rounds) == self._repeats:
            return "The best found loss once more, to keep the recommender that it trains"
        if not self._rounds:
            return f"Phase III, effectiveness test: {len(self._entries)} trainings to convergence {seed}"
        return f"Phase III, the best found loss and the baselines again {seed}"

    def _begin(self) -> ConvergenceTraining:
        repeat = len(self._rounds)
        numbers = [self._chosen[i] for i in self._repeated] if repeat else list(range(len(self._entries)))
        keep = None if not repeat or self.best is None else numbers.index(self._chosen[self.best])
        if keep is not None and repeat == self._repeats:  # the first round, which learns who is best, was the only one
            numbers, keep, repeat = [numbers[keep]], 0, 0
        losses = [self._entries[j][2] for j in numbers]
        seed = derive_seed(self._seed, "finals", repeat)
        return ConvergenceTraining(self._task, losses, seed, self._early_stopping, self._threshold_from, keep)

    def _score(self, entry: int) -> float:
        return validation_score(self._task.metric, self._rounds[0][entry])

    @property
    def _chosen(self) -> list[int]:
        """For every contender the entry with its best smoothing term."""
        own = [[j for j, entry in enumerate(self._entries) if entry[0] == i] for i in range(len(self._contenders))]
        return [max(entries, key=lambda j: (self._score(j), -j)) for entries in own]

    @property
    def best(self) -> int | None:
        """The searched contender that is picked; the best one where none is as simple as asked for."""
        chosen, searched = self._chosen, range(self._n_searched)

        def complexity(i: int) -> int:
            loss = self._entries[chosen[i]][2]
            return simplified(loss).complexity if isinstance(loss, ProgramLoss) else 0

        def score(i: int) -> float:
            return self._score(chosen[i])

        picked = self._pick.choose(searched, complexity, score)
        return Pick().choose(searched, complexity, score) if picked is None else picked

    @property
    def _repeated(self) -> list[int]:
        """The contenders that are trained with every seed."""
        best = self.best
        return [i for i in range(len(self._contenders)) if i == best or i >= self._n_searched]

    def _finished(self) -> list[Finished]:
        chosen, repeated = self._chosen, self._repeated
        runs = [[self._rounds[0][j]] for j in chosen]
        for again in self._rounds[1:]:
            for i, fitted in zip(repeated, again, strict=True):
                runs[i].append(fitted)
        return [
            Finished(contender, *self._entries[j][1:], tuple(run))
            for contender, j, run in zip(self._contenders, chosen, runs, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """Where it stands, between epochs. The tensors are those in training: store them before it goes on."""
        return {
            "rounds": [[fitted.to_dict() for fitted in done] for done in self._rounds],
            "fitting": None if self._fitting is None else self._fitting.state_dict(),
            "model": self.model,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there; made with the same arguments.

        Raises:
            UserError: a state of other losses.
        """
        self._rounds, self._fitting = read(list[list[TrainingResult]], state["rounds"]), None
        for number, done in enumerate(self._rounds):
            n = len(self._repeated) if number else len(self._entries)
            if len(done) != n:
                raise UserError(f"stored phase III: expected {n} trainings, got {len(done)}")
        self.model = read_weights(self._task, state["model"])
        if state["fitting"] is not None:
            self._fitting = self._begin()
            self._fitting.load_state_dict(state["fitting"])


def validation_score(metric: Metric, fitted: TrainingResult) -> float:
    """The validation score of a training run, higher is better; -inf if it never was finite."""
    score = metric.score_of(fitted.validation.get(metric.name, math.nan))
    return score if math.isfinite(score) else -math.inf
