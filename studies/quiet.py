"""Warnings that a person need not see."""

from __future__ import annotations

import warnings


class quiet(warnings.catch_warnings):
    """Of Optuna: of experimental features, of which we know, and of values outside of their ranges, which are meant."""

    def __enter__(self) -> None:
        """Ignore warnings."""
        super().__enter__()
        warnings.simplefilter("ignore")
