"""Look at every candidate cross on all rows, by field-wise logistic regression with Newton steps.

The paper trains field-wise models by gradient descent on a part of the rows, see `.racing`. Here the rows of each
combination are counted once, which takes as long as a pass over the rows, and each weight is found in closed form.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from core.crosses.tree import Child
from recommenders.backends.compiled.cores import Cores
from recommenders.tasks.crosses.design import Member
from recommenders.tasks.crosses.judging import auc
from recommenders.tasks.crosses.kernel import (
    SLOTS,
    bucket_sums,
    bucket_sums_at,
    curvatures,
    errors,
    expected_gain,
    loss_saved,
    newton,
    number_pairs,
    shifted,
)

#: Decays that a candidate is tried with where each member has its own.
_TRIED = (1.0, 10.0, 100.0, 1000.0)


@dataclass(frozen=True, eq=False)
class Rows:
    """The labels that candidates are judged by."""

    label: np.ndarray
    """[n], training rows first, those that crosses are chosen by behind them."""
    n_fit: int
    """The number of training rows."""


class Judged(NamedTuple):
    """A candidate that was looked at."""

    gain: float
    """How much better it makes the set, in units of the judge: log-loss of a row, or AUC."""
    decay: float
    """The best decay of its weights, of those that were tried."""


class _Model(NamedTuple):
    """The model so far."""

    scores: np.ndarray
    residual: np.ndarray
    curvature: np.ndarray
    auc: float


class ExactScoring:
    """Scores candidates; what a thread needs is made once.

    Args:
        rows: see Rows.
        judge: a key of `plan.JUDGES`.
        decays: those that are tried; one for each member where there is none.
        newton_steps: of each weight.
        cores: the threads.
    """

    def __init__(self, rows: Rows, judge: str, decays: Sequence[float], newton_steps: int, cores: Cores) -> None:
        self._rows, self._judge, self._steps, self._cores = rows, judge, newton_steps, cores
        self._decays = tuple(decays) or _TRIED
        self._own = threading.local()

    def gains(self, members: Sequence[Member], candidates: Sequence[Child], scores: np.ndarray) -> list[Judged]:
        """Return how good candidates are, in order.

        Args:
            members: of the set that they are added to.
            candidates: see Child.
            scores: of the set's model [n].
        """
        model = self._model(scores)

        def one(k: int) -> Judged:
            left, right = members[candidates[k].left], members[candidates[k].right]
            place, bucket, used = self._scratch()
            rows = (left.rows.codes, left.bucket_of, right.rows.codes, right.bucket_of)
            sizes = (left.size + 1, right.size + 1)
            n_buckets = number_pairs(*rows, sizes, self._rows.n_fit, place, bucket, used)
            return self._judged(bucket, n_buckets, model)

        return self._cores.map(one, len(candidates))

    def alone(self, members: Sequence[Member], bias: float) -> list[Judged]:
        """Return how good members are by themselves, beside a model that gives every row the same score.

        Args:
            members: single features.
            bias: the score.
        """
        model = self._model(np.full(len(self._rows.label), bias))

        def one(k: int) -> Judged:
            bucket = members[k].bucket_of[members[k].rows.codes]
            return self._judged(bucket, members[k].size, model)

        return self._cores.map(one, len(members))

    def _model(self, scores: np.ndarray) -> _Model:
        n, label = self._rows.n_fit, self._rows.label
        residual, curvature = np.empty((2, n))
        errors(scores[:n], label[:n], residual)
        curvatures(residual, label[:n], curvature)
        before = auc(scores[n:], label[n:]) if self._judge == "auc" else 0.0
        return _Model(scores, residual, curvature, before)

    def _judged(self, bucket: np.ndarray, n_buckets: int, model: _Model) -> Judged:
        n, label, scores = self._rows.n_fit, self._rows.label, model.scores
        sums, weight = np.empty((2, n_buckets))
        bucket_sums(bucket, model.residual, model.curvature, sums, weight)
        expected = [float(expected_gain(sums, weight, decay)) for decay in self._decays]
        best = int(np.argmax(expected))
        decay, weights = self._decays[best], np.zeros(n_buckets)
        newton(sums, weight, decay, weights)
        for _ in range(1, self._steps):
            bucket_sums_at(bucket, scores[:n], label[:n], weights, sums, weight)
            newton(sums, weight, decay, weights)
        if self._judge == "auc":
            found = np.empty(len(scores) - n)
            shifted(bucket[n:], scores[n:], weights, found)
            return Judged(auc(found, label[n:]) - model.auc, decay)
        saved = float(loss_saved(bucket[n:], scores[n:], label[n:], weights))
        if self._judge == "log-loss":
            return Judged(saved / (len(scores) - n), decay)
        return Judged((saved + expected[best]) / len(scores), decay)

    def _scratch(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if not hasattr(self._own, "scratch"):
            n = len(self._rows.label)
            self._own.scratch = (
                np.full(SLOTS, -1, np.int32),
                np.empty(n, np.int32),
                np.empty(self._rows.n_fit, np.int64),
            )
        scratch: tuple[np.ndarray, np.ndarray, np.ndarray] = self._own.scratch
        return scratch
