"""One picture of losses side by side: a row for the loss and each gradient, a column for each label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from core.analysis.curves import CURVES, LABELS
from core.common.errors import in_a_line
from studies.common.drawing import COLOURS, grid
from studies.plotting.chosen import Scaled, without_spikes
from studies.reporting.axes import number
from studies.reporting.curves import draw_curves

_TICKS = (0, 0.2, 0.4, 0.6, 0.8, 1)
_WIDTH, _HEIGHT = 7.4, 7.0  # inches, without the legend
_LINE = 0.21  # a line of the legend
_LONGEST_LABEL, _LETTERS_IN_A_LINE, _LETTERS_OF_A_HANDLE = 48, 92, 8
_DOTS: tuple[Any, ...] = (0, (1, 1.4))
_DASHES: tuple[Any, ...] = ((0, (5, 1.6)), (0, (6, 1.5, 1.2, 1.5)), (0, (2.4, 1.2)), (0, (6, 1.2, 1, 1.2, 1, 1.2)))
#: The first loss is bold and whole, the others are broken and lie above it, so that equal curves can be seen.
_FIRST: dict[str, Any] = {"color": COLOURS[1], "linewidth": 2.6, "linestyle": "-"}
_BESIDE: dict[str, Any] = {"color": COLOURS[6], "linewidth": 1.5, "linestyle": _DOTS}
_OTHERS: tuple[dict[str, Any], ...] = tuple(
    {"color": COLOURS[colour], "linewidth": 1.6, "linestyle": _DASHES[i % len(_DASHES)]}
    for i, colour in enumerate((0, 2, 3, 4, 5, 6, 0))
)


def loss_curves(losses: Sequence[Scaled], scale: str) -> Figure:
    """The picture.

    Args:
        losses: what to draw; the first is the boldest.
        scale: one of `studies.plotting.chosen.SCALES`.
    """
    looks = _looks(losses)
    columns = _columns([look["label"] for look in looks])
    lines = -(-len(looks) // columns) + (scale != "raw")
    figure = Figure(figsize=(_WIDTH, _HEIGHT + _LINE * lines), layout="constrained", facecolor="white")
    panels = figure.subplots(len(CURVES), len(LABELS), sharex=True)
    for row, (name, pair) in enumerate(zip(CURVES, panels, strict=True)):
        for column, axes in enumerate(pair):
            curves = [one.heights[row] for one in losses]
            heights = [without_spikes(curve) for curve in curves]
            threshold = draw_curves(grid(axes), column, curves, looks, heights)
            axes.tick_params(labelleft=column == 0)
            if column == 0:
                beyond = "" if threshold is None else f"\n(logarithmic beyond ±{number(threshold)})"
                axes.set_ylabel(name + beyond)
            if row == 0:
                axes.set_title(f"label y = {LABELS[column]:g}")
            if row == len(CURVES) - 1:
                axes.set_xlabel("prediction ŷ")
                axes.set_xticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
    figure.align_ylabels()
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=columns,
        handlelength=3.2,
        columnspacing=1.6,
        title=None if scale == "raw" else "times a factor: ∂ loss / ∂ logit at ŷ = 1/2 as large as that of BCE",
    )
    return figure


def _looks(losses: Sequence[Scaled]) -> list[dict[str, Any]]:
    """How each is drawn: no two alike in both colour and style."""
    free = [_FIRST, *_OTHERS]
    looks, labels = [], set[str]()
    for place, one in enumerate(losses):
        look = _BESIDE if one.chosen.is_beside else free.pop(0)
        label = name = in_a_line(one.chosen.name, _LONGEST_LABEL)
        while label in labels:  # long names that are alike but in the middle
            label = f"{name} ({len(labels) + 1})"
        labels.add(label)
        times = "" if one.factor is None else f" \N{MULTIPLICATION SIGN} {number(float(f'{one.factor:.3g}'))}"
        looks.append({**look, "label": label + times, "zorder": 3 + place + len(losses) * one.chosen.is_beside})
    return looks


def _columns(labels: Sequence[str]) -> int:
    """How many names stand beside each other in the legend."""
    most = max(1, _LETTERS_IN_A_LINE // (max(map(len, labels)) + _LETTERS_OF_A_HANDLE))
    lines = -(-len(labels) // most)
    return -(-len(labels) // lines)
