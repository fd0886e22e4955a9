"""The page about an evaluation: a single HTML file in the style of a study's page, which needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from core.common.errors import counted
from core.common.restoring import read, read_finite, reading
from studies.common.pages import STYLE, template, text_of
from studies.evaluation import pictures
from studies.evaluation.outcome import LEVEL, PairedComparison
from studies.evaluation.ranking.settings import retried
from studies.evaluation.stored import StoredEvaluation, listed
from studies.reporting.page import FILTERS, UNPRINTABLE, data_notes, format_setting
from studies.study.summary import mean_and_spread, shortened

_FILTERS: Mapping[str, Callable[..., str]] = {
    **FILTERS,
    "gain": lambda value: f"{value:+.4f}" if math.isfinite(value) else "-",
    "p_value": lambda value: "-" if value is None else f"{value:.2g}",
}


@dataclass(frozen=True)
class Pairs:
    """Losses beside baselines by one metric."""

    title: str
    decides: bool
    pairs: tuple[PairedComparison, ...]


def evaluation_page(content: Mapping[str, Any], source: str) -> str:
    """The page as HTML; the same result gives the same page.

    Args:
        content: of result.json.
        source: where it is from, for messages.

    Raises:
        UserError: it is not an evaluation's.
    """
    evaluation = StoredEvaluation.of(content, source)
    chosen = list(dict.fromkeys(name for one in evaluation.losses for name in one.settings))
    measures = list(dict.fromkeys(name for one in evaluation.losses for name in one.exposure))
    page = template("studies.evaluation", "page.html", _FILTERS).render(
        style=STYLE + text_of("studies.reporting", "report.css"),
        evaluation=evaluation,
        settings=evaluation.settings,
        metric=evaluation.metrics[0],
        columns=_columns(evaluation),
        chosen=["eps" if name == "epsilon" else name.replace("_", " ") for name in chosen],
        measures=measures,
        rows=_rows(evaluation, chosen, measures),
        broken=_broken(evaluation),
        tables=_tables(evaluation),
        trials=_trials(evaluation),
        level=LEVEL,
        losses=pictures.losses_picture(evaluation),
        curves=pictures.curves_picture(evaluation),
        tuning=pictures.tuning_picture(evaluation),
        **_made(content, source),
    )
    return UNPRINTABLE.sub("\ufffd", page)


def _columns(evaluation: StoredEvaluation) -> list[tuple[str, str]]:
    """Part and metric of every cell; there is no validation part where the test part selects."""
    names = [metric.name for metric in evaluation.metrics]
    validation = [("validation", names[0])] if evaluation.selected_on == "validation" else []
    return [*validation, *(("test", name) for name in names)]


def _rows(evaluation: StoredEvaluation, chosen: Sequence[str], measures: Sequence[str]) -> list[dict[str, Any]]:
    """The losses in their order.

    Very long formulas are cut in the middle, as in the terminal. A line is the loss with the constants that were chosen
    for it, where it has another name; a cell is what is written, and whether it is the best of its column.
    """
    columns, metrics = _columns(evaluation), {metric.name: metric for metric in evaluation.metrics}
    scores = {
        column: {one.name: metrics[column[1]].score_of(one.mean(*column)) for one in evaluation.losses}
        for column in columns
    }
    best = {column: max(filter(math.isfinite, of_all.values()), default=None) for column, of_all in scores.items()}
    rows = []
    for one in evaluation.losses:
        cells = [(mean_and_spread(one.metrics[column]), scores[column][one.name] == best[column]) for column in columns]
        line = None if one.line is None or one.line.lower() == one.name.lower() else one.line
        rows.append(
            {
                "name": shortened(one.name),
                "kind": one.kind,
                "line": line,
                "settings": ["" if value is None else format_setting(value) for value in map(one.settings.get, chosen)],
                "epochs": "" if one.kind == "anchor" else f"{fmean(one.best_epochs):.0f}",
                "cells": cells,
                "exposure": [mean_and_spread(one.exposure.get(name, ())) for name in measures],
            }
        )
    return rows


def _broken(evaluation: StoredEvaluation) -> list[str]:
    """Whose numbers are missing, a sentence each."""
    return [
        f"{shortened(one.name)}: training broke down with {one.broken} of {counted(len(one.best_epochs), 'seed')}, so "
        "its means and comparisons are missing."
        for one in evaluation.losses
        if one.broken
    ]


def _tables(evaluation: StoredEvaluation) -> list[Pairs]:
    """By each metric, the one that decides first, pairs of users before pairs of seeds."""
    return [
        Pairs(f"By {metric.name} over {pairs[0].pairs}", metric is evaluation.metrics[0], tuple(pairs))
        for metric in evaluation.metrics
        for of_all in (evaluation.by_user, evaluation.by_seed)
        if (pairs := [one for one in of_all if one.metric == metric.name])
    ]


def _trials(evaluation: StoredEvaluation) -> str:
    """How many settings were tried for each loss, in a sentence or two."""
    counts: dict[int, list[str]] = {}
    for one in evaluation.losses:
        if one.tried:
            counts.setdefault(len(one.tried), []).append(shortened(one.name))
    each = "; ".join(f"{n} for {listed(names)}" for n, names in sorted(counts.items()))
    if not counts:
        return "Nothing was tuned: every loss was trained as given."
    if evaluation.protocol != "symmetric":
        return f"Smoothing terms were tried on validation, and nothing else: {each}."
    given = evaluation.settings["trials"]
    text = f"Every loss had the same number of trials on validation: {given}."
    if short := evaluation.settings.get("trial_epochs"):
        again, most = retried(given), evaluation.settings["max_epochs"]
        text = f"{text[:-1]}, of {counted(short, 'epoch')} each; the best {again} were tried again for {most}."
    more = "Neighbours of the best settings that were not among these were tried as well, which makes"
    return text if list(counts) == [given] else f"{text} {more} {each}."


def _made(content: Mapping[str, Any], source: str) -> dict[str, Any]:
    """How the result was made, as far as it says so."""
    with reading(f"{source}: expected the result.json of an evaluation"):
        dataset = read(dict[str, Any] | None, content.get("dataset"))
        return {
            "data": None if dataset is None else data_notes(dataset),
            "versions": read(dict[str, Any], content.get("versions", {})),
            "seconds": read_finite(content.get("seconds")),
            "command": read(str, content["command"]),
        }
