"""An evaluation in MLflow: a run for each loss, and one that holds the result.

They stand side by side: MLflow folds runs below another one away, and losses are what a person wants to see. An
evaluation that is done again, with more losses or seeds, takes the place of what it wrote before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from studies.evaluation.outcome import Judged, Outcome
from studies.tracking.group import GroupTracker, key_of
from studies.tracking.view import save_view
from studies.tracking.writes import LONGEST_TEXT, SINGLE, now, params_of

if TYPE_CHECKING:
    from mlflow import MlflowClient


class EvaluationTracker(GroupTracker):
    """Writes an evaluation to MLflow, see GroupTracker.

    Args:
        client: of the tracking server.
        experiment_id: where the runs go.
        folder: of the evaluation, by which its runs are found again.
        settings: of the evaluation, by name.
        warn: told what could not be written.
    """

    view = "losses"

    def __init__(
        self,
        client: MlflowClient,
        experiment_id: str,
        folder: Path,
        settings: Mapping[str, Any],
        warn: Callable[[str], None],
    ) -> None:
        self._settings = settings
        tags = {name: str(settings[name]) for name in ("dataset", "recommender", "task", "protocol")}
        tags |= {"folder": str(folder.absolute()), "mlflow.source.name": "studies.evaluate"}
        name = f"evaluation {settings['protocol']}"
        super().__init__(client, experiment_id, "evaluation", key_of(folder), tags, name, {}, warn)

    def on_outcome(self, outcome: Outcome, told: Sequence[str], files: Sequence[Path]) -> None:
        """The evaluation is done, and these are its files."""
        before = self._find("loss")
        for one in reversed(outcome.ranked):  # the newest run comes first there
            self._attempt(f"the run of {one.name}", partial(self._write_loss, outcome, one))
        for run in before:
            self._attempt("the deletion of an older run", partial(self._client.delete_run, run.info.run_id))
        self._attempt("the result", lambda: self._write_result(outcome, told, files))

    def _write_loss(self, outcome: Outcome, one: Judged) -> None:
        from mlflow.entities import Metric

        tags = {"loss": one.name[:LONGEST_TEXT], "result": self.run_id, "baseline": str(one.is_baseline).lower()}
        run = self._create("loss", one.name, tags)
        made, metrics = now(), []
        for part, short in (("validation", "valid"), ("test", "test")):
            for metric in outcome.metrics:
                values = one.values(part, metric.name)
                name = f"{short}_{metric.name}"
                metrics += [Metric(f"{name}_per_seed", v, made, i) for i, v in enumerate(values) if math.isfinite(v)]
                if all(map(math.isfinite, values)):
                    metrics.append(Metric(name, fmean(values), made, SINGLE))
                    metrics += [Metric(f"{name}_std", stdev(values), made, SINGLE)] if len(values) > 1 else []
        descent = one.choice.descent
        chosen = {"epsilon": one.choice.epsilon, "learning_rate": f"{descent.learning_rate:.4g}"}
        chosen |= {"weight_decay": f"{descent.weight_decay:.4g}", "loss": one.name}
        self._client.log_batch(run, metrics=metrics, params=params_of(chosen))
        self._client.set_terminated(run)

    def _write_result(self, outcome: Outcome, told: Sequence[str], files: Sequence[Path]) -> None:
        for file in files:
            self._client.log_artifact(self.run_id, str(file))
        for name, value in self._settings.items():
            self._client.set_tag(self.run_id, f"setting.{name}", str(value)[:LONGEST_TEXT])
        self._client.set_tag(self.run_id, "mlflow.note.content", "\n\n".join(told)[:LONGEST_TEXT])
        name = outcome.metric.name
        columns = (f"valid_{name}", f"test_{name}", f"test_{name}_std")
        chosen = ("learning_rate", "weight_decay", "epsilon")
        save_view(self._client, self._experiment_id, self.view, "Losses side by side", columns, chosen)
