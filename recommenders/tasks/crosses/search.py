"""Search crosses by beam (AutoCross: Luo et al., KDD 2019, Algorithm 1; a beam of one is the published greedy search).

A step expands the sets in the beam, looks at all their children by field-wise logistic regression, and trains the best
ones whole. Rows that crosses are chosen by do not say when to stop: the best of hundreds looks better than it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from core.common.seeding import numpy_rng
from core.crosses.cross import Cross
from core.crosses.tree import Child, CrossSet, children
from recommenders.backends.compiled.cores import Cores
from recommenders.data.fields.dataset import FieldData
from recommenders.tasks.crosses.bench import Bench, fit_encoder
from recommenders.tasks.crosses.design import Encoder
from recommenders.tasks.crosses.judging import metrics_of
from recommenders.tasks.crosses.logistic import Weights
from recommenders.tasks.crosses.model import CrossedModel
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.pruning import pruned
from recommenders.tasks.crosses.racing import Racing
from recommenders.tasks.crosses.scoring import ExactScoring, Judged, Rows


@dataclass(frozen=True)
class Node:
    """A set whose model was trained."""

    crosses: tuple[Cross, ...]
    """In the order in which they were added."""
    metrics: dict[str, dict[str, float]]
    """AUC and log-loss of the parts that crosses are chosen by, and that say when to stop."""
    weights: Weights = field(repr=False)
    """The model."""
    scores: np.ndarray = field(repr=False)
    """Of all rows but the test part's, float64."""

    def score(self, part: str, judge: str) -> float:
        """Return how good the set is on a part, higher is better.

        Args:
            part: choose or stop.
            judge: a key of `plan.JUDGES`.
        """
        own = self.metrics[part]
        return own["auc"] if judge == "auc" else -own["log_loss"]


class Step(NamedTuple):
    """A step of a search."""

    number: int
    """From 0, which is all columns without a cross."""
    nodes: tuple[Node, ...]
    """The sets in the beam, the best one by its candidate first."""
    gains: tuple[float, ...]
    """What the last cross of each was expected to add."""
    n_candidates: int
    """How many were looked at."""
    seconds: float
    """Since the search began."""
    seconds_looking: float
    """Of this step, those in which candidates were looked at."""


