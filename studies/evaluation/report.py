"""The files of an evaluation; and for a person a table, sentences, and what to know before believing them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from core.common.errors import first_line
from core.common.extras import needs
from studies.evaluation.outcome import Outcome
from studies.storage.output import REPORT, RESULT, OutputFolder, csv_of, plain
from studies.study.summary import mean_and_spread

#: Every loss with every seed; a picture of that.
SEEDS, PICTURE = "seeds.csv", "losses.png"
REPORT_FILES = (RESULT, SEEDS, PICTURE, REPORT)
#: The least width of a column of texts.
_TEXT = 12


def write_report(
    outcome: Outcome, about: Mapping[str, Any], folder: OutputFolder, warn: Callable[[str], None]
) -> list[Path]:
    """Write result.json, seeds.csv, a picture and the page; result.json comes first, and nothing takes it back.

    Args:
        outcome: what the evaluation came to.
        about: how it was made: command, dataset, versions and seconds.
        folder: to write to.
        warn: told in a sentence what could not be drawn.

    Raises:
        UserError: the disk is full.
    """
    content = plain({**outcome.to_dict(), "conclusion": conclusion(outcome), **about})
    files = [folder.write_json(RESULT, content), folder.write(SEEDS, csv_of(seed_rows(outcome)))]
    try:
        drawn = _drawn(content)
    except Exception as error:  # a page that cannot be drawn does not cost the evaluation
        warn(f"{PICTURE} and {REPORT} could not be written: {first_line(error)[:300]}")
        for name in (PICTURE, REPORT):
            folder.remove(name)  # of an evaluation of fewer losses or seeds
        return files
    return files + [folder.write(name, content) for name, content in drawn.items()]


def _drawn(content: Mapping[str, Any]) -> dict[str, bytes]:
    """The picture and the page of what result.json holds."""
    needs("the page about an evaluation", "jinja2", "matplotlib")
    from studies.common.drawing import png  # matplotlib takes a second to load
    from studies.evaluation.page import evaluation_page
    from studies.evaluation.pictures import losses
    from studies.evaluation.stored import StoredEvaluation

    evaluation = StoredEvaluation.of(content, RESULT)
    return {PICTURE: png(losses(evaluation)), REPORT: evaluation_page(content, RESULT).encode()}


def seed_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """A row for each loss and seed: settings, best epoch, every metric on validation and test."""
    rows = []
    for one in outcome.losses:
        for repeat, run in zip(outcome.settings.repeats(False), one.runs, strict=True):
            metrics = {
                f"{part}_{metric.name}": run[part].get(metric.name)
                for part in ("validation", "test")
                for metric in outcome.metrics
            }
            rows.append(
                {
                    "loss": one.name,
                    **one.choice.shown,
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
        title=f"{settings.title}, {settings.protocol} protocol, {settings.seeds} seeds",
        box=box.SIMPLE_HEAD,
        title_justify="left",
    )
    table.add_column("loss", overflow="fold")
    chosen = list(outcome.losses[0].choice.shown)
    for name, value in outcome.losses[0].choice.shown.items():
        is_text = isinstance(value, str)
        title = "eps" if name == "epsilon" else name.replace("_", " ")
        table.add_column(title, justify="left" if is_text else "right", overflow="fold", min_width=_TEXT * is_text)
    for name in ("epochs", f"validation {outcome.metric.name}"):
        table.add_column(name, justify="right")
    for metric in outcome.metrics:
        table.add_column(f"test {metric.name}", justify="right")
    for one in outcome.ranked:
        table.add_row(
            one.name,
            *(_shown(one.choice.shown[name]) for name in chosen),
            f"{fmean(run['best_epoch'] for run in one.runs):.0f}",
            mean_and_spread(one.values("validation", outcome.metric.name)),
            *(mean_and_spread(one.values("test", metric.name)) for metric in outcome.metrics),
            style=None if one.is_baseline else "bold",
        )
    return table


def _shown(value: Any) -> str:
    """Return a setting as the table shows it."""
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def conclusion(outcome: Outcome) -> list[str]:
    """The verdicts by the metric that decides, then what to know before believing them; a sentence each."""
    lines = [one.sentence for one in outcome.comparisons if one.metric == outcome.metric.name]
    lines += [one.sentence for one in outcome.by_user if one.metric == outcome.metric.name]
    remarks = [line for one in outcome.losses for line in one.choice.remarks(one.name)]
    return [*lines, *_noise(outcome), *remarks, *_caveats(outcome)]


def _noise(outcome: Outcome) -> list[str]:
    trained = [one for one in outcome.losses if any(run["best_epoch"] for run in one.runs)]
    spreads = [one.values("test", outcome.metric.name) for one in trained]
    finite = [stdev(values) for values in spreads if len(values) > 1 and all(map(math.isfinite, values))]
    if not finite:
        return []
    least, most = min(finite), max(finite)
    what = f"the standard deviation of one loss's test {outcome.metric.name}"
    return [f"Noise floor: from seed to seed {what} is {least:.4f} to {most:.4f}."]


def _caveats(outcome: Outcome) -> list[str]:
    n = outcome.settings.seeds
    lines = [f"The {n} seeds vary the start and the batches, not the data: another split may order the losses anew."]
    return [*lines, *outcome.settings.caveats()]
