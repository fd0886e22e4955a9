"""An evaluation as a picture: every seed a dot."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from studies.common.drawing import grid, new_figure
from studies.evaluation.outcome import Outcome

_LONGEST_NAME = 36


def draw(outcome: Outcome) -> Figure:
    """The metric that decides on the test part: dots are seeds, lines their means; best on validation on top."""
    losses = outcome.ranked[::-1]
    figure = new_figure(1.3 + 0.38 * len(losses))
    axes = grid(figure.subplots())
    for row, one in enumerate(losses):
        values = np.array(one.values("test", outcome.metric.name))
        finite = values[np.isfinite(values)]
        colour = "#888888" if one.is_baseline else "#0072B2"
        # Dots of one loss are spread a little, in the order of the seeds, so that equal ones are seen.
        heights = row + np.linspace(-0.18, 0.18, len(values))[np.isfinite(values)]
        axes.plot(finite, heights, "o", color=colour, alpha=0.7, markersize=4, markeredgewidth=0)
        if len(finite):
            axes.plot([finite.mean()] * 2, [row - 0.32, row + 0.32], color=colour, linewidth=2)
    names = [one.name if len(one.name) <= _LONGEST_NAME else one.name[: _LONGEST_NAME - 1] + "…" for one in losses]
    axes.set_yticks(range(len(losses)), names)
    axes.set(ylim=(-0.6, len(losses) - 0.4), xlabel=f"test {outcome.metric.name}, {outcome.settings.seeds} seeds")
    return figure
