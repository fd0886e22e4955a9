"""The files of an evaluation; and for a person a table, sentences, and what to know before believing them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from studies.common.pages import drawn
from studies.evaluation.outcome import EvaluatedLoss, Outcome
from studies.storage.output import RESULT, OutputFolder, csv_of, plain
from studies.study.summary import mean_and_spread

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


def print_summary(outcome: Outcome, console: Console) -> None:
    """The losses, the best on validation first, and the verdicts."""
    console.print(losses_table(outcome))
    for line in conclusion(outcome):
        console.print(line, highlight=False, soft_wrap=True)


def losses_table(outcome: Outcome) -> Table:
    """A row for each loss."""
    settings = outcome.settings
    table = Table(
        title=f"Trained to convergence on {settings.to_dict()['dataset']} ({settings.training.recommender}), "
        f"{settings.protocol} protocol, {settings.seeds} seeds",
        box=box.SIMPLE_HEAD,
        title_justify="left",
    )
    table.add_column("loss", overflow="fold")
    for name in ("eps", "learning rate", "weight decay", "epochs", f"validation {outcome.metric.name}"):
        table.add_column(name, justify="right")
    for metric in outcome.metrics:
        table.add_column(f"test {metric.name}", justify="right")
    for one in outcome.ranked:
        sgd, epsilon = one.choice.sgd, one.choice.epsilon
        table.add_row(
            one.name,
            "" if epsilon is None else f"{epsilon:g}",
            f"{sgd.learning_rate:.3g}",
            f"{sgd.weight_decay:.2g}",
            f"{fmean(run['best_epoch'] for run in one.runs):.0f}",
            mean_and_spread(one.values("validation", outcome.metric.name)),
            *(mean_and_spread(one.values("test", metric.name)) for metric in outcome.metrics),
            style=None if one.is_baseline else "bold",
        )
    return table


def conclusion(outcome: Outcome) -> list[str]:
    """The verdicts by the metric that decides, then what to know before believing them; a sentence each."""
    lines = [one.sentence for one in outcome.comparisons if one.metric == outcome.metric.name]
    return [*lines, *_noise(outcome), *_ends(outcome.losses), *_caveats(outcome)]


def _noise(outcome: Outcome) -> list[str]:
    spreads = [one.values("test", outcome.metric.name) for one in outcome.losses]
    finite = [stdev(values) for values in spreads if len(values) > 1 and all(map(math.isfinite, values))]
    if not finite:
        return []
    least, most = min(finite), max(finite)
    what = f"the standard deviation of one loss's test {outcome.metric.name}"
    return [f"Noise floor: from seed to seed {what} is {least:.4f} to {most:.4f}."]


def _ends(losses: Sequence[EvaluatedLoss]) -> list[str]:
    lines = []
    for one in losses:
        tuner = one.choice.tuner
        if tuner is not None and tuner.at_an_end:
            names = " and ".join(name.replace("_", " ") for name in tuner.at_an_end)
            lines.append(
                f"{one.name}: the best {names} lies at an end of what was searched; better ones may lie beyond."
            )
        elif tuner is not None and not one.choice.is_bracketed:
            lines.append(f"{one.name}: more --trials were needed to try all neighbours of its best settings.")
    return lines


def _caveats(outcome: Outcome) -> list[str]:
    n = outcome.settings.seeds
    lines = [f"The {n} seeds vary the start and the batches, not the data: another split may order the losses anew."]
    if outcome.settings.protocol == "paper":
        sgd = outcome.losses[0].choice.sgd
        lines.append(
            f"All losses share the learning rate {sgd.learning_rate:g} and the weight decay "
            f"{sgd.weight_decay:g}. A loss c times as large trains like a learning rate c times as large with a "
            "decay c times as small, so a loss can win by its scale alone: --protocol symmetric tunes both for each."
        )
        if outcome.settings.training.task == "classification":
            lines.append("F1 and accuracy have the threshold that is best on the test part, as in the published code.")
    return lines
