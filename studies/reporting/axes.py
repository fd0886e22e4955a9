"""What the pictures of a study share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

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
#: A height so many times the usual one of a curve would flatten it.
_MUCH_LARGER = 40.0
_DEEPEST = 1e-8
_APART = 0.085  # the least share of the height between two ticks


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


def fit_heights(axes: Axes, curves: Iterable[np.ndarray]) -> float | None:
    """Heights that show curves of very different sizes, or with steep ends.

    Returns:
        The value up to which the axis is linear, where it is logarithmic beyond; else None.
    """
    sizes = [np.abs(curve[np.isfinite(curve) & (curve != 0)]) for curve in curves]
    sizes = [size for size in sizes if size.size]
    if not sizes:
        return None
    highest, usual = max(float(size.max()) for size in sizes), min(float(np.median(size)) for size in sizes)
    if highest <= _MUCH_LARGER * usual:
        return None
    least = max(usual, highest * _DEEPEST)
    threshold = 10.0 ** math.floor(math.log10(least))
    axes.set_yscale("asinh", linear_width=threshold)  # like symlog, without its bend where the logarithm begins
    return threshold


def tick_decades(axes: Axes, threshold: float) -> None:
    """Ticks at 0 and at powers of ten, as many as the heights that are set have room for."""
    low, high = axes.get_ylim()
    room = _APART * (math.asinh(high / threshold) - math.asinh(low / threshold))
    ticks = [0.0] if low <= 0 <= high else []
    for end in (low, high):
        last, value = 0.0, math.copysign(threshold, end)
        while abs(value) <= abs(end):
            place = math.asinh(value / threshold)
            if abs(place - last) >= room:
                ticks.append(value)
                last = place
            value *= 10
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def finite_array(values: Iterable[float | None]) -> np.ndarray:
    """Numbers, NaN where there is none."""
    return np.array([math.nan if value is None else value for value in values], dtype=float)
