"""Known losses under the published protocol, for the tables that say how losses do in the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studies.evaluating.judgement import Judgement
from studies.evaluating.outcome import Outcome
from studies.evaluating.settings import EvaluateSettings
from studies.reproducing.bench import Bench
from studies.study import Study

#: Options that a reproduction and an evaluation share.
_SHARED = ("seeds", "preset", "learning_rate", "max_epochs", "stop_after", "device")


def judge(
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
    shared: dict[str, Any] = {name: getattr(bench.settings, name) for name in _SHARED}
    settings = EvaluateSettings(
        loss=tuple(losses),
        baseline=tuple(baselines),
        protocol="paper",
        dataset=dataset,
        task=task,
        recommender=model,
        tuning_seeds=1,  # as in the paper
        **shared,
    )
    study = Study(settings.study, bench.files(dataset))
    return Judgement(settings, study.task, bench.maker(dataset), bench.laboratory(dataset)).run()
