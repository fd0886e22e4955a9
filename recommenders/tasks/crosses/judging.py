"""How good scores are: the area under the ROC curve and the log-loss."""

from __future__ import annotations

import numpy as np

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
