"""An evaluation on rankings from beginning to end, without a terminal or a tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.common.errors import counted
from core.common.paired import holm, signed_rank_p
from core.common.seeding import derive_seed
from core.losses.setwise.constants import constants_of
from recommenders.modules.vector_specification import VectorModelSpec, parse_vector_model
from recommenders.tasks.ranking import find_ranking_metric
from recommenders.tasks.ranking.anchors import anchor_choices
from studies.evaluation.outcome import Choice, EvaluatedLoss, Outcome, PairedComparison
from studies.evaluation.ranking.methods import AT_ONCE
from studies.evaluation.ranking.settings import RankingSettings
from studies.evaluation.ranking.tasks import RankingTasks
from studies.evaluation.ranking.tuner import Point, RankingTuner, first_point
from studies.evaluation.tuner import Tried
from studies.execution.convergence import validation_values
from studies.execution.rankings import unpacked
from studies.execution.runner import CachedRunner
from studies.execution.task import Result


@dataclass(frozen=True)
class RankingChoice(Choice):
    """See Choice."""

    point: Point
    tuner: RankingTuner | None = None

    @property
    def settings(self) -> Mapping[str, Any]:
        """See Choice."""
        return {
            "learning_rate": self.point.learning_rate,
            "model": dict(self.point.model),
            "line": str(self.point.loss),
        }

    @property
    def shown(self) -> Mapping[str, Any]:
        """See Choice: the constants with numbers, and what was chosen of the model."""
        numbers = constants_of(self.point.loss) or ({} if self.tuner is None else self.tuner.constants(self.point))
        constants = " ".join(f"{name}={value:.3g}" for name, value in numbers.items())
        similarity = self.point.model.get("similarity")
        return {"learning_rate": self.point.learning_rate, "similarity": similarity, "constants": constants}

    def to_dict(self) -> dict[str, Any]:
        """See Choice."""
        if self.tuner is None:
            return {}
        trials = [one.told(one.point.to_dict()) for one in self.tuner.tried]
        again = [one.told(one.point.to_dict()) for one in self.tuner.again]
        found = {"value": self.tuner.best.value, "trials": trials}
        return found | {"again": again} if again else found


@dataclass(frozen=True)
class AnchorChoice(Choice):
    """See Choice."""

    is_trained: ClassVar[bool] = False

    tried: tuple[Tried[str], ...] = ()
    """The anchor with each setting that was tried, where there were several."""
    best: Tried[str] | None = None

    @property
    def settings(self) -> Mapping[str, Any]:
        """See Choice."""
        return {"learning_rate": None, "model": {}, "line": None if self.best is None else self.best.point}

    @property
    def shown(self) -> Mapping[str, Any]:
        """See Choice: the settings, as they are written."""
        constants = None if self.best is None else " ".join(self.best.point.split(":")[1:])
        return {"learning_rate": None, "similarity": None, "constants": constants}

    def to_dict(self) -> dict[str, Any]:
        """See Choice."""
        if self.best is None:
            return {}
        trials = [one.told({"line": one.point}) for one in self.tried]
        return {"value": self.best.value, "trials": trials}


class RankingEvaluation:
    """Chooses settings for every loss on validation, then trains it with the seeds that are shown.

    Args:
        settings: of the evaluation.
        digest: of the data set, which results depend on.
        runner: computes tasks.
    """

    def __init__(self, settings: RankingSettings, digest: str, runner: CachedRunner) -> None:
        self._settings, self._tasks, self._runner = settings, RankingTasks(settings, digest), runner
        self._metric = settings.metrics[0]
        self._line = settings.steps.recommender
        self._model = parse_vector_model(self._line)

    def run(self) -> Outcome:
        """Do what is missing."""
        settings, lines = self._settings, self._settings.lines
        tuners = self._tuners() if settings.protocol == "symmetric" else None
        points = self._first_points() if tuners is None else [tuner.best.point for tuner in tuners]
        anchors = [AnchorChoice()] * len(settings.anchor) if tuners is None else self._anchors()
        text = f"Every loss with its settings and {counted(settings.seeds, 'seed')}"
        fitted = [choice.settings["line"] or line for choice, line in zip(anchors, settings.anchor, strict=True)]
        trained = self._train(text, list(zip(lines, points, strict=True)), fitted, choosing=False)
        choices: list[Choice] = [
            RankingChoice(point, None if tuners is None else tuners[i]) for i, point in enumerate(points)
        ]
        choices += anchors
        names, baselines = (*lines, *settings.anchor), {*settings.baselines, *settings.anchor}
        losses = [
            EvaluatedLoss(name, name in baselines and name not in settings.loss, choice, tuple(runs))
            for name, choice, runs in zip(names, choices, trained, strict=True)
        ]
        return Outcome(settings, tuple(losses), tuple(self._by_user(losses)))

    def _first_points(self) -> list[Point]:
        return [first_point(line, self._settings.steps.rate, self._model) for line in self._settings.lines]

    def _tuners(self) -> list[RankingTuner]:
        """Tune everything about every loss, with as many trials for each."""
        settings, lines = self._settings, self._settings.lines
        seed = derive_seed(settings.seed, "evaluation")  # the same for all
        higher = self._metric.higher_is_better
        given = frozenset(name for name, _ in VectorModelSpec.parse(self._line).settings)
        tuners = [
            RankingTuner(line, self._model, given, first, seed, settings.tuner, settings.start_of(line), higher)
            for line, first in zip(lines, self._first_points(), strict=True)
        ]
        for done in range(0, settings.trials, AT_ONCE):
            n = min(AT_ONCE, settings.trials - done)
            asked = [(line, point) for line, tuner in zip(lines, tuners, strict=True) for point in tuner.ask(n)]
            losses = counted(len(lines), "loss", "losses")
            text = f"Settings for {losses}: trials {done + 1} to {done + n} of {settings.trials} for each"
            runs = iter(self._train(text, asked, (), choosing=True, epochs=settings.trial_epochs))
            for tuner in tuners:
                tuner.tell([validation_values(self._metric, next(runs)) for _ in range(n)])
        if settings.retried:
            self._try_again(tuners)
        return tuners

    def _try_again(self, tuners: Sequence[RankingTuner]) -> None:
        """Try the best settings of each loss for all epochs, after trials that were shorter."""
        settings = self._settings
        chosen = [tuner.promising(settings.retried) for tuner in tuners]
        asked = [(line, point) for line, points in zip(settings.lines, chosen, strict=True) for point in points]
        text = f"The best settings of each loss again, for {counted(settings.steps.max_epochs, 'epoch')}"
        runs = iter(self._train(text, asked, (), choosing=True))
        for tuner, points in zip(tuners, chosen, strict=True):
            tuner.again = [Tried(one, tuple(validation_values(self._metric, next(runs)))) for one in points]

    def _anchors(self) -> list[AnchorChoice]:
        """Choose settings for every anchor that has several."""
        options = [anchor_choices(line) for line in self._settings.anchor]
        lines = list(dict.fromkeys(line for of_one in options if len(of_one) > 1 for line in of_one))
        found = self._train("Settings for anchors", (), lines, choosing=True) if lines else []
        values = {line: validation_values(self._metric, runs) for line, runs in zip(lines, found, strict=True)}
        choices = []
        for of_one in options:
            tried = tuple(Tried(line, tuple(values[line])) for line in of_one if line in values)
            best = max(tried, key=lambda one: self._metric.score_of(one.value), default=None)
            choices.append(AnchorChoice(tried, best))
        return choices

    def _train(
        self,
        text: str,
        losses: Sequence[tuple[str, Point]],
        anchors: Sequence[str],
        choosing: bool,
        epochs: int | None = None,
    ) -> list[list[Result]]:
        """Train losses, and fit anchors, with several seeds; return the results of each in the order of the seeds."""
        repeats = self._settings.repeats(choosing)
        tasks = [
            self._tasks.training(line, one.loss, one.learning_rate, one.model, repeat, choosing, epochs)
            for repeat in repeats
            for line, one in losses
        ]
        fitted = [self._tasks.anchor(line, repeat, choosing) for repeat in repeats for line in anchors]
        found = self._runner.stage(text, tasks + fitted)
        of_losses, of_anchors = found[: len(tasks)], found[len(tasks) :]
        return [of_losses[i :: len(losses)] for i in range(len(losses))] + [
            of_anchors[i :: len(anchors)] for i in range(len(anchors))
        ]

    def _by_user(self, losses: Sequence[EvaluatedLoss]) -> list[PairedComparison]:
        """Compare every loss that is judged with every baseline, paired by user over the mean of all seeds."""
        found: list[PairedComparison] = []
        baselines = [one for one in losses if one.is_baseline]
        for metric in self._settings.metrics:
            values = {one.name: _of_users(one, metric.name) for one in losses}
            for one in losses:
                if not one.is_baseline:
                    found += _compare_users(one.name, [other.name for other in baselines], metric.name, values)
        return found


def _of_users(one: EvaluatedLoss, metric: str) -> np.ndarray | None:
    """Return a metric for every user [N], the mean over seeds; None where a training broke down."""
    runs = [run.get("per_user", {}).get(metric) for run in one.runs]
    if None in runs:
        return None
    means: np.ndarray = np.stack([unpacked(run) for run in runs]).mean(axis=0, dtype=np.float64)
    return means


def _compare_users(
    loss: str, baselines: Sequence[str], metric: str, values: Mapping[str, np.ndarray | None]
) -> list[PairedComparison]:
    side = 1 if find_ranking_metric(metric).higher_is_better else -1
    own = values[loss]
    pairs = [(other, theirs) for other in baselines if (theirs := values[other]) is not None and own is not None]
    gains = [side * (own - theirs) for _, theirs in pairs]
    p_values = [signed_rank_p(one) for one in gains]
    corrected = holm([1.0 if p is None else p for p in p_values])
    return [
        PairedComparison(loss, other, metric, (float(one.mean()),), p, adjusted, len(pairs), len(one))
        for (other, _), one, p, adjusted in zip(pairs, gains, p_values, corrected, strict=True)
    ]
