"""What all pictures share: `Figure` objects, without pyplot's global state.

Colours are those of Okabe and Ito, which colour-blind readers can tell apart; lines differ in style as well.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
WIDTH = 5.8  # inches; small, so that text stays readable on a phone
_DOTS_PER_INCH = 160
#: Ending of a file -> what it would say of when and by what it was made, left out.
_UNSAID: Mapping[str, Mapping[str, None]] = MappingProxyType(
    {
        ".png": {"Software": None},
        ".svg": dict.fromkeys(("Date", "Creator", "Format", "Type")),
        ".pdf": dict.fromkeys(("CreationDate", "Creator", "Producer")),
    }
)
#: What `picture` writes, as names of files end.
ENDINGS = tuple(_UNSAID)
#: Settings of matplotlib that differ from its defaults, for losses drawn as curves and for pages.
LOOK: Mapping[Any, Any] = MappingProxyType(
    {
        "text.parse_math": False,  # a dollar sign in a name is one
        "font.family": "DejaVu Sans",
        "font.size": 9.5,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10,
        "axes.unicode_minus": False,  # as numbers are written elsewhere
    }
)


def png(figure: Figure) -> bytes:
    """The picture as a PNG file; the same figure gives the same bytes."""
    return _written(figure, ".png")


def picture(draw: Callable[[], Figure], ending: str, look: Mapping[Any, Any] = LOOK, salt: str = "picture") -> bytes:
    """A picture as a file; the same drawing gives the same bytes, whatever somebody's settings.

    Args:
        draw: makes the figure.
        ending: one of `ENDINGS`.
        look: settings of matplotlib that differ from its defaults.
        salt: names of parts of an SVG picture are made of it.
    """
    with looking(look, salt):
        return _written(draw(), ending)


@contextmanager
def looking(look: Mapping[Any, Any], salt: str) -> Iterator[None]:
    """Drawing that depends on nobody's settings, and stays quiet where the font lacks a letter of a name.

    Args:
        look: settings of matplotlib that differ from its defaults.
        salt: names of parts of an SVG picture are made of it.
    """
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**look, "svg.hashsalt": salt})
        yield


def _written(figure: Figure, ending: str) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format=ending.removeprefix("."), dpi=_DOTS_PER_INCH, metadata=dict(_UNSAID[ending]))
    return file.getvalue()


def new_figure(height: float) -> Figure:
    """An empty figure of this height in inches."""
    return Figure(figsize=(WIDTH, height), layout="constrained", facecolor="white")


def grid(axes: Axes) -> Axes:
    """The axes with quiet lines behind everything."""
    axes.grid(visible=True, color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    return axes
