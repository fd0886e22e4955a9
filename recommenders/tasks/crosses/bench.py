"""What a search for crosses works on: rows as codes, the columns as members, crosses as they come, and trainings."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np

from core.crosses.cross import Cross, Feature
from recommenders.backends.compiled.cores import Cores
from recommenders.data.fields.dataset import FieldData
from recommenders.tasks.crosses.binning import Binning, better_half, find_cuts
from recommenders.tasks.crosses.design import (
    Design,
    Encoder,
    Member,
    bytes_of,
    counts_of,
    cross_member,
    feature_member,
    spread_of,
)
from recommenders.tasks.crosses.judging import log_loss
from recommenders.tasks.crosses.logistic import Logistic, Weights, adapt, fit, fresh_weights
from recommenders.tasks.crosses.minimising import Precision
from recommenders.tasks.crosses.plan import SPACINGS, CrossPlan
from recommenders.tasks.crosses.scoring import ExactScoring, Rows

#: Trainings: from nothing, after a cross was added, of sets that are tried, which begin with the columns alone, and of
#: the model that is kept; how often decays are found.
_FIRST, _NEXT, _TRIED, _LAST = Precision(200, 1e-7), Precision(30, 1e-7), Precision(60, 1e-7), Precision(200, 1e-8)
_FIRST_ROUNDS, _NEXT_ROUNDS, _TRIED_ROUNDS, _LAST_ROUNDS, _BEGUN_ROUNDS = 6, 2, 3, 3, 4
#: The decay that trainings begin with where each member finds its own.
_BEGINNING = 3.0
#: That of crosses which are added to a trained model, several at once.
ADDED = 10.0
#: Bytes of the crosses that are kept: of ten million rows some fifty, of few rows all that a search asks for.
_ROOM = 2**31


class Bench:
    """Some rows of a data set as codes.

    Args:
        data: the data set.
        encoder: fitted on its training part.
        rows: those that are used, training rows first.
        n_fit: the number of training rows.
        cores: threads.
    """

    def __init__(self, data: FieldData, encoder: Encoder, rows: slice, n_fit: int, cores: Cores) -> None:
        self.encoder, self.label, self.n_fit, self._cores = encoder, data.label[rows], n_fit, cores
        self.codes = {one.name: encoder.coded(one, rows) for one in data.columns}
        self.base = [feature_member(one, encoder, self.codes[one.column]) for one in encoder.features()]
        self._crosses: dict[Cross, Member] = {}

    def over(self, n_fit: int, cores: Cores) -> Bench:
        """Return the same rows, of which others are training rows; the codes of columns are shared.

        Args:
            n_fit: the number of training rows.
            cores: threads.
        """
        found = copy(self)
        found.n_fit, found._cores, found._crosses = n_fit, cores, {}
        return found

    def member(self, cross: Cross) -> Member:
        """Return the member of a cross; it is made anew where there was no room to keep it."""
        found = self._crosses.get(cross)
        if found is None:
            found = cross_member(cross, self.encoder, self.codes, self.n_fit)
            self._crosses[cross] = found
            while sum(map(bytes_of, list(self._crosses.values()))) > _ROOM and len(self._crosses) > 1:
                self._crosses.pop(next(iter(self._crosses)), None)
        return found

    def members(self, crosses: Sequence[Cross]) -> list[Member]:
        """Return the members of a set: all columns, and crosses in this order."""
        return [*self.base, *map(self.member, crosses)]

    def logistic(self, crosses: Sequence[Cross]) -> Logistic:
        """Return the logistic regression on a set."""
        return Logistic(Design(self.members(crosses), self.label, self.n_fit), self._cores)

    def first(self, plan: CrossPlan, stop: slice) -> Weights:
        """Return the model of the columns alone, with the best decay, or with one for each member.

        Args:
            plan: decays.
            stop: the rows that choose among several decays.
        """
        logistic = self.logistic(())
        start = fresh_weights(logistic.design, _BEGINNING)
        if not plan.decays:
            return adapt(logistic, start, _FIRST_ROUNDS, _FIRST)
        best, least = start, np.inf
        for decay in sorted(plan.decays, reverse=True):
            start = fit(logistic, start._replace(decays=np.full(len(self.base), decay)), _FIRST)
            loss = log_loss(logistic.scores(start)[stop], self.label[stop])
            best, least = (start, loss) if loss < least else (best, least)
        return best

    def next(self, plan: CrossPlan, crosses: Sequence[Cross], start: Weights, decay: float) -> Weights:
        """Return the model of a set that has one cross more than before.

        Args:
            plan: decays.
            crosses: of the set; the new one is the last.
            start: the model of the set before.
            decay: of the new cross.
        """
        logistic = self.logistic(crosses)
        begun = start.extended(self.member(crosses[-1]).size, start.decays[0] if plan.decays else decay)
        return fit(logistic, begun, _FIRST) if plan.decays else adapt(logistic, begun, _NEXT_ROUNDS, _NEXT)

    def extended(self, plan: CrossPlan, plain: Weights, crosses: Sequence[Cross]) -> Weights:
        """Return the model of the columns alone with crosses that weigh nothing yet.

        Args:
            plan: decays.
            plain: the model.
            crosses: those that are added.
        """
        for one in crosses:
            plain = plain.extended(self.member(one).size, float(plain.decays[0]) if plan.decays else ADDED)
        return plain

    def tried(self, plan: CrossPlan, plain: Weights, crosses: Sequence[Cross]) -> Weights:
        """Return the model of a set that somebody proposes.

        Args:
            plan: decays.
            plain: the model of the columns alone, to begin with.
            crosses: the set.
        """
        logistic, start = self.logistic(crosses), self.extended(plan, plain, crosses)
        return fit(logistic, start, _TRIED) if plan.decays else adapt(logistic, start, _TRIED_ROUNDS, _TRIED)

    def fewer(self, plan: CrossPlan, crosses: Sequence[Cross], start: Weights, left: Sequence[Cross]) -> Weights:
        """Return the model of a part of a set, begun with that of the whole.

        Args:
            plan: decays.
            crosses: of the set.
            start: its model.
            left: those that stay, in the same order.
        """
        own = self._by_member(crosses, start.weights)
        stays = [len(one.cross) == 1 or one.cross in left for one in self.members(crosses)]
        kept = [one for one, is_kept in zip(own, stays, strict=True) if is_kept]
        begun = start._replace(weights=np.concatenate(kept), decays=start.decays[stays], loss=np.inf)
        logistic = self.logistic(left)
        return fit(logistic, begun, _FIRST) if plan.decays else adapt(logistic, begun, _NEXT_ROUNDS, _NEXT)

    def spreads(self, crosses: Sequence[Cross], weights: Weights) -> dict[Cross, float]:
        """Return the standard deviation of what each member of a set adds to the scores of training rows.

        Args:
            crosses: of the set.
            weights: its model.
        """
        own = zip(self.members(crosses), self._by_member(crosses, weights.weights), strict=True)
        return {one.cross: spread_of(found, counts_of(one, self.n_fit)) for one, found in own}

    def _by_member(self, crosses: Sequence[Cross], weights: np.ndarray) -> list[np.ndarray]:
        return np.split(weights, np.cumsum([one.size for one in self.members(crosses)])[:-1])

    def last(
        self,
        plan: CrossPlan,
        crosses: Sequence[Cross],
        decays: np.ndarray | None = None,
        plain: Weights | None = None,
    ) -> Weights:
        """Return the model of a set, trained to convergence.

        Args:
            plan: decays.
            crosses: of the set.
            decays: of each member [m], to begin with, or to stay with where the plan has decays.
            plain: the model of the columns alone, to begin with; None: from nothing.
        """
        logistic = self.logistic(crosses)
        if plain is not None:
            start = self.extended(plan, plain, crosses)
            return fit(logistic, start, _LAST) if plan.decays else adapt(logistic, start, _BEGUN_ROUNDS, _LAST)
        start = fresh_weights(logistic.design, _BEGINNING)
        start = start if decays is None else start._replace(decays=decays)
        if plan.decays:
            return fit(logistic, start, _LAST)
        return adapt(logistic, start, _FIRST_ROUNDS if decays is None else _LAST_ROUNDS, _LAST)


def fit_encoder(data: FieldData, plan: CrossPlan, cores: Cores) -> Encoder:
    """Choose the cuts of all columns of numbers on the training part, and keep the better ones.

    Args:
        data: the data set.
        plan: which cuts are tried, and whether the better half is kept.
        cores: threads.
    """
    train, used = data.parts["train"], data.rows("train", "choose")
    label, found = data.label[used], dict[str, Binning]()
    scoring = ExactScoring(Rows(label, train.stop), plan.judge, plan.decays, plan.newton_steps, cores)
    share = float(label[: train.stop].mean())
    bias = float(np.log(share / (1 - share)))
    for column in data.columns:
        if not column.is_number:
            continue
        cuts = find_cuts(column, train, SPACINGS[plan.spacing], plan.levels)
        if not cuts:  # one value and missing ones
            cuts = {Feature(column.name, "q", 10): np.zeros(0)}
        if plan.keep == "half" and len(cuts) > 1:
            encoder = Encoder([column], {column.name: Binning(cuts)})
            rows = encoder.coded(column, used)
            judged = scoring.alone([feature_member(one, encoder, rows) for one in cuts], bias)
            gains = {one: own.gain for one, own in zip(cuts, judged, strict=True)}
            cuts = {one: cuts[one] for one in better_half(gains)}
        found[column.name] = Binning(cuts)
    return Encoder(data.columns, found)
