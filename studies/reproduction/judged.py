"""Known losses trained to convergence, for the tables that say how losses do in the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studies.evaluation.judgement import Judgement
from studies.evaluation.outcome import Outcome
from studies.evaluation.settings import EvaluateSettings
from studies.reproduction.bench import Bench
from studies.study.study import Study

#: Options that a reproduction and an evaluation share.
_SHARED = ("seeds", "preset", "max_epochs", "stop_after", "device")


def published(
    bench: Bench, dataset: str, task: str, model: str, losses: Sequence[str], baselines: Sequence[str]
) -> Outcome:
    """Train losses as `python -m studies.evaluate --protocol paper --tuning-seeds 1` does.

    Args:
        bench: where.
        dataset: one of its data sets.
        task: classification or regression.
        model: the recommender.
        losses: by name or formula.
        baselines: the same, for those that the others are tested against.
    """
    given = {"protocol": "paper", "tuning_seeds": 1, "learning_rate": bench.settings.learning_rate}
    return _judge(bench, dataset, model, losses, baselines, task=task, **given)


def tuned(bench: Bench, dataset: str, model: str, losses: Sequence[str], baselines: Sequence[str]) -> Outcome:
    """Train losses as `python -m studies.evaluate` does, classification; for the arguments see `published`."""
    given = {"trials": bench.settings.trials, "tuning_seeds": bench.settings.tuning_seeds}
    return _judge(bench, dataset, model, losses, baselines, protocol="symmetric", **given)


def _judge(
    bench: Bench, dataset: str, model: str, losses: Sequence[str], baselines: Sequence[str], **given: Any
) -> Outcome:
    shared: dict[str, Any] = {name: getattr(bench.settings, name) for name in _SHARED}
    what: dict[str, Any] = {"dataset": dataset, "recommender": model}
    settings = EvaluateSettings(loss=tuple(losses), baseline=tuple(baselines), **what, **shared, **given)
    study = Study(settings.study, bench.files(dataset))
    return Judgement(settings, study.task, bench.factory(dataset), bench.runner()).run()
