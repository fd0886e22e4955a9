"""What pages and reports share: a style sheet, templates in which everything from outside stays text, pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

from core.common.extras import lacking

if TYPE_CHECKING:
    from jinja2 import Template
    from matplotlib.figure import Figure


def text_of(package: str, name: str) -> str:
    """The text of a file that comes with a package."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


#: The style of every page, light and dark.
STYLE = text_of("studies.common", "page.css")


def template(package: str, name: str, filters: Mapping[str, Callable[..., Any]]) -> Template:
    """A template of a package; what it is given is escaped unless it says `safe`.

    What templates share is imported as "PACKAGE/NAME".

    Args:
        package: where the template lies.
        name: of its file.
        filters: by name, for the template.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.loader = FunctionLoader(lambda path: text_of(*path.split("/")))
    environment.filters |= filters
    return environment.from_string(text_of(package, name))


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
