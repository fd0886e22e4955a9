"""The files of an evaluation; and for a person a table, sentences, and what to know before believing them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from core.common.errors import counted, first_line, span
from core.common.extras import needs
from studies.evaluation.outcome import LEVEL, EvaluatedLoss, Outcome
from studies.storage.output import REPORT, RESULT, OutputFolder, csv_of, plain
from studies.study.summary import mean_and_spread

#: Every loss with every seed; a picture of that.
SEEDS, PICTURE = "seeds.csv", "losses.png"
REPORT_FILES = (RESULT, SEEDS, PICTURE, REPORT)
#: The least width of the names of losses, and what a table puts between two columns.
_TEXT, _BESIDE = 12, 3


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
    for table in losses_tables(outcome, console.width):
        console.print(table)
    for line in conclusion(outcome):
        console.print(line, highlight=False, soft_wrap=True)


class _Column(NamedTuple):
    """What is told of every loss."""

    title: str
    is_number: bool
    cells: list[str]

    @property
    def width(self) -> int:
        """The least that breaks neither a number nor a word."""
        whole = self.cells if self.is_number else [word for cell in self.cells for word in cell.split()]
        return max(map(len, (*self.title.split(), *whole)))


def losses_tables(outcome: Outcome, width: int) -> list[Table]:
    """A row for each loss; columns that have no room beside the others are in a table of their own below them.

    Args:
        outcome: what the evaluation came to.
        width: of the terminal, in characters.
    """
    settings, ranked = outcome.settings, outcome.ranked
    title = f"{settings.title}, {settings.protocol} protocol, {counted(settings.seeds, 'seed')}"
    of_names = min(max(len(one.name) for one in ranked), max(_TEXT, width // 4))
    groups: list[list[_Column]] = []
    room = 0
    for column in _columns(outcome, ranked):
        if not groups or room < column.width + _BESIDE:
            groups.append([])
            room = width - of_names - _BESIDE - 1
        groups[-1].append(column)
        room -= column.width + _BESIDE
    tables: list[Table] = []
    for columns in groups:
        table = Table(title=None if tables else title, box=box.SIMPLE_HEAD, title_justify="left")
        table.add_column("loss", overflow="fold", min_width=of_names)
        for column in columns:
            if column.is_number:
                table.add_column(column.title, justify="right", width=column.width)
            else:
                table.add_column(column.title, overflow="fold", min_width=column.width)
        for i, one in enumerate(ranked):
            table.add_row(one.name, *(column.cells[i] for column in columns), style=None if one.is_baseline else "bold")
        tables.append(table)
    return tables


def _columns(outcome: Outcome, ranked: Sequence[EvaluatedLoss]) -> list[_Column]:
    columns = []
    for name in outcome.losses[0].choice.shown:
        values = [one.choice.shown[name] for one in ranked]
        title = "eps" if name == "epsilon" else name.replace("_", " ")
        columns.append(_Column(title, not any(isinstance(one, str) for one in values), [_shown(one) for one in values]))
    epochs = [f"{fmean(run['best_epoch'] for run in one.runs):.0f}" if one.choice.is_trained else "" for one in ranked]
    columns.append(_Column("epochs", True, epochs))
    parts = [("validation", outcome.metric), *(("test", metric) for metric in outcome.metrics)]
    for part, metric in parts:
        cells = [mean_and_spread(one.values(part, metric.name)) for one in ranked]
        columns.append(_Column(f"{part} {metric.name}", True, cells))
    return columns


def _shown(value: Any) -> str:
    """Return a setting as the table shows it."""
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def conclusion(outcome: Outcome) -> list[str]:
    """The verdicts by the metric that decides, then what to know before believing them; a sentence each."""
    pairs = [one for one in (*outcome.comparisons, *outcome.by_user) if one.metric == outcome.metric.name]
    lines = [one.sentence for one in pairs]
    if pairs:
        lines.append(f"One is called better or worse where p < {LEVEL:g} after Holm's correction.")
    if outcome.by_user:
        lines.append(
            "Paired seeds tell whether other trainings would come out alike, paired users whether other users would."
        )
    remarks = [line for one in outcome.losses for line in one.choice.remarks(one.name)]
    return [*lines, *_noise(outcome), *remarks, *_caveats(outcome)]


def _noise(outcome: Outcome) -> list[str]:
    trained = [one for one in outcome.losses if one.choice.is_trained]
    spreads = [one.values("test", outcome.metric.name) for one in trained]
    finite = [stdev(values) for values in spreads if len(values) > 1 and all(map(math.isfinite, values))]
    if not finite:
        return []
    what = f"the standard deviation of one loss's test {outcome.metric.name}"
    return [f"Noise floor: from seed to seed {what} is {span(min(finite), max(finite))}."]


def _caveats(outcome: Outcome) -> list[str]:
    n = outcome.settings.seeds
    seeds = "The seed varies" if n == 1 else f"The {n} seeds vary"
    lines = [f"{seeds} the start and the batches, not the data: another split may order the losses anew."]
    return [*lines, *outcome.settings.caveats()]
