"""Models of sets as they are taken home: trained to convergence on all rows that may be learned from."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from core.crosses.tree import CrossSet
from recommenders.backends.compiled.cores import Cores
from recommenders.data.fields.dataset import FieldData
from recommenders.tasks.crosses.bench import Bench
from recommenders.tasks.crosses.logistic import Weights
from recommenders.tasks.crosses.model import CrossedModel
from recommenders.tasks.crosses.plan import CrossPlan


class HomeModels:
    """Trains models of sets. All begin with that of the columns alone, which is most of what a training takes.

    Args:
        data: a table of fields; its test part is not learned from.
        plan: decays, and whether models are trained on the validation rows, too.
        bench: the rows of all parts but the test part.
        plain: the model of the columns alone on the training part.
        cores: threads.
    """

    def __init__(self, data: FieldData, plan: CrossPlan, bench: Bench, plain: Weights, cores: Cores) -> None:
        self._data, self._plan, self._begun = data, plan, plain
        self._bench = bench.over(data.parts["stop" if plan.refit else "train"].stop, cores)
        self._kept = dict[str, CrossedModel]()
        self._best = -np.inf

    @cached_property
    def _plain(self) -> Weights:
        return self._bench.last(self._plan, (), plain=self._begun)

    def trained(self, crosses: CrossSet) -> CrossedModel:
        """Return the model of a set, trained anew."""
        bench, chosen = self._bench, crosses.crosses
        weights = bench.last(self._plan, chosen, plain=self._plain) if chosen else self._plain
        target = (self._data.target, *self._data.classes)
        return CrossedModel.of(bench.encoder, bench.members(chosen), weights, bench.n_fit, target)

    def judged(self, crosses: CrossSet, score: float) -> CrossedModel:
        """Return the model of a set; that of the best one is kept.

        Args:
            crosses: the set.
            score: how good it is, higher is better.
        """
        model = self.trained(crosses)
        if score > self._best:
            self._best, self._kept = score, {crosses.key: model}
        return model

    def of(self, crosses: CrossSet) -> CrossedModel:
        """Return the model of a set that several ask for, one after the other."""
        if crosses.key not in self._kept:
            self._kept = {crosses.key: self.trained(crosses)}
        return self._kept[crosses.key]
