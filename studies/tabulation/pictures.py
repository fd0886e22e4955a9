"""A table of losses as a picture: how effective losses are over how long they are, and over what they do."""

from __future__ import annotations

from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from core.analysis.traits import TRAITS
from recommenders.tasks.loss_table import LossTable, converged_column, score_column
from studies.common.drawing import COLOURS, WIDTH, picture
from studies.reporting.axes import label, legend, other

#: How far dots of one length are moved apart, and how opaque they are where there are few and many.
_APART, _FEW, _MANY = 0.35, 0.7, 0.12
#: More losses than these are many.
_LOTS = 1_000
#: Letters of a line below the axes.
_WRAPPED = 60


def effectiveness(table: LossTable) -> tuple[str, np.ndarray]:
    """Return what the losses of a table come to [n], means over seeds, NaN for those that were not trained; and a name.

    Args:
        table: where they were trained to convergence that counts, else the most epochs.
    """
    settings = table.about["settings"]
    when = "at convergence" if settings["converged"] else f"after {settings['epochs'][-1]} epochs"
    each = np.array([table.rows[column] for column in _columns(table)], dtype=float)
    is_there = np.isfinite(each)  # what promised little has one seed
    sums, counts = np.where(is_there, each, 0.0).sum(axis=0), is_there.sum(axis=0)
    means = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=is_there[0])
    return f"validation {table.metric.name} {when}", means


def map_of(table: LossTable) -> Figure:
    """Return every loss as a dot, by its operators and by the trait of its gradient that tells the most."""
    what, values = effectiveness(table)
    there = np.flatnonzero(table.is_trained & np.isfinite(values))
    values, lengths = values[there], table.rows["operators"][there]
    figure = Figure(figsize=(1.6 * WIDTH, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    moved = np.random.default_rng(0).uniform(-_APART, _APART, len(values))
    _dots(left, lengths + moved, values)
    left.set(xlabel="operators", ylabel=what, xticks=np.unique(lengths))
    traits = table.traits(there)
    tells = [_correlation(column, values) for column in traits.T]
    best = int(np.argmax(np.abs(tells)))
    _dots(right, traits[:, best], values)
    name, meaning = list(TRAITS.items())[best]
    right.set(xlabel=fill(f"{name}: {meaning} (Spearman's correlation {tells[best]:+.2f})", _WRAPPED))
    for i, (known, of_known) in enumerate(known_values(table).items(), 1):
        for axes in (left, right):
            axes.axhline(of_known, zorder=3, **other(i), label=label(known) if axes is left else None)
    legend(figure, 5)
    return figure


def known_values(table: LossTable) -> dict[str, float]:
    """Return what the known losses beside a table come to, by name, as `effectiveness` says it."""
    found = dict[str, float]()
    for known, cells in table.about["beside"].items():
        each = [cells.get(column) for column in _columns(table)]
        if all(isinstance(one, float) for one in each):
            found[known] = float(np.mean(each))
    return found


def _columns(table: LossTable) -> list[str]:
    """Return the columns of validation that count, a seed each."""
    settings, name = table.about["settings"], table.metric.name
    seeds, last = range(settings["seeds"]), settings["epochs"][-1]
    if settings["converged"]:
        return [converged_column(name, "validation", seed) for seed in seeds]
    return [score_column(name, last, seed=seed) for seed in seeds]


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return Spearman's correlation; 0 where one of both is always the same."""
    return 0.0 if len(one) < 3 or min(np.ptp(one), np.ptp(other)) == 0 else float(spearmanr(one, other)[0])


def _dots(axes: Axes, across: np.ndarray, values: np.ndarray) -> None:
    opacity = _MANY if len(values) > _LOTS else _FEW
    axes.plot(across, values, "o", color=COLOURS[0], alpha=opacity, markersize=3, markeredgewidth=0)


def map_picture(table: LossTable) -> bytes:
    """Return the picture as a PNG file."""
    return picture(lambda: map_of(table), ".png")
