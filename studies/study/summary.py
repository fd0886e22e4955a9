"""What a study prints at its end, for a person to read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from rich import box
from rich.console import Console
from rich.table import Table

from core.search.trial import Verdict
from recommenders.tasks.convergence import TrainingResult
from recommenders.tasks.finals import Finished
from recommenders.tasks.metrics import Metric, metrics_of
from studies.study.baseline_comparison import caveats
from studies.study.result import StudyResult

_LONGEST_FORMULA = 120


def print_report(result: StudyResult, console: Console) -> None:
    """Losses, funnel and verdict."""
    console.print(losses_table(result))
    console.print(funnel_table(result))
    for line in conclusion(result):
        console.print(line, highlight=False)


def losses_table(result: StudyResult) -> Table:
    """Found losses and baselines, the best on validation first."""
    task = result.task
    data = task.dataset
    table = Table(
        title=f"Trained to convergence on {data.name} ({result.settings.recommender}), best validation epoch",
        box=box.SIMPLE_HEAD,
        title_justify="left",
    )
    table.add_column("loss", overflow="fold")
    scaled = any(finished.loss.scale != 1 for finished in result.finished)
    for name in ("operators", "front", "eps", *(("scale",) if scaled else ()), "epochs", "seeds"):
        table.add_column(name, justify="center" if name == "front" else "right")
    metrics = metrics_of(task.metric.task)
    table.add_column(f"validation {task.metric.name}", justify="right")
    for metric in metrics:
        table.add_column(f"test {metric.name}", justify="right")
    for i, finished in enumerate(result.finalists):
        style = "bold" if i == 0 else None
        _add_row(table, finished, task.metric, metrics, scaled, style, on_front=finished in result.front)
    if result.finalists:
        table.add_section()
    for finished in sorted(result.baselines, key=lambda f: -f.score(task.metric)):
        _add_row(table, finished, task.metric, metrics, scaled)
    return table


def _add_row(
    table: Table,
    finished: Finished,
    chosen_by: Metric,
    metrics: list[Metric],
    scaled: bool,
    style: str | None = None,
    on_front: bool = False,
) -> None:
    name, simple = finished.contender.name, finished.simple
    searched = finished.contender.direction is not None
    shown = f"{shortened(name)}\n= {shortened(str(simple))}" if searched and str(simple) != name else shortened(name)
    table.add_row(
        shown,
        "" if simple is None else str(simple.complexity),
        "*" * on_front,
        "" if finished.epsilon is None else f"{finished.epsilon:g}",
        *((f"{finished.loss.scale:.4g}",) if scaled else ()),
        f"{fmean(fitted.best_epoch for fitted in finished.fitted):.0f}",
        str(len(finished.fitted)),
        _over_seeds(finished.fitted, "validation", chosen_by.name),
        *(_over_seeds(finished.fitted, "test", metric.name) for metric in metrics),
        style=style,
    )


def mean_and_spread(values: Sequence[float]) -> str:
    """Mean and standard deviation; a dash where there is none, or where one is not finite."""
    if not values or not all(map(math.isfinite, values)):
        return "-"
    spread = f" ±{stdev(values):.4f}" if len(values) > 1 else ""
    return f"{fmean(values):.4f}{spread}"


def _over_seeds(fitted: tuple[TrainingResult, ...], part: str, metric: str) -> str:
    """A dash where training broke down."""
    return mean_and_spread([getattr(one, part).get(metric, math.nan) for one in fitted])


def shortened(formula: str) -> str:
    """The formula, cut in the middle where it is very long (result.json has it whole)."""
    if len(formula) <= _LONGEST_FORMULA:
        return formula
    half = (_LONGEST_FORMULA - len(" ... ")) // 2
    return f"{formula[:half]} ... {formula[-half:]}"


def funnel_table(result: StudyResult) -> Table:
    """What became of the candidates of Phase I."""
    funnel = result.tally.funnel()
    title = f"{funnel['sampled']} candidates sampled, {funnel['trained']} trained ({result.stop})"
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for name in ("verdict", "candidates", "share"):
        table.add_column(name, justify="left" if name == "verdict" else "right")
    table.add_column("meaning")
    for verdict in Verdict:
        count = funnel[verdict.value]
        share = f"{count / funnel['sampled']:.1%}" if funnel["sampled"] else ""
        table.add_row(verdict.value.replace("_", " "), str(count), share, verdict.meaning)
    return table


def conclusion(result: StudyResult) -> list[str]:
    """The verdict and what to know about it, a sentence each."""
    settings = result.settings
    if result.best is None or result.comparison is None:
        return ["No loss was accepted, so there is nothing to compare. Give more --trainings or another --seed."]
    train = result.task.settings
    scale = result.best.loss.scale
    sentences = [f"Best found loss: {result.best.contender.name}" + ("" if scale == 1 else f", times {scale:.4g}")]
    simple = str(result.best.simple)
    if simple != result.best.contender.name:
        sentences.append(f"Simplified, with the same gradient: {simple}")
    if not result.is_as_simple_as_asked:
        sentences.append(f"No loss found is as simple as --pick '{settings.pick}' asks for, so the best one is shown.")
    sentences.append(result.comparison.verdict)
    passed, normalised = result.n_passed > 0, settings.scale == "normalised"
    sentences += caveats(train.learning_rate, train.weight_decay, settings.repeats, passed, normalised)
    return sentences