class CrossSearch:
    """Iterates over the steps of a search.

    Args:
        data: a table of fields; its test part is not looked at.
        plan: settings.
        seed: of the order of rows in races.
        threads: cores.
    """

    def __init__(self, data: FieldData, plan: CrossPlan, seed: int = 0, threads: int = 1) -> None:
        self._data, self._plan, self._cores = data, plan, Cores(threads)
        self._seed = seed
        self._encoder: Encoder | None = None
        self.best: Node | None = None
        """The best set so far on the part that says when to stop."""
        self.ended = "not yet"
        """Why the search ended, in words."""

    @property
    def encoder(self) -> Encoder:
        """The way from columns to codes; fitted when first asked for."""
        if self._encoder is None:
            self._encoder = fit_encoder(self._data, self._plan, self._cores)
        return self._encoder

    def __iter__(self) -> Iterator[Step]:
        """Search."""
        began = time.perf_counter()
        rows, train = self._data.rows("train", "stop"), self._data.parts["train"]
        bench = Bench(self._data, self.encoder, rows, train.stop, self._cores)
        yield from self._grow(bench, began)
        if self._plan.prune is not None and self.best is not None:
            self.best = self._pruned(bench, self.best, self._plan.prune)

    def run(self) -> Node:
        """Search to the end, and return the best set."""
        for _ in self:
            pass
        assert self.best is not None, "the columns alone are a set"
        return self.best

    def _grow(self, bench: Bench, began: float) -> Iterator[Step]:
        weights = bench.first(self._plan, self._data.parts["stop"])
        beam = [self._node(bench, (), weights)]
        self.best = top = beam[0]
        best_step = 0
        yield Step(0, tuple(beam), (0.0,), 0, time.perf_counter() - began, 0.0)
        for number in range(1, self._plan.most_crosses + 1):
            looked = time.perf_counter()
            ranked, n = self._ranked(bench, beam, number)
            looked = time.perf_counter() - looked
            if not ranked:
                self.ended = "no cross is expected to add anything"
                return
            beam = [self._grown(bench, *one[1:]) for one in ranked]
            good = [node for node in beam if not self._is_behind(node, top)]
            if good:
                self.best, best_step = max(good, key=self._stopping), number
            top = max([top, *beam], key=self._stopping)
            seconds = time.perf_counter() - began
            yield Step(number, tuple(beam), tuple(one[3].gain for one in ranked), n, seconds, looked)
            if number - best_step >= self._plan.patience:
                self.ended = f"the best set is {number - best_step} steps ago"
                return
            if self._plan.seconds is not None and seconds >= self._plan.seconds:
                self.ended = "the time is over"
                return
        self.ended = "there are as many crosses as wanted"

    def _node(self, bench: Bench, crosses: tuple[Cross, ...], weights: Weights) -> Node:
        scores = bench.logistic(crosses).scores(weights)
        metrics = {}
        for part in ("choose", "stop"):
            metrics[part] = metrics_of(scores[self._data.parts[part]], bench.label[self._data.parts[part]])
        return Node(crosses, metrics, weights, scores)

    def _stopping(self, node: Node) -> float:
        return node.score("stop", self._plan.judge)

    def _is_behind(self, node: Node, top: Node) -> bool:
        """Tell whether a set is worse than the best one so far on the part that says when to stop."""
        behind = self._stopping(top) - self._stopping(node)
        if behind < 0 or not self._plan.tolerance:
            return behind >= 0
        rows = self._data.parts["stop"]
        label = self._data.label[self._data.rows("train", "stop")][rows]
        one, other = (np.logaddexp(0.0, own.scores[rows]) - label * own.scores[rows] for own in (node, top))
        error = float(np.std(one - other)) / math.sqrt(len(label))
        return float(np.mean(one - other)) > self._plan.tolerance * error

    def _ranked(
        self, bench: Bench, beam: Sequence[Node], number: int
    ) -> tuple[list[tuple[float, Node, Child, Judged]], int]:
        """Return the best children of all sets, as many as the beam holds, and how many there are."""
        plan, used = self._plan, self._data.rows("train", "choose")
        rows, found, n = Rows(bench.label[used], bench.n_fit), list[tuple[float, Node, Child, Judged]](), 0
        for node in beam:
            members = bench.members(node.crosses)
            candidates = children([one.cross for one in members], plan.most_features)
            n += len(candidates)
            if plan.evaluate == "race":
                rng = numpy_rng(self._seed, "crosses", "race", number)
                judged = Racing(rows, plan, rng, self._cores).gains(members, candidates, node.scores[used])
            else:
                decays = (float(node.weights.decays[0]),) if plan.decays else ()
                scoring = ExactScoring(rows, plan.judge, decays, plan.newton_steps, self._cores)
                judged = scoring.gains(members, candidates, node.scores[used])
            level = node.score("choose", plan.judge)
            found += [(level + own.gain, node, child, own) for child, own in zip(candidates, judged, strict=True)]
        if plan.evaluate == "exact":
            found = [one for one in found if one[3].gain > 0]
        distinct: dict[CrossSet, tuple[float, Node, Child, Judged]] = {}
        for one in sorted(found, key=lambda one: -one[0]):
            distinct.setdefault(CrossSet((*one[1].crosses, one[2].cross)), one)
            if len(distinct) == plan.beam:
                break
        return list(distinct.values()), n

    def _grown(self, bench: Bench, node: Node, child: Child, judged: Judged) -> Node:
        crosses = (*node.crosses, child.cross)
        weights = bench.next(self._plan, crosses, node.weights, judged.decay)
        return self._node(bench, crosses, weights)

    def model(self) -> CrossedModel:
        """Return the model of the best set; with `refit` trained anew on the validation rows, too."""
        assert self.best is not None, "search first"
        return self._fitted(self.best.crosses, self.best.weights.decays)

    def _pruned(self, bench: Bench, best: Node, least: float) -> Node:
        """Return the best set without the crosses that the rows which say when to stop do not miss."""
        part, trained = self._data.parts["stop"], {best.crosses: best}

        def scores_of(crosses: tuple[Cross, ...]) -> np.ndarray:
            if crosses not in trained:
                weights = bench.fewer(self._plan, best.crosses, best.weights, crosses)
                trained[crosses] = self._node(bench, crosses, weights)
            return trained[crosses].scores[part]

        order = sorted(best.crosses, key=bench.spreads(best.crosses, best.weights).__getitem__)
        return trained[pruned(best.crosses, order, scores_of, bench.label[part], least)]

    def plain(self) -> CrossedModel:
        """Return the model of the columns alone, with the same cuts: what crosses are worth is told beside it."""
        chosen = None if self.best is None or not self._plan.decays else self.best.weights.decays
        return self._fitted((), None if chosen is None else chosen[: len(self.encoder.features())])

    def _fitted(self, crosses: Sequence[Cross], decays: np.ndarray | None) -> CrossedModel:
        return fit_crosses(self._data, self._plan, crosses, self.encoder, self._cores, decays)


def fit_crosses(
    data: FieldData,
    plan: CrossPlan,
    crosses: Sequence[Cross],
    encoder: Encoder,
    cores: Cores,
    decays: np.ndarray | None = None,
) -> CrossedModel:
    """Return the model of a set, trained to convergence.

    Args:
        data: a table of fields; its test part is not looked at.
        plan: decays, and whether it is trained on the validation rows, too.
        crosses: of the set; none for plain logistic regression.
        encoder: how columns become codes, see `bench.fit_encoder`.
        cores: threads.
        decays: of each member [m], to begin with; of a plan with decays, those to stay with.
    """
    train = data.parts["train"]
    rows = data.rows("train", "stop") if plan.refit else train
    bench = Bench(data, encoder, rows, rows.stop, cores)
    weights = bench.last(plan, crosses, decays)
    target = (data.target, *data.classes)
    return CrossedModel.of(encoder, bench.members(crosses), weights, rows.stop, target)
