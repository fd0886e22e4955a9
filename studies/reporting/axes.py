"""What the pictures of a study share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.common.errors import in_a_line
from studies.common.drawing import COLOURS
from studies.reporting.svg import INK

T = TypeVar("T")
#: What losses are drawn in, the found one first.
FOUND: dict[str, Any] = {"color": COLOURS[1], "linewidth": 2.2, "linestyle": "-", "zorder": 5}
_OTHERS = (COLOURS[0], COLOURS[2], COLOURS[3], COLOURS[4], COLOURS[5], INK)
_STYLES = ("-", "--", "-.", (0, (4, 1, 1, 1, 1, 1)), (0, (2, 1.2)), ":")
_DIGITS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LONGEST_LABEL = 28


def new_axes(height: float = 3.0, width: float = 4.8) -> tuple[Figure, Axes]:
    """An empty picture in inches, small, so that text stays readable on a phone."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(visible=True, color=INK, alpha=0.13, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def legend(figure: Figure, columns: int = 2) -> None:
    """Below the axes, where it hides nothing."""
    figure.legend(loc="outside lower center", ncols=columns, handlelength=2.4, columnspacing=1.4)


def other(i: int) -> dict[str, Any]:
    """How the losses beside the found one are drawn: no two alike in both colour and style."""
    return {
        "color": _OTHERS[i % len(_OTHERS)],
        "linestyle": _STYLES[(i + i // len(_OTHERS)) % len(_STYLES)],
        "linewidth": 1.4,
    }


def label(name: str) -> str:
    """A name for a legend: one short line."""
    return in_a_line(name, _LONGEST_LABEL)


def thinned(entries: Sequence[T], most: int) -> list[T]:
    """Evenly spaced entries, the first and the last among them, where there are too many to draw."""
    if len(entries) <= most:
        return list(entries)
    return [entries[round(i * (len(entries) - 1) / (most - 1))] for i in range(most)]


def number(value: float) -> str:
    """As a person writes it: 0.5, 200, 10⁵."""
    if not value or 1e-3 <= abs(value) < 1e4:
        return f"{value:g}"
    digits, power = f"{value:.5e}".split("e")
    raised = f"10{str(int(power)).translate(_DIGITS)}"
    digits = digits.rstrip("0").rstrip(".")
    return {"1": raised, "-1": f"-{raised}"}.get(digits, f"{digits}·{raised}")


def finite_array(values: Iterable[float | None]) -> np.ndarray:
    """Numbers, NaN where there is none."""
    return np.array([math.nan if value is None else value for value in values], dtype=float)
