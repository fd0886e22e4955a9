"""The command line and every outside effect: files, terminal, MLflow; and for notebooks and scripts, `search_loss`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.api import SearchResult, load_result, search_loss

__all__ = ["SearchResult", "load_result", "search_loss"]


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: commands need none of it."""
    if name in __all__:
        return getattr(import_module("studies.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
