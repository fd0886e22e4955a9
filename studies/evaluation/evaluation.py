"""An evaluation from beginning to end, without a terminal or a tracker."""

from __future__ import annotations

from collections.abc import Sequence

from core.common.errors import counted
from core.common.seeding import derive_seed
from recommenders.tasks.scaling import fresh_normaliser
from recommenders.tasks.task import RecommendationTask
from studies.evaluation.outcome import EvaluatedLoss, Outcome, SgdChoice
from studies.evaluation.settings import EvaluateSettings
from studies.evaluation.tuner import AT_ONCE, Point, Tuner
from studies.execution.convergence import Convergence, settings_of
from studies.execution.runner import CachedRunner
from studies.execution.task import TaskFactory, Training

#: Training rows on which the scale of a loss is measured: a batch.
_SCALE_ROWS = 128
#: The most rounds in which neighbours alone are tried.
_CLOSING = 6


class Evaluation:
    """Chooses settings for every loss on validation, then trains it with the seeds that are shown.

    Args:
        settings: of the evaluation.
        task: what is trained; for the scale of the losses.
        factory: makes tasks.
        runner: computes them.
    """

    def __init__(
        self, settings: EvaluateSettings, task: RecommendationTask, factory: TaskFactory, runner: CachedRunner
    ) -> None:
        self._settings, self._task, self._contenders = settings, task, settings.contenders
        self._convergence = Convergence(factory, runner, settings.study, task.metric, AT_ONCE)

    def run(self) -> Outcome:
        """Do what is missing."""
        choices = self._tuned() if self._settings.protocol == "symmetric" else self._from_grid()
        pairs = list(zip(self._contenders, choices, strict=True))
        trainings = [Training(one.name, choice.epsilon, sgd=choice.sgd) for one, choice in pairs]
        text = f"Every loss with its settings and {counted(self._settings.seeds, 'seed')}"
        fitted = self._convergence.train(text, trainings, self._settings.repeats(False))
        baselines = self._settings.baselines
        evaluated = [
            EvaluatedLoss(one.name, one.name in baselines, choice, tuple(runs))
            for (one, choice), runs in zip(pairs, fitted, strict=True)
        ]
        return Outcome(self._settings, tuple(evaluated))

    def _try(self, text: str, tuners: Sequence[Tuner], asked: Sequence[Sequence[Point]]) -> None:
        """Train the points of all losses, and tell."""
        trainings = [
            Training(one.name, point.epsilon, sgd=tuner.sgd(point))
            for one, points, tuner in zip(self._contenders, asked, tuners, strict=True)
            for point in points
        ]
        runs = iter(self._convergence.train(text, trainings, self._settings.repeats(True), is_trial=True))
        for tuner, points in zip(tuners, asked, strict=True):
            tuner.tell([self._convergence.values(next(runs)) for _ in points])

    def _from_grid(self) -> list[SgdChoice]:
        """The smoothing term of every loss that has one; one row of SGD settings for all."""
        sgd, text = self._settings.study.protocol.train.sgd, "The smoothing term of every loss"
        open_ones = [one for one in self._contenders if len(one.variants) > 1]
        options = [settings_of(one) for one in open_ones]
        found = self._convergence.choose(text, options, self._settings.repeats(True), is_trial=True)
        chosen = {
            one.training.name: SgdChoice(
                one.training.epsilon, sgd, grid=tuple((tried.epsilon, value) for tried, value in one.grid)
            )
            for one in found
        }
        return [chosen.get(one.name) or SgdChoice(one.variants[0].constant, sgd) for one in self._contenders]

    def _tuned(self) -> list[SgdChoice]:
        """Everything about every loss, with as many trials for each."""
        settings, metric = self._settings, self._task.metric
        normaliser = fresh_normaliser(self._task, settings.seed, min(_SCALE_ROWS, len(self._task.dataset.train)))
        factors = [
            dict(
                zip(
                    (v.constant for v in one.variants),
                    normaliser.factors([v.trained for v in one.variants]),
                    strict=True,
                )
            )
            for one in self._contenders
        ]
        seed = derive_seed(settings.seed, "evaluation")  # the same for all, that equal losses come to the same
        tuners = [Tuner(of_one, seed, metric.higher_is_better) for of_one in factors]
        for done in range(0, settings.trials, AT_ONCE):
            n = min(AT_ONCE, settings.trials - done)
            asked = [tuner.ask(n, walk=2 * done >= settings.trials) for tuner in tuners]
            losses = counted(len(tuners), "loss", "losses")
            text = f"Settings for {losses}: trials {done + 1} to {done + n} of {settings.trials} for each"
            self._try(text, tuners, asked)
        for _ in range(_CLOSING):
            asked = [tuner.ask(None, walk=True) for tuner in tuners]
            self._try("Settings: neighbours of the best ones that were not tried yet", tuners, asked)
        best = [(tuner, tuner.best.point) for tuner in tuners]
        return [SgdChoice(point.epsilon, tuner.sgd(point), tuner=tuner) for tuner, point in best]
