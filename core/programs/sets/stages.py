"""Scores as they are in stages of a training, on which set-wise losses are looked at without training anything."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Stage(NamedTuple):
    """Scores of a stage of a training on cosines."""

    positive: float
    """Mean of positives."""
    positive_std: float
    negative: float
    """Mean of negatives."""
    negative_std: float


#: name -> stage, in the order of a training.
STAGES: Mapping[str, Stage] = MappingProxyType(
    {
        "fresh": Stage(0.0, 0.125, 0.0, 0.125),
        "half trained": Stage(0.45, 0.2, 0.05, 0.2),
        "trained": Stage(0.75, 0.12, 0.1, 0.25),
    }
)
