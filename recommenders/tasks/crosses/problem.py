"""The problem of crossed features: with which set of them logistic regression tells two classes apart best.

AutoCross (Luo et al., KDD 2019) grows a set cross by cross; here any searcher proposes whole sets. They are chosen by
one half of the validation rows, and compared in the end by the other, since the best of hundreds looks better than it
is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from core.common.errors import UserError
from core.crosses.cross import Cross
from core.crosses.spaces import CrossSpace
from core.crosses.tree import CrossSet
from core.phases.contender import Contender, TrainingResult, Variant
from core.phases.fitted import FittedProblem
from core.phases.metric import Metric
from core.phases.problem import Leading
from core.phases.simple import Part
from core.phases.tally import Tally
from core.phases.terms import Terms
from core.phases.told import ToldTable
from core.search.expansion import Expansion, Grown
from core.search.trial import Verdict
from recommenders.backends.compiled.cores import Cores
from recommenders.data.fields.dataset import FieldData
from recommenders.tasks.crosses.apart import TakenApart
from recommenders.tasks.crosses.bench import Bench, fit_encoder
from recommenders.tasks.crosses.design import Encoder
from recommenders.tasks.crosses.export import as_json, as_sql
from recommenders.tasks.crosses.greedy import GREEDY, Greedy, grow
from recommenders.tasks.crosses.home import HomeModels
from recommenders.tasks.crosses.judging import AUC, LOG_LOSS, CrossFit, metrics_of
from recommenders.tasks.crosses.logistic import Weights
from recommenders.tasks.crosses.model import CrossedModel
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.rivals.registry import RIVALS, Rival
from recommenders.tasks.crosses.rivals.tuned import fit_rival
from recommenders.tasks.crosses.telling import crosses_table, tables

#: Files with what was found.
MODEL, SQL, TABLE = "crosses.json", "crosses.sql", "crosses.csv"
#: The name of no crosses at all, which is compared with beside the published search.
PLAIN = "lr"

TERMS = Terms(
    one="set of crosses",
    many="sets of crosses",
    complexity="crosses",
    verdicts={
        Verdict.ACCEPTED.value: "Trained, and the reward passed the reward filter.",
        Verdict.REJECTED.value: "Trained, and the reward fell below the reward filter.",
        Verdict.DUPLICATE.value: "Not trained: it is an earlier one.",
        Verdict.NON_FINITE.value: "Its training gives numbers that are not finite.",
    },
)


class CrossProblem(FittedProblem[CrossSet], Expansion):
    """See StudyProblem, and Expansion.

    Args:
        data: a table of fields.
        plan: how columns are cut and models are trained.
        most_crosses: of a set that is proposed.
        most_features: of a cross that is proposed.
        seed: of the draws of races.
        threads: cores.
    """

    terms = TERMS

    def __init__(
        self,
        data: FieldData,
        plan: CrossPlan,
        most_crosses: int = CrossSpace.most_crosses,
        most_features: int = CrossSpace.most_features,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        super().__init__(seed, threads)
        self._data, self._plan = data, plan
        self._told, self._on_test = dict[str, list[ToldTable]](), dict[str, dict[str, float]]()
        self._most = (most_crosses, most_features)

    @cached_property
    def _encoder(self) -> Encoder:
        return fit_encoder(self._data, self._plan, Cores(self._threads))

    @cached_property
    def _bench(self) -> Bench:
        """The rows of all parts but the test part."""
        return Bench(
            self._data, self._encoder, self._data.rows("train", "stop"), self._data.parts["train"].stop, Cores(1)
        )

    @cached_property
    def _plain(self) -> Weights:
        """The model of the columns alone, which trainings begin with."""
        return self._bench.first(self._plan, self._data.parts["stop"])

    @cached_property
    def _home(self) -> HomeModels:
        return HomeModels(self._data, self._plan, self._bench, self._plain, Cores(self._threads))

    @cached_property
    def _apart(self) -> TakenApart:
        return TakenApart(self._bench, self._plan, self._data.parts, self._trained)

    @cached_property
    def space(self) -> CrossSpace:
        """See Problem."""
        return CrossSpace(tuple(self._encoder.features()), *self._most)

    @property
    def metric(self) -> Metric:
        """See StudyProblem: the area under the ROC curve."""
        return AUC

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See StudyProblem."""
        return AUC, LOG_LOSS

    @property
    def compared(self) -> Mapping[str, CrossSet]:
        """See SimpleProblem."""
        return {PLAIN: CrossSet()}

    @property
    def known_names(self) -> tuple[str, ...]:
        """See StudyProblem."""
        return PLAIN, GREEDY

    def written(self, text: str) -> Contender[CrossSet]:
        """See SimpleProblem: any set may be compared with, what AutoCross finds, and models of other kinds."""
        if (greedy := Greedy.parse(text)) is not None:
            return Contender(str(greedy), None, (Variant(greedy),))
        if text in RIVALS:
            return Contender(text, None, (Variant(Rival(text)),))
        if text in self.compared:
            return super().written(text)
        found = CrossSet.parse(text)
        self.space.check(found)
        return Contender(str(found), found, (Variant(found),))

    @property
    def names(self) -> tuple[str, ...]:
        """See SimpleProblem."""
        return (*self.known_names, *RIVALS)

    def simplified(self, trained: Any) -> CrossSet | None:
        """See StudyProblem: what AutoCross finds is not known before."""
        return trained if isinstance(trained, CrossSet) else None

    @property
    def draws(self) -> bool:
        """See StudyProblem: regressions end at one minimum."""
        return False

    @property
    def longest(self) -> int:
        """See StudyProblem: a training is looked at once, at its end."""
        return 1

    def fitted(self, candidates: Sequence[CrossSet | Greedy | Rival], seed: int) -> list[CrossFit]:
        """See FittedProblem; nothing in it is drawn."""
        self._plain  # noqa: B018  # which threads share
        for one in candidates:
            for cross in one.crosses if isinstance(one, CrossSet) else ():
                self._bench.member(cross)
        return Cores(self._threads).map(lambda k: self._fit(candidates[k]), len(candidates))

    def _fit(self, candidate: CrossSet | Greedy | Rival) -> CrossFit:
        if isinstance(candidate, Greedy):
            grown = grow(candidate, self._data, self._plan, self._seed)
            return CrossFit(grown.sets[0], grown.metrics, grown.passes, found=str(grown.sets[0]))
        if isinstance(candidate, Rival):
            rival = fit_rival(candidate, self._data, self._seed)
            labels = {part: self._data.label[self._data.parts[part]] for part in rival.scores}
            metrics = {part: metrics_of(own, labels[part]) for part, own in rival.scores.items()}
            return CrossFit(CrossSet(), metrics, rival.passes, metrics["test"], rival.found)
        found = self._trained(candidate.crosses)
        scores = self._bench.logistic(candidate.crosses).scores(found)
        return CrossFit(candidate, self._judged(scores), max(1, found.iterations))

    def _trained(self, crosses: Sequence[Cross]) -> Weights:
        """Return the model of a set, begun with that of the columns alone."""
        return self._bench.tried(self._plan, self._plain, crosses) if crosses else self._plain

    def _judged(self, scores: np.ndarray) -> dict[str, dict[str, float]]:
        parts = {name: self._data.parts[name] for name in ("choose", "stop")}
        return {name: metrics_of(scores[part], self._bench.label[part]) for name, part in parts.items()}

    def leading(
        self, tally: Tally[CrossSet], finalists: int, simpler: int, say: Callable[[str], None]
    ) -> Leading[CrossSet]:
        """See StudyProblem; where sets are pruned, by the rows that they are chosen by."""
        found = super().leading(tally, finalists, simpler, say)
        if self._plan.prune is None:
            return found
        sets = [one.solution for one in (*found.finalists, *found.simpler) if one.solution is not None]
        left = [CrossSet(self._apart.pruned(one.crosses, "choose")) for one in sets]
        say(f"Phase II: {_n(left)} of {_n(sets)} crosses of these sets are left, by prune")
        first = dict.fromkeys(left[: len(found.finalists)])
        more = [one for one in dict.fromkeys(left) if one not in first]
        chosen, others = (tuple(self.contender(one, {}) for one in part) for part in (first, more))
        return Leading(chosen, others, found.n_passed)

    def expansion(self, seed: int) -> Expansion:
        """See StudyProblem: sets that grow cross by cross, as far as the space has them."""
        return self

    def grown(self, width: int) -> Grown:
        """See Expansion: sets within the space."""
        most_crosses, most_features = self._most
        plan = replace(self._plan, most_crosses=most_crosses, most_features=most_features)
        found = grow(Greedy(width), self._data, plan, self._seed, self._threads)
        return Grown(np.stack([self.space.encode(one) for one in found.sets]), float(found.passes))

    def result(self, found: CrossFit) -> TrainingResult:
        """See FittedProblem: on validation by the training part alone; on test by all rows before it, if planned so."""
        part, key = self._data.parts["test"], found.crosses.key
        validation = found.metrics["stop"]
        if found.test is None and key not in self._on_test:  # whatever the seed
            model = self._home.judged(found.crosses, AUC.score_of(validation[AUC.name]))
            scores = model.scores([one.taken(part) for one in self._data.columns])
            self._on_test[key] = metrics_of(scores, self._data.label[part])
        test = found.test or self._on_test[key]
        curve = (AUC.score_of(validation[AUC.name]),)
        return TrainingResult(1, 1, validation, dict(test), curve, found=found.found)

    def model(self, crosses: CrossSet) -> CrossedModel:
        """Return the model of a set, trained to convergence as it is taken home."""
        return self._home.trained(crosses)

    def tables(self, trained: Any) -> list[ToldTable]:
        """See StudyProblem: crosses and what they are worth, combinations, and columns."""
        if trained.key not in self._told:
            left_out = self._apart.left_out(trained.crosses, "stop")
            self._told = {trained.key: tables(self._home.of(trained), left_out, self._bench.codes)}
        return self._told[trained.key]

    def evaluate(self, candidates: Sequence[CrossSet], part: Part, seed: int) -> list[float]:
        """See SimpleProblem; on validation by the rows that sets are chosen by."""
        fits = self.fitted(candidates, seed)
        if part == "test":
            return [self.result(one).test[AUC.name] for one in fits]
        return [one.metrics["choose"][AUC.name] for one in fits]

    def measured(self, found: CrossFit) -> tuple[float, float]:
        """See FittedProblem: by the rows that sets are chosen by."""
        return AUC.score_of(found.metrics["choose"][AUC.name]), found.passes

    def described(self) -> dict[str, Any]:
        """See StudyProblem."""
        return self._data.described()

    def data_digest(self) -> str:
        """See StudyProblem."""
        return self._data.digest()

    def lines(self) -> list[str]:
        """See StudyProblem."""
        return self._data.lines()

    @property
    def export_names(self) -> tuple[str, ...]:
        """See StudyProblem."""
        return MODEL, SQL, TABLE

    def exports(self, trained: Any) -> Mapping[str, str]:
        """See StudyProblem: the model as JSON, and its score as SQL where SQL can say it."""
        model = self._home.of(trained)
        found = {MODEL: as_json(model), TABLE: crosses_table(self.tables(trained)).as_csv()}
        try:
            found[SQL] = as_sql(model)
        except UserError as error:
            found[SQL] = f"-- not to be written in SQL: {error}\n"
        return found


def _n(sets: Sequence[CrossSet]) -> int:
    return sum(one.complexity for one in sets)
