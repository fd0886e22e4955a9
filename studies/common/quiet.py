"""Warnings and log lines that a person need not see, and what a library call gives back as it was."""

from __future__ import annotations

import logging
import os
import sys
import warnings


class quiet(warnings.catch_warnings):
    """Of Optuna: of experimental features, of which we know, and of values outside of their ranges, which are meant."""

    def __enter__(self) -> None:
        """Ignore warnings."""
        super().__enter__()
        warnings.simplefilter("ignore")


#: Logger -> its level before `set_level` changed it first.
levels_before: dict[str, int] = {}


def set_level(name: str, level: int) -> None:
    """Change the level of a library's logger, until `studies.common.undisturbed` takes it back."""
    logger = logging.getLogger(name)
    levels_before.setdefault(name, logger.level)
    logger.setLevel(level)


def warnings_end_nothing() -> None:
    """Take back what makes errors of warnings: no study ends because a library warns."""
    kept = [each for each in warnings.filters if each[0] != "error"]
    if len(kept) < len(warnings.filters):
        warnings.filters[:] = kept  # type: ignore[index]
        warnings.simplefilter("default", append=True)  # what holds anyway; Python notices the change by it


def warnings_end_no_command() -> None:
    """The same for a whole process, and for those that it starts (PYTHONWARNINGS=error, -W error)."""
    warnings_end_nothing()
    sys.warnoptions[:] = [each for each in sys.warnoptions if not _is_error(each)]
    given = os.environ.get("PYTHONWARNINGS", "")
    if given:
        os.environ["PYTHONWARNINGS"] = ",".join(each for each in given.split(",") if not _is_error(each))


def _is_error(option: str) -> bool:
    action = option.partition(":")[0].strip().lower()  # may be shortened
    return bool(action) and "error".startswith(action)
