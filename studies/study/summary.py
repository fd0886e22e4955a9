"""What a study prints at its end, for a person to read, and what a reader must know before believing it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.common.errors import counted
from core.phases.contender import Finished, TrainingResult
from core.phases.told import ToldTable, shown
from studies.study.problems import LOSS
from studies.study.result import StudyResult
from studies.study.settings import StudySettings

_LONGEST_FORMULA = 120
#: Found ones that the terminal shows, and those of the front.
_MOST_ROWS = 8


def print_report(result: StudyResult, console: Console) -> None:
    """Contenders, their constants, funnel and verdict."""
    console.print(contenders_table(result))
    if (hidden := len(result.finalists) - len(_shown(result))) > 0:
        one, many = (f"more found {name}" for name in (result.problem.terms.one, result.problem.terms.many))
        console.print(f"{counted(hidden, one, many)} in result.json and in the report.\n", highlight=False)
    for line in with_constants(result):
        console.print(line, highlight=False)
    for told in result.tables[:1]:
        console.print(told_table(told))
    console.print(funnel_table(result))
    for line in conclusion(result):
        console.print(line, highlight=False)


def contenders_table(result: StudyResult) -> Table:
    """Found ones and baselines, the best on validation first."""
    problem, terms = result.problem, result.problem.terms
    on = f" on {problem.described()['name']} ({result.settings.training.recommender})" if terms.are_losses else ""
    title = f"Trained to convergence{on}, best validation epoch" if terms.are_losses else "Found and known ones"
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column(terms.one, overflow="fold")
    details = _details(result)
    for name in (terms.complexity, "front", *details, "epochs", "seeds"):
        table.add_column(name, justify="center" if name == "front" else "right")
    for head in (f"validation {problem.metric.name}", *(f"test {metric.name}" for metric in problem.metrics)):
        table.add_column(head, justify="right", overflow="fold")
    for i, finished in enumerate(_shown(result)):
        style = "bold" if i == 0 else None
        table.add_row(*_cells(result, finished, details, on_front=finished in result.front), style=style)
    if result.finalists:
        table.add_section()
    for finished in sorted(result.baselines, key=lambda f: -f.score(problem.metric)):
        table.add_row(*_cells(result, finished, details))
    return table


def _shown(result: StudyResult) -> list[Finished[Any]]:
    """The found ones of the table."""
    return [one for i, one in enumerate(result.finalists) if i < _MOST_ROWS or one in result.front]


def with_constants(result: StudyResult) -> list[str]:
    """Losses whose constants were tuned, with these, a line each."""
    shown = [*result.finalists, *sorted(result.baselines, key=lambda one: -one.score(result.problem.metric))]
    pairs = [(one.contender.name, result.problem.details(one.trained).get("loss")) for one in shown]
    lines = [f"  {shortened(name)}: {shortened(loss)}" for name, loss in pairs if loss not in (None, name)]
    return ["With the constants that were chosen on validation:", *lines, ""] if lines else []


def _details(result: StudyResult) -> list[str]:
    """Columns that not every study has: the constant and what else was chosen, and the scale of losses."""
    has_constant = result.problem.terms.are_losses or any(one.epsilon is not None for one in result.finished)
    decayed = any(one.variant.way for one in result.finished)
    scaled = any(result.problem.details(one.trained).get("scale", 1) != 1 for one in result.finished)
    tried = dict.fromkeys(name for one in result.finished for fitted in one.fitted for name in fitted.chosen)
    return ["eps"] * has_constant + ["decay"] * decayed + ["scale"] * scaled + list(tried)


def _cells(result: StudyResult, finished: Finished[Any], details: Sequence[str], on_front: bool = False) -> list[str]:
    """A row of the table."""
    name, simple, problem = finished.contender.name, finished.simple, result.problem
    has_form = finished.contender.is_searched or finished.has_found
    shown = f"{shortened(name)}\n= {shortened(str(simple))}" if has_form and str(simple) != name else shortened(name)
    decay = (finished.variant.way or {}).get("weight_decay")
    values = {"eps": finished.epsilon, "decay": decay, "scale": problem.details(finished.trained).get("scale")}
    shown_values = {name: _number(name, value) for name, value in values.items() if value is not None}
    return [
        shown,
        "" if simple is None else str(simple.complexity),
        "*" * on_front,
        *(shown_values.get(one) or _chosen(finished.fitted, one) for one in details),
        f"{fmean(fitted.best_epoch for fitted in finished.fitted):.0f}",
        str(len(finished.fitted)),
        _over_seeds(finished.fitted, "validation", problem.metric.name),
        *(_over_seeds(finished.fitted, "test", metric.name) for metric in problem.metrics),
    ]


def _number(name: str, value: float) -> str:
    return f"{value:{'.4g' if name == 'scale' else 'g'}}"


def _chosen(fitted: Sequence[TrainingResult], name: str) -> str:
    """What trainings chose of a setting: one number, or from which to which; nothing where it was not tried."""
    values = [one.chosen[name] for one in fitted if name in one.chosen]
    return " to ".join(f"{one:g}" for one in sorted({min(values), max(values)})) if values else ""


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


def told_table(told: ToldTable) -> Table:
    """A table of the problem's, in short."""
    table = Table(title=told.title, box=box.SIMPLE_HEAD, title_justify="left")
    for name, is_number in zip(told.columns, told.is_number, strict=True):
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in told.rows[:_MOST_ROWS]:
        table.add_row(*(escape(shown(cell)) for cell in row))
    if len(told.rows) > _MOST_ROWS:
        table.caption = f"and {len(told.rows) - _MOST_ROWS} more in result.json and in the report"
    return table


