"""The command line and every outside effect: files, terminal, MLflow; and for notebooks and scripts, `search_loss`."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from studies.quiet import warnings_end_no_command

if TYPE_CHECKING:
    from studies.api import SearchResult, load_result, search_loss

if sys.argv[:1] == ["-m"] and any(word.startswith("studies.") for word in sys.orig_argv):
    warnings_end_no_command()  # `python -m studies.run` loads libraries from here on, which may warn

__all__ = ["SearchResult", "load_result", "search_loss"]


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: commands need none of it."""
    if name in __all__:
        return getattr(import_module("studies.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
