"""The pictures of a comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from scikit_posthocs import critical_difference_diagram

from core.search.trial import Verdict
from studies.common.drawing import COLOURS, grid, new_figure
from studies.comparison.outcome import Curves, Outcome
from studies.comparison.statistics import Standings, Statistics

_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
_VERDICT_COLOURS = {
    Verdict.ACCEPTED: "#009E73",
    Verdict.REJECTED: "#E69F00",
    Verdict.WRONG_DIRECTION: "#56B4E9",
    Verdict.NON_FINITE: "#CC79A7",
    Verdict.DUPLICATE: "#999999",
    Verdict.ZERO_GRADIENT: "#DDDDDD",
}
_SETTLED = 0.2  # the part of the budget before which curves may leave the axes at the bad end


def draw_all(outcome: Outcome, statistics: Statistics) -> Mapping[str, Figure]:
    """Every picture that the outcome has data for, by file stem, in the order of reading.

    Pictures of pairs need two searchers and two seeds, critical differences a third searcher.
    """
    drawn = {} if statistics.regrets is None else {"regret": regret(outcome, statistics)}
    drawn |= {
        "anytime": anytime(outcome, statistics.by_epochs, "candidate-epochs trained"),
        "anytime_seconds": anytime(outcome, statistics.by_seconds, "seconds of wall-clock"),
        "targets": targets(outcome, statistics),
        "converged": converged(outcome),
    }
    tables = {"final": statistics.final, "converged": statistics.converged}
    ranked = {name: table for name, table in tables.items() if np.isfinite(table.nemenyi).any()}
    drawn |= {f"critical_difference_{name}": critical_difference(table) for name, table in ranked.items()}
    drawn |= {f"improvement_{name}": improvement(table) for name, table in tables.items() if table.pairs}
    return drawn | {"funnel": funnel(outcome)}


def anytime(outcome: Outcome, curves: Curves, budget: str) -> Figure:
    """Median and quartiles of the best so far, and the noise floor around the best end of a median."""
    figure, axes = _figure(4.4)
    for i, look in enumerate(_looks(outcome.searchers)):
        worse, median, better = curves.quartiles[:, i]
        axes.plot(curves.grid, median, drawstyle="steps-post", **look)
        axes.fill_between(curves.grid, worse, better, step="post", color=look["color"], alpha=0.15, linewidth=0)
    ends = curves.quartiles[1, :, -1:].ravel()
    ends = ends[np.isfinite(ends)]
    noise = np.array(outcome.noise.search)
    if ends.size and noise.size > 1 and np.isfinite(noise).all():
        best, floor = ends.max() if outcome.higher_is_better else ends.min(), noise.std(ddof=1)
        label = f"noise floor: ±1 sd of {_plain(outcome.noise.loss)}, {noise.size} seeds"
        axes.axhspan(best - floor, best + floor, color="#777777", alpha=0.25, linewidth=0, label=label)
    _from_settled(axes, curves, outcome.higher_is_better)
    axes.set(xlabel=budget, ylabel=f"best validation {outcome.metric} so far")
    _legend(figure)
    return figure


def regret(outcome: Outcome, statistics: Statistics) -> Figure:
    """Median and quartiles of how far the best so far is from the best that there is, and from where on it is top."""
    assert statistics.regrets is not None, "the best that there is, is known"
    optimum, curves = statistics.regrets.optimum, statistics.by_epochs
    figure, axes = _figure(4.4)
    gaps = np.abs(optimum.best - curves.quartiles)
    for i, look in enumerate(_looks(outcome.searchers)):
        worse, median, better = gaps[:, i]
        axes.plot(curves.grid / optimum.cost, median, drawstyle="steps-post", **look)
        axes.fill_between(
            curves.grid / optimum.cost, worse, better, step="post", color=look["color"], alpha=0.15, linewidth=0
        )
    top = abs(optimum.best - optimum.top)
    label = f"the best {optimum.share:.0%} of all"
    axes.axhline(top, color="#777777", linewidth=0.9, linestyle="--", zorder=0, label=label)
    axes.set(xlabel="trainings", ylabel=f"regret, {outcome.metric}", ylim=(0, None))
    _legend(figure)
    return figure


def _from_settled(axes: Axes, curves: Curves, higher_is_better: bool) -> None:
    """Let the first few steps leave the axes, since their climb would flatten all that follows."""
    if not curves.grid.size:
        return
    settled = curves.quartiles[:, :, curves.grid >= _SETTLED * curves.grid[-1]]
    if not np.isfinite(settled).any():
        return
    low, high = axes.get_ylim()
    margin = 0.05 * float(np.nanmax(settled) - np.nanmin(settled))
    if margin and higher_is_better:
        axes.set_ylim(max(low, float(np.nanmin(settled)) - margin), high)
    elif margin:
        axes.set_ylim(low, min(high, float(np.nanmax(settled)) + margin))


def targets(outcome: Outcome, statistics: Statistics) -> Figure:
    """The share of targets reached by each budget."""
    figure, axes = _figure(4.0)
    for share, look in zip(statistics.targets.share, _looks(outcome.searchers), strict=True):
        axes.plot(statistics.targets.grid, share, drawstyle="steps-post", **look)
    axes.set(xlabel="candidate-epochs trained", ylabel="(run, target) pairs reached", ylim=(-0.02, 1.02))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    _legend(figure)
    return figure


def converged(outcome: Outcome) -> Figure:
    """The test metric of each run's best loss with its spread over training seeds, and the known losses as lines."""
    figure, axes = _figure(4.8)
    found = []
    for i, (name, look) in enumerate(zip(outcome.searchers, _looks(outcome.searchers), strict=True)):
        runs = outcome.of(name)
        places = i + np.linspace(-0.25, 0.25, len(runs)) if len(runs) > 1 else [i]
        for place, run in zip(places, runs, strict=True):
            test = np.array(run.best.test if run.best else ())
            if test.size and np.isfinite(test).all():
                found.append(test.mean())
                spread = test.std(ddof=1) if test.size > 1 else 0.0
                axes.errorbar(place, test.mean(), spread, fmt="o", color=look["color"], capsize=3, markersize=5)
    _name_columns(axes, outcome.searchers)
    axes.set(xlim=(-0.6, len(outcome.searchers) - 0.4), ylabel=f"test {outcome.metric} after convergence")
    known = {loss.name: float(np.mean(loss.test)) for loss in outcome.baselines if loss.test}
    _draw_known(axes, {name: value for name, value in known.items() if math.isfinite(value)}, found)
    return figure


