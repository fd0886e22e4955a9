"""Crosses chosen by conditional mutual information as a rival (CMI+LR of AutoCross, section 5).

Chapelle, Manavoglu and Rosales (ACM TIST 2014) choose conjunctions of two features by what they tell of the label
beside the model so far: the log-loss of the training rows that their weights save while the model's stay as they are.
Crosses are chosen from the training rows alone; there are as many as AutoCross finds, and the regression is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.crosses.cross import Cross
from core.crosses.tree import Child, CrossSet, children
from recommenders.backends.compiled.cores import Cores
from recommenders.data.fields.dataset import FieldData
from recommenders.tasks.crosses.bench import ADDED, Bench
from recommenders.tasks.crosses.design import Member
from recommenders.tasks.crosses.kernel import SLOTS, bucket_sums_at, loss_saved, newton, number_pairs
from recommenders.tasks.crosses.model import CrossedModel
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.rivals.rival import Fitted, Trainable, columns_of
from recommenders.tasks.crosses.search import CrossSearch, fit_crosses

#: Newton steps of the weights of a cross, and their size at most.
_STEPS, _LARGEST = 2, 5.0


class Informed(Trainable):
    """Crosses by conditional mutual information, then logistic regression, see Trainable."""

    def __init__(self, data: FieldData) -> None:
        super().__init__(data)
        self._plan, self._cores = CrossPlan(), Cores(1)
        search = CrossSearch(data, self._plan)
        self._n, self._encoder = len(search.run().crosses), search.encoder
        rows = data.rows("train", "stop")
        self._bench = Bench(data, self._encoder, rows, data.parts["train"].stop, self._cores)
        self._first = self._bench.first(self._plan, data.parts["stop"])
        self._target, self._chosen = (data.target, *data.classes), dict[tuple[Any, ...], list[Cross]]()

    def fit(self, setting: Mapping[str, Any], rounds: tuple[int, ...] | None, seed: int) -> Fitted:
        """See Trainable; nothing in it is drawn."""
        key = (setting["prior"], setting["at_once"], setting["bins"])
        if key not in self._chosen:
            self._chosen[key] = self._choose(*key)
        model = self._tried(self._chosen[key]) if rounds is None else self._final(self._chosen[key])
        return Fitted(lambda x: model.scores(columns_of(self.data, x)), (1,), str(CrossSet(model.crosses)))

    def _tried(self, crosses: Sequence[Cross]) -> CrossedModel:
        """Return the model of the training rows, trained as sets are that searchers propose."""
        bench, weights = self._bench, self._bench.tried(self._plan, self._first, crosses)
        return CrossedModel.of(self._encoder, bench.members(crosses), weights, bench.n_fit, self._target)

    def _final(self, crosses: Sequence[Cross]) -> CrossedModel:
        """Return the model of all rows but the test part's."""
        return fit_crosses(self.data, self._plan, crosses, self._encoder, self._cores)

    def _choose(self, prior: float, at_once: int, bins: int) -> list[Cross]:
        """Return the crosses that tell most, so many chosen before the model is trained again.

        Without bounds, pairs with the most combinations tell most, by chance: hence cuts of so many bins at most.
        """
        chosen, weights = list[Cross](), self._first
        base = [one for one in self._bench.base if (one.cross.features[0].bins or 0) <= bins]
        pairs = children([one.cross for one in base], 2)
        while len(chosen) < self._n:
            scores = self._bench.logistic(chosen).scores(weights)[: self._bench.n_fit]
            told = self._told(base, pairs, scores, prior)
            order = [pairs[k].cross for k in np.argsort(-told, kind="stable")]
            added = [one for one in order if one not in chosen][: min(at_once, self._n - len(chosen))]
            if not added:
                break
            weights = self._bench.extended(self._plan, weights, added[:-1])
            chosen += added
            if len(chosen) < self._n:
                weights = self._bench.next(self._plan, chosen, weights, ADDED)
        return chosen

    def _told(self, members: Sequence[Member], pairs: Sequence[Child], scores: np.ndarray, prior: float) -> np.ndarray:
        """Return the log-loss that each pair of members saves on the training rows [pairs].

        Args:
            members: single features.
            pairs: of them.
            scores: of the model so far [n_fit].
            prior: the decay of a pair's weights, in rows.
        """
        n, label = self._bench.n_fit, self._bench.label[: self._bench.n_fit]
        place, bucket, used = np.full(SLOTS, -1, np.int32), np.empty(n, np.int32), np.empty(n, np.int64)
        found = np.empty(len(pairs))
        for k, pair in enumerate(pairs):
            left, right = members[pair.left], members[pair.right]
            rows = (left.rows.codes[:n], left.bucket_of, right.rows.codes[:n], right.bucket_of)
            n_buckets = number_pairs(*rows, (left.size + 1, right.size + 1), n, place, bucket, used)
            weights, sums, curvature = np.zeros((3, n_buckets))
            for _ in range(_STEPS):
                bucket_sums_at(bucket, scores, label, weights, sums, curvature)
                newton(sums, curvature, prior, weights)
                np.clip(weights, -_LARGEST, _LARGEST, out=weights)
            found[k] = loss_saved(bucket, scores, label, weights)
        return found
