"""The tables of a study's page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from core.common.errors import UserError
from core.search.trial import Verdict
from recommenders.tasks.metrics import find_metric, metrics_of
from studies.exporting.stored import StoredLoss, StoredStudy
from studies.reporting.commands import export_command
from studies.reporting.numbers import Numbers
from studies.study.picking import Pick
from studies.study.summary import mean_and_spread, shortened


@dataclass(frozen=True)
class Cell:
    """A metric of a loss."""

    text: str
    is_best: bool


@dataclass(frozen=True)
class LossRow:
    """A loss of phase III; very long formulas are cut in the middle, as in the terminal."""

    name: str
    simple: str | None
    """The simplified formula, where it is another one."""
    complexity: int | None
    on_front: bool
    epsilon: float | None
    scale: float
    """What the loss is multiplied by."""
    epochs: str
    seeds: int
    cells: tuple[Cell, ...]
    """Validation metric, then all test metrics."""
    is_found: bool
    """Whether it is the loss of the title."""
    starts_known: bool
    """Whether it is the first of the known ones."""


def columns(study: StoredStudy) -> list[tuple[str, str]]:
    """Part and metric of every cell."""
    return [("validation", study.metric), *(("test", metric.name) for metric in metrics_of(study.settings.task))]


def loss_rows(study: StoredStudy) -> list[LossRow]:
    """Found losses in the order of the result, then known ones, the best on validation first."""
    found, known = list(study.finalists), sorted(study.baselines, key=lambda one: -study.score(one))
    losses = [*found, *known]
    front = front_names(study)
    best = {column: _best(study, losses, *column) for column in columns(study)}
    rows = []
    for i, loss in enumerate(losses):
        cells, form = [], loss.simplified
        for part, metric in columns(study):
            mean = getattr(loss, part).get(metric)
            values = [_number(getattr(fit, part).get(metric)) for fit in loss.per_seed]
            cells.append(Cell(mean_and_spread(values), mean is not None and mean == best[part, metric]))
        rows.append(
            LossRow(
                shortened(loss.name),
                shortened(form.formula) if i < len(found) and form and form.formula != loss.name else None,
                loss.complexity or None,
                i < len(found) and (loss.name, loss.epsilon) in front,
                loss.epsilon,
                loss.scale,
                f"{fmean(fit.best_epoch for fit in loss.per_seed):.0f}" if loss.per_seed else "",
                loss.n_seeds,
                tuple(cells),
                i == 0 and bool(found),
                i == len(found) and bool(found),
            )
        )
    return rows


def _best(study: StoredStudy, losses: Sequence[StoredLoss], part: str, metric: str) -> float | None:
    values = [value for loss in losses if (value := getattr(loss, part).get(metric)) is not None]
    return max(values, key=find_metric(study.settings.task, metric).score_of, default=None)


def _number(value: float | None) -> float:
    return math.nan if value is None else value


@dataclass(frozen=True)
class FrontPoint:
    """A loss in the picture of the front; metrics of the first seed, which all losses were trained with."""

    name: str
    complexity: int
    value: float | None
    on_front: bool
    is_known: bool


@dataclass(frozen=True)
class FrontRow:
    """A loss on the front."""

    complexity: int
    formula: str
    epsilon: float | None
    value: float | None
    test: float | None
    command: str


def front_points(study: StoredStudy) -> list[FrontPoint]:
    """Found losses, and known ones that are made of operators."""
    front = front_names(study)

    def point(loss: StoredLoss, is_known: bool) -> FrontPoint:
        value = loss.per_seed[0].validation.get(study.metric) if loss.per_seed else None
        on_front = not is_known and (loss.name, loss.epsilon) in front
        return FrontPoint(loss.name, loss.complexity, value, on_front, is_known)

    found = [point(loss, False) for loss in study.finalists]
    return found + [point(loss, True) for loss in study.baselines if loss.complexity]


def front_names(study: StoredStudy) -> set[tuple[str, float | None]]:
    """Name and smoothing term of the losses on the front."""
    return {(row.name, row.epsilon) for row in study.front}


def front_rows(study: StoredStudy, place: str) -> list[FrontRow]:
    """The losses on the front, the shortest first, each with what exports it."""
    rows = []
    for row in study.front:
        rule = f"complexity<={row.complexity}"
        is_picked = bool(study.finalists) and _picked(study, rule) == row.name
        command = export_command(place, **({"pick": rule} if is_picked else {"name": row.name}))
        value, test = (part.get(study.metric) for part in (row.validation, row.test))
        rows.append(FrontRow(row.complexity, shortened(row.formula), row.epsilon, value, test, command))
    return rows


def _picked(study: StoredStudy, rule: str) -> str | None:
    """The name of the loss that `studies.export` takes by a rule."""
    try:
        return study.picked(Pick.parse(rule)).name
    except UserError:
        return None


@dataclass(frozen=True)
class Stage:
    """How many candidates came so far."""

    name: str
    count: int


def stages(numbers: Numbers, n_converged: int) -> list[Stage]:
    """From everything that was proposed to what was trained to convergence."""
    count = numbers.count
    gradient = numbers.sampled - count(Verdict.ZERO_GRADIENT)
    new = gradient - count(Verdict.DUPLICATE)
    steps = [("sampled", numbers.sampled), ("with a gradient", gradient), ("not a duplicate", new)]
    if count(Verdict.WRONG_DIRECTION):
        steps.append(("right direction", new - count(Verdict.WRONG_DIRECTION)))
    steps += [("trained", numbers.trained), ("accepted", count(Verdict.ACCEPTED))]
    steps += [("distinct losses", numbers.distinct_accepted), ("passed phase II", numbers.passed_validation_check)]
    return [Stage(*step) for step in (*steps, ("to convergence", n_converged))]


@dataclass(frozen=True)
class VerdictRow:
    """What became of candidates."""

    name: str
    count: int
    share: str
    meaning: str


def verdict_rows(numbers: Numbers) -> list[VerdictRow]:
    """Every verdict with its meaning, as the terminal shows them."""
    rows = []
    for verdict in Verdict:
        count = numbers.count(verdict)
        share = f"{count / numbers.sampled:.1%}" if numbers.sampled else ""
        rows.append(VerdictRow(verdict.value.replace("_", " "), count, share, verdict.meaning))
    return rows
