"""Scores as they are in stages of a training, on which set-wise losses are looked at without training anything."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from core.common.seeding import numpy_rng


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
#: Positives of a stage, and negatives of each.
POSITIVES, NEGATIVES = 24, 32


def simulated_scores(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return drawn scores of positives and of their negatives, those of each stage behind those of the one before.

    Args:
        seed: of the draws.

    Returns:
        [stages * POSITIVES] and [stages * POSITIVES, NEGATIVES] cosines. Each positive of a trained model has one
        negative from .5 up, as it has among thousands.
    """
    rng = numpy_rng(seed, "set screen")
    drawn = [rng.standard_normal((POSITIVES, 1 + NEGATIVES)) for _ in STAGES]
    pairs = list(zip(STAGES.values(), drawn, strict=True))
    positives = np.concatenate([np.clip(mean + std * z[:, 0], -1, 1) for (mean, std, _, _), z in pairs])
    negatives = np.concatenate([np.clip(mean + std * z[:, 1:], -1, 1) for (_, _, mean, std), z in pairs])
    negatives[-POSITIVES:, 0] = np.linspace(0.5, 1.0, POSITIVES)
    return positives, negatives
