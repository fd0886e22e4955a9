"""The pictures of a tuning: its history, what mattered, and values against each setting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recommenders.tasks.metrics import Metric
from studies.common.drawing import COLOURS, grid, new_figure
from studies.tuning.result import TuneResult, best_so_far
from studies.tuning.tunables import Tunable

_BEST, _TRIED, _PRESENT = COLOURS[:3]


def draw_all(result: TuneResult, importances: Mapping[str, float]) -> Mapping[str, Figure]:
    """Every picture by file stem, in the order of reading."""
    drawn = {"history": history(result), "settings": slices(result)}
    return drawn | ({"importance": importance(importances)} if len(importances) > 1 else {})


def history(result: TuneResult) -> Figure:
    """The value of every trial, and of the best one so far."""
    figure, metric = new_figure(3.4), result.settings.chosen_by
    axes = grid(figure.add_subplot())
    for pruned, marker, label in ((False, "o", "all seeds"), (True, "x", "ended early")):
        some = [tried for tried in result.trials if tried.pruned is pruned]
        if some:
            x, y = [tried.number for tried in some], [tried.value for tried in some]
            axes.plot(x, y, marker, color=_TRIED, markersize=5, label=label)
    best = best_so_far(result.trials, metric)
    axes.step(range(len(best)), best, where="post", color=_BEST, label="best so far")
    axes.axhline(result.trials[0].value, color=_PRESENT, linestyle="--", label="present settings")
    axes.set_xlim(-0.5, len(best) - 0.5)
    axes.set(xlabel="trial", ylabel=f"validation {metric.name}, mean over seeds")
    axes.legend(frameon=False)
    _leave_out_failures(axes, [tried.value for tried in result.trials], metric)
    return figure


def importance(importances: Mapping[str, float]) -> Figure:
    """What part of the differences each setting explains (PED-ANOVA), most first."""
    names = sorted(importances, key=lambda name: importances[name])
    figure = new_figure(0.9 + 0.4 * len(names))
    axes = figure.add_subplot()
    bars = axes.barh(names, [importances[name] for name in names], color=_BEST)
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.set(xlabel="importance for being among the best tenth", xlim=(0, 1.1 * max(max(importances.values()), 0.1)))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def slices(result: TuneResult) -> Figure:
    """Values of the trials against each setting; later trials are darker."""
    tunables, metric = result.settings.tunables, result.settings.chosen_by
    columns = min(2, len(tunables))
    rows = math.ceil(len(tunables) / columns)
    figure = new_figure(2.6 * rows)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    values = [tried.value for tried in result.trials]
    for axes, tunable in zip(panels, tunables, strict=False):
        x = [tried.params[tunable.name] for tried in result.trials]
        axes.set(xlabel=tunable.name, xscale="log" if tunable.log else "linear")
        axes.set_xlim(_ends(tunable))
        axes.scatter(x, values, c=range(len(x)), cmap="Blues", vmin=-len(x) / 2, s=18, edgecolors="#00000040")
        axes.axvline(result.chosen.params[tunable.name], color=_BEST, label="chosen")
        axes.axvline(result.present_params[tunable.name], color=_PRESENT, linestyle="--", label="present")
        _leave_out_failures(axes, values, metric)
    for axes in panels[len(tunables) :]:
        axes.set_visible(False)
    for axes in panels[::columns]:
        axes.set_ylabel(f"validation {metric.name}")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _ends(tunable: Tunable) -> tuple[float, float]:
    """The range with a little room at both ends."""
    if tunable.log:
        factor = (tunable.high / tunable.low) ** 0.04
        return tunable.low / factor, tunable.high * factor
    room = 0.04 * (tunable.high - tunable.low)
    return tunable.low - room, tunable.high + room


def _leave_out_failures(axes: Axes, values: Sequence[float], metric: Metric) -> None:
    """Trials that learned nothing would press all others into a line: the axis leaves them out."""
    scores = sorted(map(metric.score_of, values))
    middle, top = float(np.median(scores)), scores[-1]
    low = max(scores[0], middle - 2 * (top - middle))
    margin = 0.08 * max(top - low, 1e-4)
    axes.set_ylim(*sorted((metric.value(low - margin), metric.value(top + margin))))
