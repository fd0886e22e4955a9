"""The tasks of trainings on rankings: what each depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.losses.setwise.ranking_loss import RankingLoss
from recommenders.modules.vector_specification import vector_model_source
from studies.evaluation.ranking.settings import RankingSettings
from studies.execution.task import Task


class RankingTasks:
    """Makes tasks.

    Args:
        settings: of an evaluation, whose data and steps all of them share.
        digest: of the data set.
    """

    def __init__(self, settings: RankingSettings, digest: str) -> None:
        self._settings = settings
        self._shared = {"data": digest, "data_settings": settings.data_settings(), "plan": settings.plan()}
        own = vector_model_source(settings.steps.recommender)
        if own is not None:
            self._shared["model_source"] = own

    def training(
        self,
        label: str,
        loss: RankingLoss,
        learning_rate: float,
        model: Mapping[str, Any],
        repeat: int,
        is_trial: bool = False,
        epochs: int | None = None,
    ) -> Task:
        """Make a task: a training with a loss.

        Args:
            label: what a person calls it.
            loss: with its constants.
            learning_rate: of the optimiser.
            model: settings of the model that were chosen for the loss.
            repeat: number of the seed.
            is_trial: whether something is chosen by the result; then nothing of the test part is in it.
            epochs: how many; those of the evaluation by default.
        """
        kind, what = ("ranking trial", f"{label}, trial") if is_trial else ("ranking", label)
        content = {"loss": str(loss), "way": self._way(learning_rate, model), "anchor": None}
        if epochs is not None:
            content["plan"] = self._settings.plan(epochs)
        return Task(kind, f"{what}, training seed {repeat}", {**self._shared, "repeat": repeat, **content})

    def anchor(self, line: str, repeat: int, is_trial: bool = False) -> Task:
        """Make a task: a recommender without a loss.

        Args:
            line: of the recommender.
            repeat: number of the seed.
            is_trial: see `training`.
        """
        kind, what = ("ranking trial", f"{line}, trial") if is_trial else ("ranking", line)
        content = {"loss": None, "anchor": line}
        return Task(kind, f"{what}, seed {repeat}", {**self._shared, "repeat": repeat, **content})

    def times(self, label: str, losses: Sequence[RankingLoss], learning_rate: float, epochs: int) -> Task:
        """Make a task: what epochs of losses that take turns take; what is kept is not measured again.

        Args:
            label: what a person calls it.
            losses: with their constants.
            learning_rate: of the optimiser.
            epochs: how many of each are measured.
        """
        content = {"losses": [str(loss) for loss in losses], "way": self._way(learning_rate, {}), "epochs": epochs}
        return Task("ranking times", label, {**self._shared, "repeat": 0, **content})

    def _way(self, learning_rate: float, model: Mapping[str, Any]) -> dict[str, Any]:
        decay = self._settings.steps.weight_decay
        return {"learning_rate": learning_rate, "weight_decay": decay, "model": dict(model)}
