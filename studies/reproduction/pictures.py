"""The pictures of reproductions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure

from studies.common.drawing import COLOURS, grid, new_figure

#: A curve: where, and how high; values that are missing are NaN.
Curve = tuple[Sequence[float], Sequence[float]]


def panels(
    curves: Mapping[str, Mapping[str, Sequence[Curve]]], xlabel: str, ylabel: str, marked: Sequence[float] = ()
) -> Figure:
    """A panel for each title, on one scale; in each, the curves of equal name share a colour.

    Args:
        curves: title of a panel -> name -> its curves, such as one for each seed.
        xlabel: below the panels.
        ylabel: beside the first one.
        marked: places that are marked on a logarithmic axis, if any; else it has even steps.
    """
    figure = new_figure(3.4)
    axes = np.atleast_1d(figure.subplots(1, max(1, len(curves)), sharey=True))
    handles = {}
    for panel, (title, named) in zip(axes, curves.items(), strict=False):
        for (name, several), colour, style in zip(named.items(), cycle(COLOURS), cycle(("-", "--", "-."))):
            for x, y in several:
                (handles[name],) = panel.plot(
                    x, y, color=colour, linestyle=style, linewidth=1.2, alpha=0.85, marker="o" if marked else None, ms=3
                )
        panel.set_title(title, fontsize="medium")
        panel.set_xlabel(xlabel)
        if marked:
            panel.set_xscale("log")
            panel.set_xticks(marked, labels=map(str, marked), minor=False)
            panel.minorticks_off()
        grid(panel)
    axes[0].set_ylabel(ylabel)
    if handles:
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles), frameon=False)
    return figure


def lines(curves: Mapping[str, Sequence[Curve]], xlabel: str, ylabel: str) -> Figure:
    """One panel without a title, on a logarithmic height where the curves end far apart."""
    figure = panels({"": curves}, xlabel, ylabel)
    ends = [max(y) for several in curves.values() for _, y in several if len(y) and max(y) > 0]
    if ends and max(ends) > 20 * min(ends):
        figure.axes[0].set_yscale("symlog", linthresh=1)
    return figure
