"""How good scores are: the area under the ROC curve and the log-loss; and what a training came to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.crosses.tree import CrossSet
from core.phases.metric import Metric
from recommenders.tasks.crosses.kernel import errors
from recommenders.tasks.merging import pairs_won

AUC, LOG_LOSS = Metric("auc", higher_is_better=True), Metric("log_loss", higher_is_better=False)


def auc(scores: np.ndarray, label: np.ndarray) -> float:
    """Return the share of pairs of a positive and a negative in which the positive has the larger score; ties are half.

    Args:
        scores: [n].
        label: 0 or 1 [n].
    """
    above, below = np.sort(scores[label > 0]), np.sort(scores[label == 0])
    return float(pairs_won(below, above)) / (2 * len(below) * len(above))


def log_loss(scores: np.ndarray, label: np.ndarray) -> float:
    """Return the mean log-loss of scores, which are logits.

    Args:
        scores: [n].
        label: 0 or 1 [n].
    """
    return float(errors(scores, label, np.empty(len(scores)))) / len(scores)


def metrics_of(scores: np.ndarray, label: np.ndarray) -> dict[str, float]:
    """Return AUC and log-loss of scores, by name.

    Args:
        scores: logits [n].
        label: 0 or 1 [n].
    """
    return {AUC.name: auc(scores, label), LOG_LOSS.name: log_loss(scores, label)}


class CrossFit(NamedTuple):
    """A trained set."""

    crosses: CrossSet
    metrics: dict[str, dict[str, float]]
    """AUC and log-loss of the parts that sets are chosen by and compared by."""
    passes: int
    """Passes over the training rows that it took."""
    test: dict[str, float] | None = None
    """The same of the test part, of what is no set of crosses."""
    found: str = ""
    """What was found, as it is written, of what searches by itself."""
