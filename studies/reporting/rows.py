"""The tables of a study's page, and the command lines on it that a reader can copy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from core.common.errors import UserError
from core.phases.picking import Pick
from core.phases.terms import Terms
from core.search.trial import Verdict
from recommenders.data import DataFiles
from recommenders.tasks.loss_problem import LOSS_TERMS
from studies.exporting.stored import StoredStudy
from studies.exporting.stored_loss import StoredLoss
from studies.reporting.story import Numbers
from studies.study.parts import command_line, flat
from studies.study.settings import StudySettings
from studies.study.summary import mean_and_spread, shortened


def columns(study: StoredStudy) -> list[tuple[str, str]]:
    """Part and metric of every cell."""
    return [("validation", study.metric), *(("test", metric.name) for metric in study.metrics)]


def loss_rows(study: StoredStudy) -> list[dict[str, Any]]:
    """Found losses in the order of the result, then known ones, the best on validation first.

    Very long formulas are cut in the middle, as in the terminal. Each cell, of a column each, is what is written, and
    whether it is the best of its column.
    """
    found, known = list(study.finalists), sorted(study.baselines, key=lambda one: -study.score(one))
    losses = [*found, *known]
    front = front_names(study)
    best = {column: _best(study, losses, *column) for column in columns(study)}
    rows = []
    for i, loss in enumerate(losses):
        cells, form = [], loss.simplified
        is_found = i < len(found)
        has_form = is_found or loss.program is None
        for part, metric in columns(study):
            mean = getattr(loss, part).get(metric)
            seeds = [getattr(fit, part).get(metric) for fit in loss.per_seed]
            values = [math.nan if value is None else value for value in seeds]
            cells.append((mean_and_spread(values), mean is not None and mean == best[part, metric]))
        rows.append(
            {
                "name": shortened(loss.name),
                "simple": shortened(form.formula) if form and has_form and form.formula != loss.name else None,
                "complexity": loss.complexity or None,
                "on_front": is_found and (loss.name, loss.epsilon) in front,
                "epsilon": loss.epsilon,
                "decay": loss.weight_decay,
                "scale": loss.scale,
                "epochs": f"{fmean(fit.best_epoch for fit in loss.per_seed):.0f}" if loss.per_seed else "",
                "seeds": loss.n_seeds,
                "cells": cells,
                "is_found": is_found and i == 0,  # that of the title
                "starts_known": bool(found) and i == len(found),
                "has_found": form.formula if form and loss.program is None else None,  # by a known one, whole
            }
        )
    return rows


def _best(study: StoredStudy, losses: Sequence[StoredLoss], part: str, metric: str) -> float | None:
    values = [value for loss in losses if (value := getattr(loss, part).get(metric)) is not None]
    return max(values, key=study.metric_named(metric).score_of, default=None)


@dataclass(frozen=True)
class FrontPoint:
    """A loss in the picture of the front, with seeds that all losses were trained with."""

    name: str
    complexity: int
    value: float | None
    on_front: bool
    is_known: bool


def front_points(study: StoredStudy) -> list[FrontPoint]:
    """Found losses, and known ones that are made of operators."""
    front = front_names(study)

    def point(loss: StoredLoss, is_known: bool) -> FrontPoint:
        on_front = not is_known and (loss.name, loss.epsilon) in front
        return FrontPoint(loss.name, loss.complexity, study.shared_value(loss), on_front, is_known)

    found = [point(loss, False) for loss in study.finalists]
    return found + [point(loss, True) for loss in study.baselines if loss.complexity]


def front_names(study: StoredStudy) -> set[tuple[str, float | None]]:
    """Name and smoothing term of the losses on the front."""
    return {(row.name, row.epsilon) for row in study.front}


def front_rows(study: StoredStudy, place: str) -> list[dict[str, Any]]:
    """The losses on the front, the shortest first, each with what exports it."""
    rows = []
    for row in study.front:
        rule = f"complexity<={row.complexity}"
        is_picked = bool(study.finalists) and _picked(study, rule) == row.name
        rows.append(
            {
                "complexity": row.complexity,
                "formula": shortened(row.formula),
                "epsilon": row.epsilon,
                "value": row.validation.get(study.metric),
                "test": row.test.get(study.metric),
                "command": export_command(place, **({"pick": rule} if is_picked else {"name": row.name})),
            }
        )
    return rows


def _picked(study: StoredStudy, rule: str) -> str | None:
    """The name of the loss that `studies.export` takes by a rule."""
    try:
        return study.picked(Pick.parse(rule)).name
    except UserError:
        return None


def stages(numbers: Numbers, n_converged: int, terms: Terms = LOSS_TERMS) -> list[tuple[str, int]]:
    """Return how many candidates came so far, from everything that was proposed to what was trained to convergence.

    Args:
        numbers: what phases I and II came to.
        n_converged: found ones that were trained to convergence.
        terms: how one speaks of what was searched.
    """
    count = numbers.count
    gradient = numbers.sampled - count(Verdict.ZERO_GRADIENT)
    new = gradient - count(Verdict.DUPLICATE)
    turned = [("right direction", new - count(Verdict.WRONG_DIRECTION))] if count(Verdict.WRONG_DIRECTION) else []
    return [
        ("sampled", numbers.sampled),
        *([("with a gradient", gradient)] if Verdict.ZERO_GRADIENT.value in terms.verdicts else []),
        ("not a duplicate", new),
        *turned,
        ("trained", numbers.trained),
        ("accepted", count(Verdict.ACCEPTED)),
        (f"distinct {terms.many}", numbers.distinct_accepted),
        ("passed phase II", numbers.passed_validation_check),
        ("to convergence", n_converged),
    ]


def verdict_rows(study: StoredStudy, numbers: Numbers) -> list[tuple[str, int, str, str]]:
    """Return verdicts, how many candidates ended so, their share, and their meaning, as the terminal shows them."""
    counts = {name: numbers.count(Verdict(name)) for name in study.terms.verdicts}
    shares = {name: f"{n / numbers.sampled:.1%}" if numbers.sampled else "" for name, n in counts.items()}
    return [(name.replace("_", " "), n, shares[name], study.terms.verdicts[name]) for name, n in counts.items()]


#: Always told, whether or not they are the defaults.
_ALWAYS = ("searcher", "seed")


def changed_settings(settings: StudySettings) -> dict[str, Any]:
    """The settings that are not the defaults, which may depend on the problem, the preset and the environment."""
    stored, first = settings.to_dict(), ("problem", "preset")
    given = {name: stored[name] for name in (*first, "environment") if name in stored}
    usual = StudySettings.from_dict(given).to_dict()
    of_preset = StudySettings.from_dict({name: given[name] for name in first if name in given})
    usual |= {name: flat(StudySettings())[name] for name in first} | {"environment": of_preset.in_force("environment")}
    return {name: value for name, value in stored.items() if value != usual.get(name)}


def run_command(settings: StudySettings, files: DataFiles = DataFiles()) -> str:  # noqa: B008  (frozen)
    """What starts this study again, on these files."""
    changed = changed_settings(settings)
    wanted = {name: value for name, value in settings.to_dict().items() if name in _ALWAYS or name in changed}
    return command_line(("python", "-m", "studies.run"), wanted | flat(files))


def export_command(place: str, **options: str) -> str:
    """What writes a loss of this study to a file or to the terminal."""
    return command_line(("python", "-m", "studies.export"), {"run": place, **options})
