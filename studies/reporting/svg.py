"""Pictures as SVG inside a page: text and axes in the page's own colour, lines in colours that the page may change."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from matplotlib.figure import Figure

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