def funnel_table(result: StudyResult) -> Table:
    """What became of the candidates of Phase I."""
    funnel = result.search.tally.funnel()
    title = f"{funnel['sampled']} candidates sampled, {funnel['trained']} trained ({result.search.stop})"
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for name in ("verdict", "candidates", "share"):
        table.add_column(name, justify="left" if name == "verdict" else "right")
    table.add_column("meaning")
    for verdict, meaning in result.problem.terms.verdicts.items():
        count = funnel[verdict]
        share = f"{count / funnel['sampled']:.1%}" if funnel["sampled"] else ""
        table.add_row(verdict.replace("_", " "), str(count), share, meaning)
    return table


def conclusion(result: StudyResult) -> list[str]:
    """The verdict and what to know about it, a sentence each."""
    settings, one, best = result.settings, result.problem.terms.one, result.best
    if best is None or result.comparison is None:
        return [f"No {one} was accepted, so there is nothing to compare. Give more --trainings or another --seed."]
    scale = result.problem.details(best.trained).get("scale", 1)
    sentences = [f"Best found {one}: {best.contender.name}" + ("" if scale == 1 else f", times {scale:.4g}")]
    if "loss" in (details := result.problem.details(best.trained)):
        sentences.append(f"With its constants: {details['loss']}")
    simple = str(best.simple)
    if simple != best.contender.name:
        sentences.append(f"Simplified, with the same gradient: {simple}")
    if not result.is_as_simple_as_asked:
        sentences.append(
            f"No {one} found is as simple as --pick '{settings.judging.pick}' asks for, so the best one is shown."
        )
    sentences += [f"{one.contender.name} found: {one.simple}" for one in result.baselines if one.has_found]
    sentences.append(result.comparison.verdict)
    return sentences + caveats(settings, result.search.n_passed > 0)


def caveats(settings: StudySettings, passed: bool) -> list[str]:
    """Return what a reader must know before believing the verdict.

    Args:
        settings: of the study.
        passed: whether anything accepted passed the checks of phase II.
    """
    are_losses = settings.search.problem == LOSS
    sentences = _caveats_of_losses(settings, passed) if are_losses else []
    if n := settings.protocol.rehearsals:
        sentences.append(
            f"What is taken, and how each is trained, was chosen on validation by {counted(n, 'other seed')}; all that "
            "is shown is of fresh ones."
        )
    if settings.judging.repeats > 1:
        varied = "the start and the batches" if are_losses else "what is drawn"
        sentences.append(f"The {settings.judging.repeats} seeds vary {varied}, not the data: no test of significance.")
    return sentences


def _caveats_of_losses(settings: StudySettings, passed: bool) -> list[str]:
    sentences, protocol = [], settings.protocol
    train = protocol.train
    if not passed:
        sentences.append(
            "No accepted loss passed the validation check; those shown came nearest and may not learn at all."
        )
    shared = (
        f"the learning rate {train.learning_rate:g} and the weight decay {(*protocol.decay, train.weight_decay)[0]:g}"
    )
    scaled = (
        "Every loss, the baselines too, is multiplied by a number that brings its gradient to the norm of BCE's on "
        "one batch of a fresh recommender"
    )
    if len(protocol.decay) > 1:
        before = f"{scaled}. They" if protocol.scale == "normalised" else "All losses"
        sentences.append(
            f"{before} share the learning rate {train.learning_rate:g}, and each has that of the weight decays "
            f"{', '.join(f'{one:g}' for one in protocol.decay)} that did best on validation, and likewise its "
            "smoothing term. python -m studies.evaluate --loss FORMULA tunes more finely, and tests what ten paired "
            "seeds show."
        )
    elif protocol.scale == "normalised":
        sentences.append(
            f"{scaled}, and all share {shared}. So no loss wins by the scale that it begins "
            "with. What still holds: norms drift apart as training goes on, and this decay may suit one shape better "
            "than another. Before believing a win: python -m studies.evaluate --loss FORMULA tunes both for each loss."
        )
    else:
        sentences.append(
            f"All losses share {shared}. A loss c times as large trains like a learning rate c times as large with a "
            "decay c times as small, so under one shared decay a loss can win by its scale alone. Before believing a "
            "win: python -m studies.evaluate --loss FORMULA tunes both for each loss."
        )
    return sentences
