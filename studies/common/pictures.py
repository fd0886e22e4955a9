"""The pictures that a command writes beside its numbers, where they can be drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from core.common.extras import lacking

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def drawn(what: str, draw: Callable[[], Mapping[str, Figure]], warn: Callable[[str], None]) -> dict[str, bytes]:
    """PNG files by stem; none where matplotlib is not installed, which costs no more than that.

    Args:
        what: is drawn, for the warning.
        draw: makes the figures, by stem; loads what draws them.
        warn: told in a sentence that there are no pictures, and how to get them.
    """
    without = lacking(what, "matplotlib")
    if without is not None:
        warn(without)
        return {}
    from studies.common.drawing import png  # matplotlib takes a second to load

    return {stem: png(figure) for stem, figure in draw().items()}
