"""What became of a search, as pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from core.phases.terms import Terms
from recommenders.tasks.loss_problem import LOSS_TERMS
from studies.common.drawing import COLOURS
from studies.reporting.axes import FOUND, INK, finite_array, label, legend, new_axes, number, other
from studies.reporting.rows import FrontPoint
from studies.reporting.story import PastCandidate, PastCurve, PastStep
from studies.study.history import thinned

#: More marks would make a page of megabytes that shows no more.
MOST_MARKS, _MOST_POINTS = 1_500, 600
_SHORT = 8  # letters, so that four names stand in a line


def search(steps: Sequence[PastStep], metric: str) -> Figure:
    """The best validation metric so far and that of the recommender of the moment."""
    figure, axes = new_axes()
    shown = thinned(steps, _MOST_POINTS)
    epochs = [step.candidate_epochs for step in shown]
    dots: dict[str, Any] = {"marker": "o", "markersize": 3} if len(shown) < 40 else {}
    current = finite_array(step.current for step in shown)
    axes.plot(epochs, current, label="now", color=COLOURS[0], linewidth=1.2, linestyle="--", **dots)
    best = finite_array(step.best for step in shown)
    axes.plot(epochs, best, label="best so far", drawstyle="steps-post", **FOUND)
    axes.set(xlabel="candidate-epochs trained", ylabel=f"validation {metric}")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    legend(figure)
    return figure


#: verdict -> its mark; other verdicts have a mark of their own too.
_MARKS = {
    "accepted": ("accepted", "o", COLOURS[0]),
    "rejected": ("rejected", "x", COLOURS[3]),
    "non_finite": ("not finite", "v", COLOURS[4]),
}


def candidates(trained: Sequence[PastCandidate], metric: str) -> Figure:
    """Every trained candidate in its order, and which of them the search went on from."""
    figure, axes = new_axes()
    numbered = list(enumerate(trained, start=1))
    adopted = [(n, one) for n, one in numbered if one.adopted]
    rest = thinned([(n, one) for n, one in numbered if not one.adopted], MOST_MARKS)
    for verdict in dict.fromkeys((*_MARKS, *(one.verdict for one in trained))):
        text, marker, colour = _MARKS.get(verdict, (label(verdict), "s", COLOURS[5]))
        _marks(axes, [(n, one) for n, one in rest if one.verdict == verdict], text, marker, colour, size=3.5)
    _marks(axes, thinned(adopted, MOST_MARKS), "adopted", "D", COLOURS[1], size=5)
    axes.set(xlabel="trained candidates, in order", ylabel=f"validation {metric}", xlim=(0, len(trained) + 1))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    legend(figure, 3)
    return figure


def _marks(
    axes: Axes, some: Sequence[tuple[int, PastCandidate]], text: str, marker: str, colour: str, size: float
) -> None:
    points = [(n, one.value) for n, one in some if one.value is not None]
    if points:
        axes.plot(*zip(*points, strict=True), marker, label=text, color=colour, markersize=size, alpha=0.85)


def funnel(stages: Sequence[tuple[str, int]]) -> Figure:
    """How many candidates came how far, on a logarithmic axis."""
    figure, axes = new_axes(0.6 + 0.36 * len(stages))
    names, counts = zip(*stages, strict=True)
    most = max(1, *counts)
    widths = [math.log10(count) + 0.15 if count > 0 else 0.0 for count in counts]
    axes.barh(range(len(stages)), widths, height=0.72, color=COLOURS[0])
    for i, (count, width) in enumerate(zip(counts, widths, strict=True)):
        axes.text(width + 0.08, i, f"{count:,}", va="center")
    axes.set_yticks(range(len(stages)), names)
    axes.invert_yaxis()
    axes.set(xlim=(0, math.log10(most) * 1.2 + 0.6))
    axes.tick_params(left=False)
    axes.xaxis.set_visible(False)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def front(
    points: Sequence[FrontPoint],
    plain: tuple[str, float] | None,
    metric: str,
    higher_is_better: bool,
    terms: Terms = LOSS_TERMS,
) -> Figure:
    """Draw the validation metric against complexity: found ones, the line of their front, and known ones.

    Args:
        points: what has a complexity.
        plain: name and value of something known that has none.
        metric: what is drawn.
        higher_is_better: whether it is.
        terms: how one speaks of what was searched.
    """
    figure, axes = new_axes(3.2)
    there = [point for point in points if point.value is not None]
    if plain is not None:
        axes.axhline(plain[1], color=INK, linewidth=1, linestyle=":", label=label(plain[0]), zorder=1)
    best = sorted((p.complexity, p.value) for p in there if p.on_front)
    if best:
        steps = [*best, (max(p.complexity for p in there) + 0.5, best[-1][1])]
        axes.plot(*zip(*steps, strict=True), drawstyle="steps-post", label="front", **(FOUND | {"zorder": 2}))
    _points(axes, [p for p in there if not p.is_known], f"found {terms.many}", "o", COLOURS[1])
    known = [p for p in there if p.is_known]
    _points(axes, known, f"known {terms.many}", "s", COLOURS[0])
    for point in known:
        axes.annotate(
            label(point.name), (point.complexity, point.value), (-7, 0),
            textcoords="offset points", ha="right", va="center", fontsize=8.5,
        )  # fmt: skip
    axes.set(xlabel=terms.complexity + " of the simplified form" * terms.are_losses, ylabel=f"validation {metric}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.margins(x=0.12, y=0.12)
    if not higher_is_better:
        axes.invert_yaxis()
    legend(figure, 4)
    return figure


def _points(axes: Axes, points: Sequence[FrontPoint], text: str, marker: str, colour: str) -> None:
    if points:
        places = [(point.complexity, point.value) for point in thinned(points, MOST_MARKS)]
        axes.plot(*zip(*places, strict=True), marker, label=text, color=colour, markersize=6, zorder=6)


def convergence(
    found: PastCurve | None,
    known: Sequence[PastCurve],
    metric: str,
    higher_is_better: bool,
    terms: Terms = LOSS_TERMS,
) -> Figure:
    """Draw the validation metric by epoch; a dot where training would have stopped best.

    Args:
        found: what was found, if anything.
        known: what is compared with.
        metric: what is drawn.
        higher_is_better: whether it is.
        terms: how one speaks of what was searched.
    """
    lines = []
    for i, curve in enumerate([*([] if found is None else [found]), *known]):
        look = FOUND if curve is found else other(i - (found is not None))
        text = f"found {terms.one}" if curve is found else label(curve.name)
        points = dict(enumerate(curve.validation, start=1))
        best = {curve.best_epoch: points[curve.best_epoch]} if points.get(curve.best_epoch) is not None else {}
        lines.append(Line(text, points, look, best))
    return draw_lines(lines, "epochs", f"validation {metric}", higher_is_better)


@dataclass(frozen=True)
class Line:
    """A line of a picture, with dots."""

    name: str
    """In the legend."""
    points: Mapping[int, float | None]
    """x -> y, in order; None leaves a gap."""
    look: Mapping[str, Any]
    dots: Mapping[int, float | None]
    """The same, for what is no part of the line."""
    size: float = 5
    """Of a dot, in points."""


def draw_lines(lines: Sequence[Line], xlabel: str, ylabel: str, higher_is_better: bool) -> Figure:
    """Draw lines over whole numbers, on heights that show how their ends differ.

    Args:
        lines: what is drawn.
        xlabel: what the whole numbers are.
        ylabel: what is drawn over them.
        higher_is_better: whether it is.
    """
    figure, axes = new_axes(3.6)
    for line in lines:
        shown = thinned(list(line.points.items()), _MOST_POINTS)
        axes.plot([x for x, _ in shown], finite_array(y for _, y in shown), label=line.name, **line.look)
        if line.dots:
            dots = {"color": line.look["color"], "markersize": line.size, "zorder": 7}
            axes.plot(list(line.dots), finite_array(line.dots.values()), "o", **dots)
    _from_the_climb(axes, [finite_array(line.points.values()) for line in lines], higher_is_better)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    legend(figure, 2 if any(len(line.name) > _SHORT for line in lines[1:]) else 4)
    return figure


def _from_the_climb(axes: Axes, curves: Sequence[np.ndarray], higher_is_better: bool) -> None:
    """Let the beginnings leave the axes, which would flatten the ends that are to be compared."""
    finite = [curve[np.isfinite(curve)] for curve in curves]
    ends = [float(curve.max() if higher_is_better else curve.min()) for curve in finite if curve.size]
    if not ends:
        return
    everything = np.concatenate(finite)
    low, high = float(everything.min()), float(everything.max())
    reach = 0.75 * (max(ends) - min(ends)) or 0.1 * abs(ends[0]) or 1.0
    margin = 0.04 * (max(ends) - min(ends) + reach)
    if higher_is_better:
        axes.set_ylim(max(low, min(ends) - reach) - margin, max(ends) + margin)
    else:
        axes.set_ylim(min(ends) - margin, min(high, max(ends) + reach) + margin)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