def _draw_known(axes: Axes, known: Mapping[str, float], found: Sequence[float]) -> None:
    """Lines with labels at the right edge. Losses far from the found ones do not stretch the axis: an arrow instead."""
    values = list(found) or list(known.values())
    if not values:
        return
    reach = max(values) - min(values) or 0.01
    near = [value for value in known.values() if min(values) - reach <= value <= max(values) + reach]
    low, high = min([*values, *near]) - 0.2 * reach, max([*values, *near]) + 0.2 * reach
    axes.set_ylim(low, high)
    ordered = sorted(known.items(), key=lambda item: item[1])
    heights = _apart([min(max((value - low) / (high - low), 0.0), 1.0) for _, value in ordered], 0.06)
    for (name, value), height in zip(ordered, heights, strict=True):
        arrow = " ↓" if value < low else " ↑" if value > high else ""
        axes.annotate(
            f"{_plain(name)} {value:.4f}{arrow}",
            xy=(1, min(max(value, low), high)),
            xycoords=("axes fraction", "data"),
            xytext=(1.06, height),
            textcoords="axes fraction",
            verticalalignment="center",
            arrowprops={"arrowstyle": "-", "color": "#777777", "linewidth": 0.7},
        )
        if not arrow:
            axes.axhline(value, color="#777777", linewidth=0.9, linestyle="--", zorder=0)


