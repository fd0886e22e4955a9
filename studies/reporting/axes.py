"""What the pictures of a study share, and how they come into a page as SVG, in the page's own colours."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any
from xml.etree import ElementTree

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.common.errors import in_a_line
from studies.common.drawing import COLOURS, LOOK, picture

#: Stands for the colour of the text around the picture; nothing else is drawn in it.
INK = "#010203"
#: What the page's style sheet calls the colours of `COLOURS`.
NAMES = ("blue", "vermillion", "green", "pink", "orange", "sky")
_IN_THE_PAGE = {INK: "currentColor"} | {
    colour.lower(): f"var(--{name}, {colour.lower()})" for name, colour in zip(NAMES, COLOURS, strict=False)
}
_COLOUR = re.compile("|".join(_IN_THE_PAGE))
_FONT = re.compile(r"font-family:[^;]*;?\s*")
_INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
_LOOK: dict[Any, Any] = {
    **LOOK,
    "svg.fonttype": "none",  # text stays text
    "legend.fontsize": 9,
    "axes.facecolor": "none",
    "axes.titlesize": 9.5,
    "figure.facecolor": "none",
    **dict.fromkeys(_INKED, INK),
}


def inline_svg(stem: str, alt: str, draw: Callable[[], Figure]) -> str:
    """A picture as an `svg` element; the same drawing gives the same text.

    Args:
        stem: unlike that of every other picture of the page.
        alt: what is told in place of the picture.
        draw: makes the figure.
    """
    root = ElementTree.fromstring(picture(draw, ".svg", _LOOK, salt=stem))
    for parent in root.iter():
        for child in [one for one in parent if one.tag.endswith(("}style", "}metadata"))]:
            parent.remove(child)
    for element in root.iter():
        _adapt(element, stem)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib |= {"role": "img", "aria-label": alt}
    return ElementTree.tostring(root, encoding="unicode")


def _adapt(element: ElementTree.Element, stem: str) -> None:
    """No namespaces, which HTML does without, no font of its own, and names that occur once in the page."""
    element.tag = element.tag.split("}")[-1]
    for name, value in list(element.attrib.items()):
        short = name.split("}")[-1]
        if short != name:
            del element.attrib[name]
        if short == "id":
            value = f"{stem}-{value}"
        elif short == "href":
            value = f"#{stem}-{value.removeprefix('#')}"
        elif short == "clip-path":
            value = value.replace("url(#", f"url(#{stem}-")
        elif short == "style":
            value = _COLOUR.sub(lambda found: _IN_THE_PAGE[found[0]], _FONT.sub("", value))
        element.attrib[short] = value


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
