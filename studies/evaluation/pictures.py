"""An evaluation as pictures: every seed a dot, every trial a dot, and trainings as lines."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from core.common.errors import counted
from studies.common.drawing import COLOURS, WIDTH
from studies.evaluation.stored import StoredEvaluation, StoredLoss
from studies.reporting.axes import INK, label, legend, new_axes, other
from studies.reporting.drawn import MOST_CURVES, Picture, make_picture
from studies.reporting.pictures import Line, draw_lines


def losses(evaluation: StoredEvaluation) -> Figure:
    """The metric that decides on the test part: dots are seeds, short lines their means; the best loss on top."""
    name = evaluation.metrics[0].name
    rows = [one for one in evaluation.losses if one.kind != "anchor"][::-1]
    anchors = [one for one in evaluation.losses if one.kind == "anchor" and not one.broken]
    figure, axes = new_axes(1.3 + 0.38 * len(rows), WIDTH)
    for row, one in enumerate(rows):
        values = np.array(one.metrics["test", name])
        finite = values[np.isfinite(values)]
        look = {"color": COLOURS[0]} if one.kind == "judged" else {"color": INK, "alpha": 0.6}
        # Dots of one loss are spread a little, in the order of the seeds, so that equal ones are seen.
        heights = row + np.linspace(-0.18, 0.18, len(values))[np.isfinite(values)]
        axes.plot(finite, heights, "o", markersize=4, markeredgewidth=0, **look)
        if len(finite):
            axes.plot([finite.mean()] * 2, [row - 0.32, row + 0.32], linewidth=2, **look)
    for i, one in enumerate(anchors, start=1):
        axes.axvline(one.mean("test", name), label=label(one.name), **other(i))
    axes.set_yticks(range(len(rows)), [label(one.name) for one in rows])
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set(ylim=(-0.6, len(rows) - 0.4), xlabel=f"test {name}")
    if anchors:
        legend(figure, 4)
    return figure


def losses_picture(evaluation: StoredEvaluation) -> Picture:
    """The losses beside each other."""
    metric = evaluation.metrics[0]
    better = "higher" if metric.higher_is_better else "lower"
    text = (
        f"Test {metric.name} ({better} is better), in the order of the table. Dots are seeds, short lines their means; "
        "losses that are judged in blue, baselines in grey."
    )
    if any(one.kind == "anchor" for one in evaluation.losses):
        text += " Lines from top to bottom are recommenders without a loss."
    return make_picture("losses", "All losses", text, lambda: losses(evaluation))


def curves_picture(evaluation: StoredEvaluation) -> Picture | None:
    """The metric by epoch with the first seed; None where no curve was kept."""
    shown = [one for one in evaluation.losses if one.curve and evaluation.is_ranking]
    if not shown:
        return None
    every, last = evaluation.settings["every"], evaluation.settings["max_epochs"]
    lines = []
    for i, one in enumerate(shown[:MOST_CURVES]):
        points = {min((j + 1) * every, last): value for j, value in enumerate(one.curve)}
        best = one.best_epochs[0]
        lines.append(Line(label(one.name), points, other(i), {best: points[best]} if best in points else {}))
    name, part = evaluation.metrics[0].name, evaluation.selected_on
    text = (
        f"{part.capitalize()} {name} by epoch with the first seed. Dots mark the best epoch, which counts. Beginnings "
        f"may leave the axes.{_left_out(shown)}"
    )
    higher = evaluation.metrics[0].higher_is_better
    return make_picture("curves", "Trainings", text, lambda: draw_lines(lines, "epochs", f"{part} {name}", higher))


def tuning_picture(evaluation: StoredEvaluation) -> Picture | None:
    """The value of every trial and the best so far; None where nothing was tuned."""
    metric, shown = evaluation.metrics[0], [one for one in evaluation.losses if len(one.tried) > 1]
    if not shown:
        return None
    lines = []
    for i, one in enumerate(shown[:MOST_CURVES]):
        best: list[float] = list(accumulate(one.tried, max if metric.higher_is_better else min))
        look = {**other(i), "drawstyle": "steps-post"}
        dots = dict(enumerate(one.tried, start=1))
        lines.append(Line(label(one.name), dict(enumerate(best, start=1)), look, dots, 2.5))
    short = evaluation.settings.get("trial_epochs")
    when = f", after {counted(short, 'epoch')}," if short else ""
    text = (
        f"The validation {metric.name} of every trial{when} as a dot, and of the best one so far as a line. "
        f"Bad trials may leave the axes.{_left_out(shown)}"
    )
    return make_picture(
        "tuning",
        "Tuning",
        text,
        lambda: draw_lines(lines, "trials", f"validation {metric.name}", metric.higher_is_better),
    )


def _left_out(shown: list[StoredLoss]) -> str:
    return f" Of {len(shown)} losses the best {MOST_CURVES} are drawn." if len(shown) > MOST_CURVES else ""
