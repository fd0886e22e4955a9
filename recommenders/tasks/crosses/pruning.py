"""Leave crosses out of a set that the rows which say when to stop do not miss."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from core.crosses.cross import Cross
from recommenders.tasks.crosses.judging import auc


class LeftOut(NamedTuple):
    """The loss of some rows where a cross is left out of a set, and the others are trained anew."""

    cross: Cross
    """Which."""
    auc: float
    """By how much AUC is smaller without it."""
    log_loss: float
    """By how much the mean log-loss is larger."""
    error: float
    """The standard error of that, over the rows."""


#: Trains a set on other rows -> the scores of these rows [n].
Scorer = Callable[[tuple[Cross, ...]], np.ndarray]


def leave_out(crosses: Sequence[Cross], scores_of: Scorer, label: np.ndarray) -> list[LeftOut]:
    """Return what each cross of a set is worth beside the others.

    Args:
        crosses: the set.
        scores_of: trains a set.
        label: of the rows, 0 or 1 [n].
    """
    whole, found = scores_of(tuple(crosses)), list[LeftOut]()
    for cross in crosses:
        scores = scores_of(tuple(one for one in crosses if one != cross))
        found.append(LeftOut(cross, auc(whole, label) - auc(scores, label), *_lost(scores, whole, label)))
    return found


def pruned(
    crosses: Sequence[Cross], order: Sequence[Cross], scores_of: Scorer, label: np.ndarray, least: float
) -> tuple[Cross, ...]:
    """Return a set without the crosses that rows do not miss: each is left out in turn, and stays out if so.

    Args:
        crosses: the set.
        order: its crosses, those that are tried first in front.
        scores_of: see `leave_out`.
        label: of the rows, 0 or 1 [n].
        least: a cross stays if the mean log-loss is larger without it by more than so many standard errors.
    """
    left = tuple(crosses)
    whole = scores_of(left)
    for cross in order:
        others = tuple(one for one in left if one != cross)
        scores = scores_of(others)
        lost, error = _lost(scores, whole, label)
        if lost <= least * error:
            left, whole = others, scores
    return left


def _lost(scores: np.ndarray, whole: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """Return by how much the mean log-loss is larger, and the standard error of that."""
    lost = np.logaddexp(0.0, scores) - np.logaddexp(0.0, whole) - label * (scores - whole)
    return float(lost.mean()), float(lost.std()) / math.sqrt(len(label))
