"""Specifications of searchers: a name with optional settings, such as `optuna:sampler=cmaes:n_startup=50`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from core.common.specification import Specification, read_settings


@dataclass(frozen=True)
class SearcherSpec(Specification):
    """See Specification."""

    kind: ClassVar[str] = "searcher"
    example: ClassVar[str] = "gp"
    takes_classes: ClassVar[bool] = True


__all__ = ["SearcherSpec", "read_settings"]