def _apart(heights: Sequence[float], gap: float) -> list[float]:
    """Ascending heights moved so far that neighbours are a gap apart, about the middle of where they were."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + gap) if placed else height)
    lift = (sum(heights) - sum(placed)) / len(placed) if placed else 0.0
    return [height + lift for height in placed]


def funnel(outcome: Outcome) -> Figure:
    """What became of the sampled candidates, all runs of a searcher together."""
    figure, axes = _figure(1.6 + 0.55 * len(outcome.searchers))
    names = []
    for i, searcher in enumerate(outcome.searchers):
        runs = outcome.of(searcher)
        sampled = max(1, sum(run.funnel["sampled"] for run in runs))
        left = 0.0
        for verdict, colour in _VERDICT_COLOURS.items():
            if verdict.value not in outcome.terms.verdicts:
                continue
            share = sum(run.funnel[verdict.value] for run in runs) / sampled
            label = verdict.value.replace("_", " ") if i == 0 else None
            axes.barh(i, share, left=left, color=colour, height=0.65, label=label)
            left += share
        accepted = sum(run.funnel[Verdict.ACCEPTED.value] for run in runs) / sampled
        names.append(f"{_plain(searcher)}\n{accepted:.2%} accepted")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of sampled candidates")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(visible=False)
    _legend(figure, columns=3)
    return figure


def critical_difference(table: Standings) -> Figure:
    """Mean ranks; searchers under one bar are not told apart by Nemenyi's test."""
    names = [_plain(name) for name in table.searchers]
    figure, axes = _figure(1.2 + 0.3 * len(names))
    drawn = critical_difference_diagram(
        dict(zip(names, table.ranks.tolist(), strict=True)),
        pd.DataFrame(table.nemenyi, index=names, columns=names),
        ax=axes,
        label_fmt_left="{label} ({rank:.2f}) ",
        label_fmt_right=" ({rank:.2f}) {label}",
        color_palette={name: look["color"] for name, look in zip(names, _looks(names), strict=True)},
    )
    for label in drawn["labels"]:
        label.set_color("black")  # light colours are hard to read
    figure.suptitle(f"Mean rank, {table.title}", fontsize="medium")
    axes.grid(visible=False)
    return figure


def improvement(table: Standings) -> Figure:
    """Probability that a run of the row is better than a run of the column."""
    names, n = table.searchers, len(table.searchers)
    cells = np.full((n, n), math.nan)
    for pair in table.pairs:
        i, j = names.index(pair.first), names.index(pair.second)
        cells[i, j], cells[j, i] = pair.improvement, 1 - pair.improvement
    figure, axes = _figure(1.4 + 0.62 * n)
    axes.imshow(cells, cmap="PuOr", vmin=-0.4, vmax=1.4, aspect="auto")  # pale enough for black numbers at 0 and 1
    for (i, j), value in np.ndenumerate(cells):
        if i != j:
            axes.text(j, i, f"{value:.2f}", ha="center", va="center")
    _name_columns(axes, names)
    axes.set_yticks(range(n), [_plain(name) for name in names])
    axes.grid(visible=False)
    figure.suptitle(f"P(row better than column), {table.title}", fontsize="medium")
    return figure


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = new_figure(height)
    return figure, grid(figure.add_subplot())


def _legend(figure: Figure, columns: int = 2) -> None:
    figure.legend(loc="outside lower center", ncols=columns, frameon=False)


def _name_columns(axes: Axes, names: Sequence[str]) -> None:
    tilted = max(map(len, names)) * len(names) > 50
    labels = [_plain(name) for name in names]
    axes.set_xticks(range(len(names)), labels, rotation=25 if tilted else 0, ha="right" if tilted else "center")


def _looks(searchers: Sequence[str]) -> list[dict[str, Any]]:
    """A label, colour and style for each."""
    several = zip(searchers, cycle(COLOURS), cycle(_STYLES), strict=False)
    return [{"label": _plain(name), "color": colour, "linestyle": style} for name, colour, style in several]


def _plain(name: str) -> str:
    """Dollar signs would start a formula."""
    return name.replace("$", r"\$")
