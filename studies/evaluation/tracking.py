"""An evaluation in MLflow: a run for each loss, and one that holds the result.

They stand side by side: MLflow folds runs below another one away, and losses are what a person wants to see. An
evaluation that is done again, with more losses or seeds, takes the place of what it wrote before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from studies.evaluation.outcome import EvaluatedLoss, Outcome
from studies.tracking.record import RUNNING, SINGLE, Point, RunRecord
from studies.tracking.tracker import Tracker, key_of
from studies.tracking.uploader import Uploader

_ROLE = {"role": "loss"}


class EvaluationTracker(Tracker):
    """Writes an evaluation to MLflow, see Tracker.

    Args:
        uploader: sends the runs.
        folder: of the evaluation, by which its runs are found again.
        settings: of the evaluation, by name.
    """

    view = "losses"

    def __init__(self, uploader: Uploader, folder: Path, settings: Mapping[str, Any]) -> None:
        tags = {name: str(settings[name]) for name in ("dataset", "recommender", "task", "protocol")}
        tags |= {"folder": str(folder.absolute()), "mlflow.source.name": "studies.evaluate"}
        name, self._group = f"evaluation {settings['protocol']}", ("evaluation", key_of(folder))
        super().__init__(uploader, RunRecord(name, self._group, {"role": "evaluation"}, tags, status=RUNNING))
        self._tags, self._settings = tags, settings

    def on_outcome(self, outcome: Outcome, conclusion: Sequence[str], files: Sequence[Path]) -> None:
        """The evaluation is done, and these are its files."""
        self._uploader.attempt("the runs of the losses", partial(self._replace_losses, outcome))
        settings = {f"setting.{name}": str(value) for name, value in self._settings.items()}
        tags = {**self._tags, **settings, "mlflow.note.content": "\n\n".join(conclusion)}
        self._send_root("the result", tags=tags, artifacts={file.name: file for file in files})
        name = outcome.metric.name
        columns = (f"valid_{name}", f"test_{name}", f"test_{name}_std")
        chosen = list(outcome.losses[0].choice.shown)
        self._save_view("Losses side by side", columns, chosen)

    def _replace_losses(self, outcome: Outcome) -> None:
        newest_last = [self._loss_record(outcome, one) for one in reversed(outcome.ranked)]
        self._uploader.replace(newest_last, _ROLE)  # the newest run comes first there

    def _loss_record(self, outcome: Outcome, one: EvaluatedLoss) -> RunRecord:
        chosen = {
            name: f"{value:.4g}" if isinstance(value, float) and name != "epsilon" else value
            for name, value in one.choice.shown.items()
        }
        chosen |= {"loss": one.name}
        tags = {**self._tags, "result": self.run_id, "baseline": str(one.is_baseline).lower()}
        key = {**_ROLE, "loss": one.name}
        return RunRecord(one.name, self._group, key, tags, chosen, loss_points(outcome, one))


def loss_points(outcome: Outcome, one: EvaluatedLoss) -> list[Point]:
    """Every metric of a loss for each seed, its mean and how far the seeds are apart."""
    points = []
    for part, short in (("validation", "valid"), ("test", "test")):
        for metric in outcome.metrics:
            name, values = f"{short}_{metric.name}", one.values(part, metric.name)
            points += [Point(seed, {f"{name}_per_seed": value}) for seed, value in enumerate(values)]
            if all(map(math.isfinite, values)):
                spread = {f"{name}_std": stdev(values)} if len(values) > 1 else {}
                points.append(Point(SINGLE, {name: fmean(values), **spread}))
    return points
