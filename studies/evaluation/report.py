"""The files of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from studies.common.pages import drawn
from studies.evaluation.outcome import Outcome
from studies.evaluation.summary import conclusion
from studies.storage.output import RESULT, OutputFolder, csv_of, plain

#: Every loss with every seed; a picture of that.
SEEDS, PICTURE = "seeds.csv", "losses.png"
REPORT_FILES = (RESULT, SEEDS, PICTURE)


def write_report(outcome: Outcome, command: str, folder: OutputFolder, warn: Callable[[str], None]) -> list[Path]:
    """Write result.json, seeds.csv and a picture; result.json comes first.

    Args:
        outcome: what the evaluation came to.
        command: that does it again.
        folder: to write to.
        warn: told in a sentence what could not be drawn.

    Raises:
        UserError: the disk is full.
    """
    content = {**outcome.to_dict(), "conclusion": conclusion(outcome), "command": command}
    files = [folder.write_json(RESULT, plain(content)), folder.write(SEEDS, csv_of(seed_rows(outcome)))]

    def figures() -> Mapping[str, Any]:
        from studies.evaluation.pictures import draw

        return {PICTURE: draw(outcome)}

    return files + [folder.write(name, content) for name, content in drawn(PICTURE, figures, warn).items()]


def seed_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """A row for each loss and seed: settings, best epoch, every metric on validation and test."""
    rows = []
    for one in outcome.losses:
        sgd = one.choice.sgd
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
                    "learning_rate": sgd.learning_rate,
                    "weight_decay": sgd.weight_decay,
                    "seed": repeat,
                    "best_epoch": run["best_epoch"],
                    **metrics,
                }
            )
    return rows
