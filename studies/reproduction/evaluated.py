"""Known losses trained to convergence, for the tables that say how losses do in the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studies.evaluation.evaluation import Evaluation
from studies.evaluation.outcome import Outcome
from studies.evaluation.settings import EvaluateSettings
from studies.reproduction.bench import Bench
from studies.study.study import Study

#: Options that a reproduction and an evaluation share.
_SHARED = ("seeds", "preset", "max_epochs", "stop_after", "device")
#: Protocol of an evaluation -> more options that both have with it.
_OF_PROTOCOL = {"paper": ("learning_rate",), "symmetric": ("trials", "tuning_seeds")}


def evaluate_losses(
    bench: Bench, protocol: str, dataset: str, model: str, losses: Sequence[str], baselines: Sequence[str], **given: Any
) -> Outcome:
    """Train losses as `python -m studies.evaluate` does.

    Args:
        bench: where.
        protocol: paper or symmetric.
        dataset: one of its data sets.
        model: the recommender.
        losses: by name or formula.
        baselines: the same, for those that the others are tested against.
        given: more options of the evaluation.
    """
    own = {name: getattr(bench.settings, name) for name in (*_SHARED, *_OF_PROTOCOL[protocol])}
    what: dict[str, Any] = {"protocol": protocol, "dataset": dataset, "recommender": model, **own, **given}
    settings = EvaluateSettings(loss=tuple(losses), baseline=tuple(baselines), **what)
    study = Study(settings.study, bench.files(dataset))
    return Evaluation(settings, study.losses.task, bench.factory(dataset), bench.runner()).run()
