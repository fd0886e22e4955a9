"""What all pages share: one style sheet, and templates in which everything from outside stays text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined, Template


def text_of(package: str, name: str) -> str:
    """The text of a file that comes with a package."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


#: The style of every page, light and dark.
STYLE = text_of("studies.common", "page.css")


def template(package: str, name: str, filters: Mapping[str, Callable[..., Any]]) -> Template:
    """A template of a package; what it is given is escaped unless it says `safe`.

    Args:
        package: where the template lies.
        name: of its file.
        filters: by name, for the template.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= filters
    return environment.from_string(text_of(package, name))
