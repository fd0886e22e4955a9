"""The page about one study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.common.extras import needs


def report_page(content: Mapping[str, Any], history: Mapping[str, Any] | None, place: str = "FOLDER") -> str:
    """The page as HTML, see `studies.reporting.page`.

    Args:
        content: of result.json.
        history: the content of history.json, where there is one.
        place: what `--run` of other commands finds the study by.

    Raises:
        UserError: these are not a study's, or what pages are made with is not installed.
    """
    needs("the page about a study", "jinja2", "matplotlib")
    from studies.reporting import page  # loads matplotlib, which takes a second

    return page.report_page(content, history, place)
