"""The command line and every outside effect: files, terminal, MLflow; for notebooks and scripts, see `studies.api`."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from studies.common.processes import warnings_end_no_command

if TYPE_CHECKING:
    from studies.api import (
        CrossedClassifier,
        CrossedFeatures,
        SearchResult,
        TrainedRecommender,
        load_result,
        search_loss,
        train_recommender,
    )

__all__ = [
    "CrossedClassifier",
    "CrossedFeatures",
    "SearchResult",
    "TrainedRecommender",
    "load_result",
    "search_loss",
    "train_recommender",
]
__version__ = "0.1.0"  # the one place; pyproject.toml reads it


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: commands need none of it."""
    if name in __all__:
        return getattr(import_module("studies.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _end_quietly(*_: object) -> None:
    """Ctrl-C before a command has begun: nothing is open yet, and libraries would answer an exception in their way."""
    os.write(2, b"interrupted\n")
    os._exit(130)


def _is_command() -> bool:
    """Whether this process is `python -m studies.X`, which has not found its module yet, or the console script."""
    first = (sys.argv or [""])[0]
    if first == "-m":
        return any(word.removeprefix("-m").partition(".")[0] == "studies" for word in sys.orig_argv[1:])
    return os.path.basename(first) == "loss-search"


if (
    _is_command()
):  # it is about to load libraries, which takes seconds and may warn; `studies.common.command.run_app` takes over
    warnings_end_no_command()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end_quietly)
