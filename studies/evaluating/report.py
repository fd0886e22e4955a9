"""The files of an evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studies.drawing import png
from studies.evaluating.outcome import Outcome
from studies.evaluating.pictures import draw
from studies.evaluating.summary import told
from studies.output import RESULT, OutputFolder, csv_of, plain

#: Every loss with every seed; a picture of that.
SEEDS, PICTURE = "seeds.csv", "losses.png"
REPORT_FILES = (RESULT, SEEDS, PICTURE)


def write_report(outcome: Outcome, command: str, folder: OutputFolder) -> list[Path]:
    """Write result.json, seeds.csv and a picture; result.json comes first.

    Raises:
        UserError: the disk is full.
    """
    content = {**outcome.to_dict(), "conclusion": told(outcome), "command": command}
    return [
        folder.write_json(RESULT, plain(content)),
        folder.write(SEEDS, csv_of(seed_rows(outcome))),
        folder.write(PICTURE, png(draw(outcome))),
    ]


def seed_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """A row for each loss and seed: settings, best epoch, every metric on validation and test."""
    rows = []
    for one in outcome.losses:
        descent = one.choice.descent
        for repeat, run in zip(outcome.settings.repeats(False), one.runs, strict=True):
            metrics = {
                f"{part}_{metric.name}": run[part].get(metric.name)
                for part in ("validation", "test")
                for metric in outcome.metrics
            }
            rows.append(
                {
                    "loss": one.name,
                    "epsilon": one.choice.epsilon,
                    "learning_rate": descent.learning_rate,
                    "weight_decay": descent.weight_decay,
                    "seed": repeat,
                    "best_epoch": run["best_epoch"],
                    **metrics,
                }
            )
    return rows
