"""What a table leaves: a Parquet file with a row for each loss, and a summary on the terminal."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from core.phases.metric import Metric
from recommenders.tasks.loss_table import (
    METADATA,
    ONE_SIDED,
    SAME,
    TRAINED,
    VERDICT,
    WRONG,
    converged_column,
    score_column,
)
from studies.storage.output import OutputFolder, plain
from studies.study.result import versions
from studies.tabulation.settings import TableLosses, TableSettings
from studies.tabulation.table import Row, mean_converged

TABLE, MAP = "table.parquet", "map.png"
#: Columns whose numbers are settings.
_EXACT = ("smoothing", "decay")
#: Losses that the summary shows.
_SHOWN = 8


def columns(
    settings: TableSettings, losses: TableLosses, rows: Sequence[Row], raw: Mapping[int, np.ndarray], metric: Metric
) -> dict[str, Any]:
    """Return the columns of the file by name, each [n]; numbers that are not there are NaN.

    Args:
        settings: of the table.
        losses: a row of the file each.
        rows: what was trained.
        raw: see `Tabulation.raw`.
        metric: what was chosen by.
    """
    n, found = len(losses), losses.found
    made: dict[str, Any] = {
        "number": np.arange(n, dtype=np.int32),
        "formula": losses.formulas,
        "operators": found.sizes.astype(np.int8),
        "same_direction": found.same_direction.astype(np.int32),
        "positive_rate": losses.positive_rates.astype(np.float32),
        VERDICT: losses.verdicts.tolist(),
        "lines": [one.tobytes() for one in found.lines.astype(np.int8)],
    }
    trained = {row.number: cells(settings, row, metric) for row in rows if row.number is not None}
    for name in next(iter(trained.values()), ()):
        made[name] = np.full(n, np.nan, np.float64 if name in _EXACT else np.float32)
        made[name][list(trained)] = [one[name] for one in trained.values()]
    for k, epochs in enumerate(settings.epochs if settings.raw else ()):
        name = score_column(metric.name, epochs)
        made[name] = np.full(n, np.nan, np.float32)
        made[name][list(raw)] = [scores[k] for scores in raw.values()]
    return made


def cells(settings: TableSettings, row: Row, metric: Metric) -> dict[str, float]:
    """Return the numbers of what was trained, by the names of their columns; NaN for what was not tried.

    Args:
        settings: of the table.
        row: what came of a loss.
        metric: what was chosen by.
    """
    made = {"smoothing": math.nan if row.smoothing is None else row.smoothing}
    nothing = np.full(len(settings.epochs), np.nan)
    for epsilon in settings.training.epsilon:
        scores = row.tried.get(epsilon, row.tried.get(None, nothing))
        for epochs, score in zip(settings.epochs, scores, strict=True):
            made[score_column(metric.name, epochs, smoothing=epsilon)] = float(score)
    for seed in range(settings.seeds):
        of_seed = row.scores[seed] if seed < len(row.scores) else nothing
        for epochs, score in zip(settings.epochs, of_seed, strict=True):
            made[score_column(metric.name, epochs, seed=seed)] = float(score)
    if settings.converged:
        made["decay"] = math.nan if row.decay is None else row.decay
        for seed in range(settings.seeds):
            for part in ("validation", "test"):
                of_part = row.converged[seed][part] if row.converged else {}
                value = of_part.get(metric.name)
                made[converged_column(metric.name, part, seed)] = math.nan if value is None else value
    return made


def write_table(
    settings: TableSettings,
    losses: TableLosses,
    rows: Sequence[Row],
    raw: Mapping[int, np.ndarray],
    metric: Metric,
    about: Mapping[str, Any],
    folder: OutputFolder,
) -> Any:
    """Write the file; return its path.

    Args:
        settings: of the table.
        losses: a row of the file each.
        rows: what was trained.
        raw: see `Tabulation.raw`.
        metric: what was chosen by.
        about: the `command`, the `dataset` and `seconds`.
        folder: where to write.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            name: pa.array(column, from_pandas=isinstance(column, np.ndarray))
            for name, column in columns(settings, losses, rows, raw, metric).items()
        }
    )
    beside = {row.name: plain(cells(settings, row, metric)) for row in rows if row.number is None}
    told = {
        **about,
        "metric": metric.name,
        "settings": settings.to_dict(),
        "space": {"inputs": list(losses.found.space.inputs), "operators": list(losses.found.space.operators)},
        "beside": beside,
        "versions": versions(),
    }
    table = table.replace_schema_metadata({METADATA: json.dumps(told, sort_keys=True)})
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return folder.write(TABLE, file.getvalue())


def print_summary(
    settings: TableSettings, losses: TableLosses, rows: Sequence[Row], metric: Metric, console: Console
) -> None:
    """Print how many losses there are, and the best ones beside the known ones.

    Args:
        settings: of the table.
        losses: all of them.
        rows: what was trained.
        metric: what was chosen by.
        console: where to print.
    """
    counts = Table(title="Losses by number of operators", title_justify="left")
    for title in ("operators", "losses", *(_MEANINGS[one] for one in _MEANINGS)):
        counts.add_column(title, justify="right")
    each = [losses.counts(verdict) for verdict in _MEANINGS]
    for size, numbers in enumerate(zip(losses.counts(), *each, strict=True), 1):
        counts.add_row(str(size), *(f"{number:,}" for number in numbers))
    counts.add_section()
    counts.add_row("all", *(f"{sum(one):,}" for one in (losses.counts(), *each)))
    console.print(counts)
    console.print(_best_table(settings, rows, metric))


_MEANINGS = {
    TRAINED: "trained",
    SAME: "the same but for a factor",
    WRONG: "in the wrong direction",
    ONE_SIDED: "for one label alone",
}


def best_rows(settings: TableSettings, rows: Sequence[Row], metric: Metric) -> list[tuple[int, Row]]:
    """Return the best losses and the known ones, each with its place among all that were trained as far.

    Args:
        settings: of the table.
        rows: what was trained.
        metric: what was chosen by; means over seeds on validation.
    """

    def rank(row: Row) -> float:
        value = mean_converged(row, "validation", metric) if settings.converged else row.score
        return math.inf if value is None or not math.isfinite(value) else -metric.score_of(value)

    ranked = list(enumerate(sorted((row for row in rows if rank(row) < math.inf), key=rank), 1))
    shown = {place for place, row in [one for one in ranked if one[1].number is not None][:_SHOWN]}
    return [(place, row) for place, row in ranked if row.number is None or place in shown]


def _best_table(settings: TableSettings, rows: Sequence[Row], metric: Metric) -> Table:
    """Return the best losses, and the known ones at their places among them."""
    by = "convergence" if settings.converged else f"{settings.epochs[-1]} epochs"
    title = f"The best by {metric.name} on validation after {by}, means of {settings.seeds} seeds"
    table = Table(title=title, title_justify="left")
    table.add_column("place", justify="right")
    table.add_column("loss", overflow="fold")
    heads = ["smoothing", f"{settings.epochs[-1]} epochs"]
    for head in [*heads, *(("decay", "validation", "test") if settings.converged else ())]:
        table.add_column(head, justify="right")
    for place, row in best_rows(settings, rows, metric):
        numbers = ["-" if row.smoothing is None else f"{row.smoothing:g}", f"{row.score:.4f}"]
        if settings.converged:
            values = [mean_converged(row, part, metric) for part in ("validation", "test")]
            numbers += [f"{row.decay:g}", *(f"{value:.4f}" for value in values)]
        table.add_row(str(place), row.name, *numbers)
    return table
